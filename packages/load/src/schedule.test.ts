import { expect, test } from "vitest";

import { plan } from "./ledger-fixture.ts";
import { parsePlan, type LoadPlan } from "./plan.ts";
import { createMix, dueMs, type Arrival } from "./schedule.ts";

function first(count: number, change: Partial<LoadPlan> = {}): Arrival[] {
  const nextArrival = createMix(parsePlan({ ...plan, ...change }));
  return Array.from({ length: count }, nextArrival);
}

const kindsOf = (arrivals: readonly Arrival[]) => arrivals.map(({ kind }) => kind.name);

test("half of the requests open connections of their own, evenly spread", () => {
  const arrivals = first(1_000);
  for (let at = 0; at < 1_000; at += 2) {
    expect(new Set([arrivals[at]?.connection, arrivals[at + 1]?.connection])).toEqual(new Set(["new", "persistent"]));
  }
});

test.each([0, 0.25, 1])("a share of %f of new connections is held exactly", (newShare) => {
  expect(first(1_000, { newShare }).filter(({ connection }) => connection === "new")).toHaveLength(newShare * 1_000);
});

test("in each block of twenty of either connection kind exactly one is slow", () => {
  const arrivals = first(4_000);
  for (const connection of ["new", "persistent"] as const) {
    const kinds = kindsOf(arrivals.filter((arrival) => arrival.connection === connection));
    expect(kinds).toHaveLength(2_000);
    for (let at = 0; at < kinds.length; at += 20) {
      expect(kinds.slice(at, at + 20).filter((kind) => kind === "slow")).toHaveLength(1);
    }
  }
});

test("the slow one's place in its block varies, so it keeps time with nothing", () => {
  const kinds = kindsOf(first(4_000).filter(({ connection }) => connection === "new"));
  const places = new Set(kinds.flatMap((kind, at) => (kind === "slow" ? [at % 20] : [])));
  expect(places.size).toBeGreaterThan(15);
});

test("weights that have a common divisor make the same blocks as without it", () => {
  const [quick, slow] = plan.requests as [LoadPlan["requests"][0], LoadPlan["requests"][0]];
  const scaled = first(400, {
    requests: [
      { ...quick, weight: 950 },
      { ...slow, weight: 50 },
    ],
  });
  expect(kindsOf(scaled)).toEqual(kindsOf(first(400)));
});

test("the same seed gives the same run, another seed another order", () => {
  expect(kindsOf(first(400))).toEqual(kindsOf(first(400)));
  expect(kindsOf(first(400, { seed: 2 }))).not.toEqual(kindsOf(first(400)));
});

test("sampled requests are found on both connection kinds, in their exact share", () => {
  const sampled = first(1_000, { sampledShare: 0.1 }).filter((arrival) => arrival.sampled);
  expect(sampled.filter(({ connection }) => connection === "new")).toHaveLength(50);
  expect(sampled.filter(({ connection }) => connection === "persistent")).toHaveLength(50);
});

test("due times do not drift", () => {
  const rate = { i: 10, atMs: 1_000, ratePerSecond: 3 };
  expect(dueMs(rate, 10)).toBe(1_000);
  expect(dueMs(rate, 10 + 3_000_000)).toBe(1_000 + 1_000_000_000);
});
