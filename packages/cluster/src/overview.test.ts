import { expect, test } from "vitest";
import { describePod, keepsCrashing, pullFailures } from "./diagnosis.ts";
import type { ContainerStatus, Deployment, Node, Pod } from "./kubernetes-types.ts";
import { viewNode } from "./nodes.ts";
import { viewPlatform } from "./overview.ts";
import { viewPod } from "./pods.ts";
import { isRolledOut } from "./workloads.ts";

const meta = (name: string) => ({ name, namespace: "holdfast", uid: name, creationTimestamp: "2026-01-01T00:00:00Z" });

const node: Node = {
  metadata: { ...meta("dev-worker2"), labels: { "topology.kubernetes.io/zone": "zone-b" } },
  spec: { unschedulable: true },
  status: { conditions: [{ type: "Ready", status: "Unknown" }] },
};

function pod(status: Partial<ContainerStatus>, changes: Partial<Pod> = {}): Pod {
  return {
    metadata: { ...meta("catalogue-1"), labels: { "app.kubernetes.io/instance": "catalogue" } },
    spec: {
      nodeName: "dev-worker2",
      containers: [{ name: "service", image: "localhost:5001/holdfast/service:sha-1" }],
    },
    status: {
      phase: "Running",
      startTime: "2026-01-01T00:00:01Z",
      conditions: [{ type: "Ready", status: status.ready === true ? "True" : "False" }],
      containerStatuses: [{ name: "service", ready: false, restartCount: 0, image: "", imageID: "", ...status }],
    },
    ...changes,
  };
}

function deployment(changes: { generation?: number; status?: Deployment["status"]; part?: string }): Deployment {
  return {
    metadata: {
      ...meta(`${changes.part}-${changes.generation}`),
      generation: changes.generation ?? 1,
      labels: changes.part === undefined ? {} : { "holdfast/part": changes.part },
      annotations: { "holdfast/version": "1.2.3" },
    },
    spec: { replicas: 2, selector: {}, template: { spec: { containers: [] } } },
    status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2, ...changes.status },
  };
}

test("a node that is lost and cordoned", () => {
  expect(viewNode(node, new Set(["dev-worker2"]))).toEqual({
    name: "dev-worker2",
    zone: "zone-b",
    role: "worker",
    ready: false,
    schedulable: false,
    paused: true,
  });
});

test("a pod with its zone and release", () => {
  const running = pod({ ready: true, restartCount: 2, state: { running: { startedAt: "2026-01-01T00:00:02Z" } } });
  expect(viewPod(running, new Map([["dev-worker2", "zone-b"]]))).toEqual({
    namespace: "holdfast",
    name: "catalogue-1",
    release: "catalogue",
    node: "dev-worker2",
    zone: "zone-b",
    phase: "Running",
    ready: true,
    restarts: 2,
    image: "localhost:5001/holdfast/service:sha-1",
    startedAt: "2026-01-01T00:00:01Z",
  });
});

test("a pod that ends, one without an image and one without a node say so", () => {
  const ending = pod({ ready: true });
  ending.metadata.deletionTimestamp = "2026-01-01T00:01:00Z";
  expect(viewPod(ending, new Map()).phase).toBe("Terminating");
  expect(viewPod(pod({ state: { waiting: { reason: "ImagePullBackOff" } } }), new Map()).phase).toBe(
    "ImagePullBackOff",
  );
  const pending: Pod = { metadata: meta("p"), spec: { containers: [] }, status: { phase: "Pending" } };
  expect(viewPod(pending, new Map())).toMatchObject({ phase: "Pending", node: "", startedAt: "", ready: false });
});

test("a rollout has ended when the newest form is seen, available and alone", () => {
  expect(isRolledOut(deployment({}))).toBe(true);
  expect(isRolledOut(deployment({ generation: 2 }))).toBe(false);
  expect(isRolledOut(deployment({ status: { updatedReplicas: 1 } }))).toBe(false);
  expect(isRolledOut(deployment({ status: { replicas: 3 } }))).toBe(false);
  expect(isRolledOut(deployment({ status: { availableReplicas: 1 } }))).toBe(false);
});

test("a part of several Deployments is ready when all of them are", () => {
  const found = [
    deployment({ part: "keda" }),
    deployment({ part: "keda", generation: 2 }),
    deployment({ part: "prometheus" }),
    deployment({}),
  ];
  expect(viewPlatform(found)).toEqual([
    { name: "keda", ready: false, version: "1.2.3" },
    { name: "prometheus", ready: true, version: "1.2.3" },
  ]);
});

test("what keeps a pod from being ready, in one line", () => {
  expect(
    describePod(
      pod({
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 2, reason: "Error" } },
        restartCount: 3,
      }),
    ),
  ).toBe("on dev-worker2, container service is CrashLoopBackOff, ended before with Error (exit code 2), 3 restarts");
  expect(describePod(pod({ state: { running: { startedAt: "" } } }))).toBe(
    "on dev-worker2, container service runs and is not ready",
  );
  const unscheduled = pod(
    {},
    { status: { conditions: [{ type: "PodScheduled", status: "False", message: "0/4 nodes" }] } },
  );
  expect(describePod(unscheduled)).toBe("waits for a node: 0/4 nodes");
});

test("an image that could not be pulled is named once, as it was asked for, with its node", () => {
  const failed = pod({ state: { waiting: { reason: "ImagePullBackOff", message: "not found" } } });
  expect(pullFailures([failed, failed, pod({ ready: true })])).toEqual([
    { image: "localhost:5001/holdfast/service:sha-1", node: "dev-worker2", message: "not found" },
  ]);
});

test("a few restarts at the start are no reason to give up, the fourth is", () => {
  const crashed = (restartCount: number) => pod({ restartCount, state: { waiting: { reason: "CrashLoopBackOff" } } });
  expect(keepsCrashing([crashed(3)])).toBe(false);
  expect(keepsCrashing([crashed(4)])).toBe(true);
});
