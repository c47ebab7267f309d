import { expect, test } from "vitest";
import { clusterNowMs, sampleCluster } from "./cluster.fixture.ts";
import { clusterLines, zoneLines } from "./cluster-words.ts";
import { unpainted } from "./paint.ts";

const opts = { paint: unpainted, wide: false, nowMs: clusterNowMs };

test("zone by zone: what runs where, the control plane last", () => {
  expect(zoneLines(sampleCluster())).toEqual([
    "ZONE            NODE                     PODS",
    "zone-a          holdfast-worker          catalogue-1 and stock-1",
    "zone-b          holdfast-worker2         catalogue-2 (not ready)",
    "zone-c          holdfast-worker3         -",
    "control-plane   holdfast-control-plane   -",
  ]);
});

test("status says what is in trouble, in words", () => {
  const lines = clusterLines(sampleCluster(), opts);
  expect(lines.slice(0, 3)).toEqual([
    "http://localhost:30080  cluster holdfast",
    "http://localhost:30090  Prometheus",
    "http://localhost:30428/select/vmui  log lines (VictoriaLogs)",
  ]);
  expect(lines[3]).toBe("For kubectl: export KUBECONFIG=/checkout/.cache/clusters/holdfast/kubeconfig");
  expect(lines).toContain("zone-b          holdfast-worker2         ready, takes no pods");
  expect(lines).toContain("zone-c          holdfast-worker3         paused, not ready");
  expect(lines).toContain("zone-b   holdfast    catalogue-2   not ready   2          1 min 30 s");
  expect(lines).toContain("catalogue   ScaledObject   3          3     7     12/20 requests/s");
  expect(lines).toContain("catalogue: its query returns nothing");
  expect(lines).toContain("catalogue   2          deployed   service-0.1.0");
  expect(lines).toContain("keda       ready   2.20.2");
});

test("alerts stand at the top, one line each, and so does that they could not be asked for", () => {
  const active = [
    {
      name: "ServiceErrorRatioHigh",
      state: "firing" as const,
      labels: { alertname: "ServiceErrorRatioHigh", severity: "page", release: "catalogue", namespace: "holdfast" },
      activeAt: new Date(clusterNowMs - 90_000).toISOString(),
    },
    { name: "Other", state: "pending" as const, labels: {}, activeAt: new Date(clusterNowMs - 1_000).toISOString() },
  ];
  const urls = { ...sampleCluster().urls, traces: "http://localhost:30686" };
  const lines = clusterLines(sampleCluster({ alerts: { active }, urls }), opts);
  expect(lines.slice(3, 6)).toEqual([
    "http://localhost:30686  traces (Jaeger)",
    "ALERT firing for 1 min 30 s: ServiceErrorRatioHigh (page) release=catalogue namespace=holdfast",
    "ALERT pending for 1 s: Other",
  ]);
  const trouble = "Prometheus does not answer.";
  expect(clusterLines(sampleCluster({ alerts: { active: [], trouble } }), opts)[3]).toBe(
    "Alerts are unknown: Prometheus does not answer.",
  );
});

test("wide adds nodes and images; without pods it says how to get them", () => {
  const wide = clusterLines(sampleCluster(), { ...opts, wide: true });
  expect(
    wide.some((line) => line.endsWith("holdfast-worker    localhost:5001/holdfast/service:sha-0123456789ab")),
  ).toBe(true);
  const empty = clusterLines(sampleCluster({ pods: [], scalers: [], releases: [], platform: [] }), opts);
  expect(empty.at(-1)).toBe("No pod of ours runs there: `./holdfast up` installs the service.");
});
