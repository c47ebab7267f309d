/** A cluster for tests: three zones, one of them in trouble. */
import type { ClusterSnapshot } from "./cluster-words.ts";

const NOW_MS = Date.parse("2026-11-24T12:00:00Z");

export const clusterNowMs = NOW_MS;

export function sampleCluster(change: Partial<ClusterSnapshot> = {}): ClusterSnapshot {
  return {
    name: "holdfast",
    context: "kind-holdfast",
    kubeconfig: "/checkout/.cache/clusters/holdfast/kubeconfig",
    urls: {
      catalogue: "http://localhost:30080",
      prometheus: "http://localhost:30090",
      logs: "http://localhost:30428/select/vmui",
      registry: "localhost:5001",
    },
    nodes: [
      sampleNode("holdfast-control-plane", { role: "control-plane" }),
      sampleNode("holdfast-worker3", { zone: "zone-c", ready: false, paused: true }),
      sampleNode("holdfast-worker", { zone: "zone-a" }),
      sampleNode("holdfast-worker2", { zone: "zone-b", schedulable: false }),
    ],
    pods: [
      samplePod("catalogue-1", { zone: "zone-a", node: "holdfast-worker" }),
      samplePod("catalogue-2", { zone: "zone-b", node: "holdfast-worker2", restarts: 2, ready: false }),
      samplePod("stock-1", { zone: "zone-a", node: "holdfast-worker", release: "stock" }),
    ],
    scalers: [
      {
        namespace: "holdfast",
        name: "catalogue",
        kind: "ScaledObject",
        current: 3,
        min: 3,
        max: 7,
        metrics: ["12/20 requests/s"],
        conditions: ["its query returns nothing"],
      },
    ],
    releases: [
      {
        name: "catalogue",
        namespace: "holdfast",
        revision: 2,
        status: "deployed",
        chart: "service-0.1.0",
        appVersion: "0.1.0",
      },
    ],
    platform: [{ name: "keda", ready: true, version: "2.20.2" }],
    alerts: { active: [] },
    ...change,
  };
}

function sampleNode(name: string, change: Partial<ClusterSnapshot["nodes"][number]>): ClusterSnapshot["nodes"][number] {
  return { name, role: "worker", ready: true, schedulable: true, paused: false, ...change };
}

function samplePod(name: string, change: Partial<ClusterSnapshot["pods"][number]>): ClusterSnapshot["pods"][number] {
  return {
    namespace: "holdfast",
    name,
    release: "catalogue",
    node: "holdfast-worker",
    phase: "Running",
    ready: true,
    restarts: 0,
    image: "localhost:5001/holdfast/service:sha-0123456789ab",
    startedAt: new Date(NOW_MS - 90_000).toISOString(),
    ...change,
  };
}
