import type { ReplicaStatus } from "@holdfast/fleet";
import { expect, test } from "vitest";
import { createActions } from "./session-actions.ts";
import type { Session } from "./session.ts";
import type { ServiceSnapshot } from "./snapshot.ts";
import { sampleSnapshot } from "./snapshot.fixture.ts";

/** A session whose fleets only remember what they were asked. */
function sessionOf(opts: {
  catalogue: Partial<ReplicaStatus>[];
  stock: Partial<ReplicaStatus>[];
  stockNote?: string;
}): Session {
  const fleet = (replicas: Partial<ReplicaStatus>[]): unknown => ({
    replicas: () => replicas,
    rollOut: async () => {},
    settled: async () => {},
    scale: async () => {},
  });
  const session: unknown = {
    catalogue: fleet(opts.catalogue),
    stock: fleet(opts.stock),
    load: undefined,
    tell: () => {},
    note: () => {},
    snapshot: () => sampleSnapshot(opts.stockNote === undefined ? {} : { services: [stockService(opts.stockNote)] }),
  };
  return session as Session;
}

function stockService(note: string): ServiceSnapshot {
  return { name: "stock", wanted: 0, note, replicas: [] };
}

test("what is not broken is not brought back", async () => {
  const whole = createActions(sessionOf({ catalogue: [], stock: [] }));
  expect(await whole.healStock()).toMatchObject({ text: "Nothing was broken: stock is as it should be." });
  const broken = createActions(sessionOf({ catalogue: [], stock: [], stockNote: "taken away by you" }));
  expect(await broken.healStock()).toMatchObject({ text: "Stock is back." });
});

test("a rollout without a version takes none that is in use", async () => {
  const actions = createActions(sessionOf({ catalogue: [{ version: "v2" }, { version: "v3" }], stock: [] }));
  expect(await actions.rollOut()).toMatchObject({ result: { version: "v4" } });
});

test("what is gone cannot be made slow, and nothing is said to have been", async () => {
  const actions = createActions(sessionOf({ catalogue: [], stock: [{ state: "terminating" }] }));
  await expect(actions.breakStock({ slowSeconds: 1 })).rejects.toMatchObject({ code: "STOCK_GONE", exitCode: 4 });
});
