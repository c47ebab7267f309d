import { expect, test } from "vitest";
import { rollBack } from "./rollback.ts";
import { changeSystem, defaultSystemOn, type SystemChange } from "./system.ts";
import type { Replica, Target } from "./target.ts";

/** What is found after a rollback that left so many catalogue replicas, of which so many are ready. */
function afterwards({
  system = {},
  replicas,
  ready = replicas,
}: {
  system?: SystemChange;
  replicas: number;
  ready?: number;
}) {
  const target = {
    repair: async () => {},
    nodes: async () => [],
    settled: async () => {},
    replicas: async (service: string) =>
      Array.from({ length: service === "stock" ? 1 : replicas }, (_, n) => ({
        service,
        name: `${service}-${n}`,
        ready: service === "stock" || n < ready,
      })) as unknown as Replica[],
    faults: async () => [],
    ask: async () => ({ status: 200, degraded: false }),
  } as unknown as Target;
  const experiment = { rollback: async () => {} };
  return rollBack({ experiment, target, system: changeSystem(defaultSystemOn("kind"), system), withinMs: 5000 });
}

const KEDA = { catalogue: { autoscaling: { mode: "keda" } } } as const;

test("without a scaler there must be as many replicas as the system says", async () => {
  expect(await afterwards({ replicas: 3 })).toMatchObject({ verified: true });
  expect((await afterwards({ replicas: 4 })).reason).toContain("catalogue has 4 of 3 replicas ready, and 4 in all");
});

test("with one, any number that it keeps to is right, and each must be ready", async () => {
  expect(await afterwards({ system: KEDA, replicas: 5 })).toMatchObject({
    verified: true,
    checks: expect.arrayContaining([
      { name: "replicas", ok: true, found: "catalogue 5/3 to 7 ready, stock 1/1 ready" },
    ]),
  });
  expect((await afterwards({ system: KEDA, replicas: 2 })).reason).toContain(
    "catalogue has 2 of 3 to 7 replicas ready",
  );
  expect((await afterwards({ system: KEDA, replicas: 8 })).verified).toBe(false);
  expect((await afterwards({ system: KEDA, replicas: 5, ready: 4 })).reason).toContain(
    "4 of 3 to 7 replicas ready, and 5 in all",
  );
});
