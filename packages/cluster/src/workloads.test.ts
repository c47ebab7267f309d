import { expect, test } from "vitest";
import type { DaemonSet, StatefulSet } from "./kubernetes-types.ts";
import { viewPlatform } from "./overview.ts";
import { isRolledOut, isScaledToNothing } from "./workloads.ts";

const metadata = { name: "x", namespace: "telemetry", uid: "1", creationTimestamp: "", generation: 2 };
const template = { spec: { containers: [] } };

function daemonSet(status: Partial<NonNullable<DaemonSet["status"]>>): DaemonSet {
  const all = { observedGeneration: 2, desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 };
  return { metadata: { ...metadata }, spec: { selector: {}, template }, status: { ...all, ...status } };
}

function statefulSet(replicas: number, status: StatefulSet["status"] = {}): StatefulSet {
  const all = { observedGeneration: 2, replicas, updatedReplicas: replicas, availableReplicas: replicas };
  return { metadata: { ...metadata }, spec: { replicas, selector: {}, template }, status: { ...all, ...status } };
}

test("a DaemonSet has rolled out when a new pod is available on every node", () => {
  expect(isRolledOut(daemonSet({}))).toBe(true);
  expect(isRolledOut(daemonSet({ observedGeneration: 1 }))).toBe(false);
  expect(isRolledOut(daemonSet({ updatedNumberScheduled: 3 }))).toBe(false);
  expect(isRolledOut(daemonSet({ numberAvailable: 3 }))).toBe(false);
  // Just made: its controller has not counted the nodes yet.
  const fresh = { desiredNumberScheduled: 0, updatedNumberScheduled: 0, numberAvailable: 0 };
  expect(isRolledOut(daemonSet(fresh))).toBe(false);
});

test("a StatefulSet has rolled out when all its pods are new and available", () => {
  expect(isRolledOut(statefulSet(1))).toBe(true);
  expect(isRolledOut(statefulSet(1, { updatedReplicas: 0 }))).toBe(false);
  expect(isRolledOut(statefulSet(1, { availableReplicas: 0 }))).toBe(false);
  expect(isRolledOut({ ...statefulSet(1), status: undefined } as unknown as StatefulSet)).toBe(false);
});

test("what is scaled to nothing has rolled out and is still not ready for anybody", () => {
  expect(isScaledToNothing(statefulSet(0))).toBe(true);
  expect(isScaledToNothing(statefulSet(1))).toBe(false);
  expect(isScaledToNothing(daemonSet({}))).toBe(false);
  const labelled = (replicas: number) => {
    const workload = statefulSet(replicas);
    Object.assign(workload.metadata, {
      labels: { "holdfast/part": "victoria-logs" },
      annotations: { "holdfast/version": "1.51.0" },
    });
    return workload;
  };
  expect(viewPlatform([labelled(1)])).toEqual([{ name: "victoria-logs", ready: true, version: "1.51.0" }]);
  expect(viewPlatform([labelled(0)])).toEqual([{ name: "victoria-logs", ready: false, version: "1.51.0" }]);
});
