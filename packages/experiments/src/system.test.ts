import { expect, test } from "vitest";
import {
  changeLeaf,
  changeSystem,
  defaultSystem,
  defaultSystemOn,
  describeChange,
  leafAt,
  replicaRange,
} from "./system.ts";

test("a change leaves everything else, and the original, as it was", () => {
  const changed = changeSystem(defaultSystem, { catalogue: { shutdown: { lagSeconds: 7 } }, selfHealing: false });
  expect(changed.catalogue.shutdown).toEqual({ ...defaultSystem.catalogue.shutdown, lagSeconds: 7 });
  expect(changed.selfHealing).toBe(false);
  expect(changed.stock).toEqual(defaultSystem.stock);
  expect(defaultSystem.selfHealing).toBe(true);
});

test("a control's leaf is the only difference", () => {
  const change = { path: "catalogue.stockClient.attemptTimeoutMs", from: 500, to: 9000 };
  const changed = changeLeaf(defaultSystem, change);
  expect(leafAt(changed, change.path)).toBe(9000);
  expect(changeLeaf(changed, { ...change, to: 500 })).toEqual(defaultSystem);
  expect(describeChange(change)).toBe("catalogue.stockClient.attemptTimeoutMs: 500 -> 9000");
});

test("what only every object has is no value of the system", () => {
  expect(leafAt(defaultSystem, "constructor.name")).toBeUndefined();
  expect(leafAt(defaultSystem, "__proto__.polluted")).toBeUndefined();
  expect(() => changeSystem(defaultSystem, JSON.parse('{"__proto__":{"polluted":true}}'))).toThrow(TypeError);
});

test.each(["fleet", "kind"] as const)(
  "on %s the service outlasts the balancer's lag, and its grace the sum of its phases",
  (target) => {
    const { catalogue, platform, terminationGraceSeconds } = defaultSystemOn(target);
    const { lagSeconds, announceSeconds, drainSeconds } = catalogue.shutdown;
    expect(lagSeconds * 1000).toBeGreaterThan(platform.endpointLagMs);
    expect(drainSeconds).toBeGreaterThanOrEqual(catalogue.longestRequestSeconds);
    expect(terminationGraceSeconds).toBeGreaterThan(lagSeconds + announceSeconds + drainSeconds);
  },
);

test("where a scaler owns the catalogue's number, there may be as many as it keeps to; stock has none", () => {
  expect(replicaRange(defaultSystem, "catalogue")).toEqual({ least: 3, most: 3 });
  const scaled = changeSystem(defaultSystem, { catalogue: { autoscaling: { mode: "keda", minReplicas: 2 } } });
  expect(replicaRange(scaled, "catalogue")).toEqual({ least: 2, most: 7 });
  expect(replicaRange(scaled, "stock")).toEqual({ least: 1, most: 1 });
});
