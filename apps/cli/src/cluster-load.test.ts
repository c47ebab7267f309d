import { parsePlan, parseRule } from "@holdfast/load";
import { expect, test } from "vitest";
import { clusterLoadRule, clusterPlan, loadReason, refuseTooMany } from "./cluster-load.ts";

const target = { url: "http://10.96.0.1:80", productIds: ["walnut-desk", "oak-shelf"] };

test("the load's plan is one that the agent takes, with sockets for its rate", () => {
  const plan = parsePlan(clusterPlan({ rate: 300, slowShare: 0 }, target));
  expect(plan).toMatchObject({ ratePerSecond: 300, persistentSockets: 150, newShare: 0.5 });
  expect(plan.requests.some(({ name }) => name === "slow")).toBe(false);
  expect(clusterPlan({ rate: 10, slowShare: 0 }, target).persistentSockets).toBe(50);
  expect(clusterPlan({ rate: 10, slowShare: 0, connections: 7 }, target).persistentSockets).toBe(7);
});

test.for([0.01, 0.05, 0.5])("a share of %d is slow", (slowShare) => {
  const { requests } = parsePlan(clusterPlan({ rate: 100, slowShare }, target));
  const all = requests.reduce((sum, { weight }) => sum + weight, 0);
  const slow = requests.find(({ name }) => name === "slow");
  expect((slow?.weight ?? 0) / all).toBeCloseTo(slowShare, 2);
  expect(slow).toMatchObject({ takesMs: 3_000, headers: { "x-fault-delay-ms": "3000" } });
});

test("its rule is one that a ledger can hold: nothing may fail, and the machine's own limits make a run INVALID", () => {
  const rule = parseRule(clusterLoadRule({ rate: 200, for: 60 }));
  expect(rule).toMatchObject({
    kind: "planned",
    minScheduledInWindows: 10_800,
    maxScheduleLagMs: { p99: 200, max: 1_000 },
    maxClockErrorMs: 100,
  });
});

test("the verdict of a load speaks of no fault, since there was none", () => {
  expect(loadReason("0 of 4200 requests failed; 4000 of them were sent during 20.0 s of fault in 1 window.")).toBe(
    "0 of 4200 requests failed; 4000 of them were sent while it was measured, which was 20.0 s.",
  );
  expect(loadReason("While the fault worked, 7 requests fell due, where 900 are needed.")).not.toContain("fault");
});

test("more requests than a verdict can hold are wrong usage", () => {
  expect(() => refuseTooMany({ rate: 200, for: 3_600 })).not.toThrow();
  expect(() => refuseTooMany({ rate: 2_000, for: 3_600 })).toThrow(/7 200 000 requests.*--for takes up to 500 s/);
});
