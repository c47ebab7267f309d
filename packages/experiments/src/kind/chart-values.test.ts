import { expect, test } from "vitest";
import { changeSystem, defaultSystemOn, type SystemChange } from "../system.ts";
import { chartValues } from "./chart-values.ts";

const IMAGE = "localhost:5001/holdfast/service:sha-1";
const own = defaultSystemOn("kind");

function valuesOf(change: SystemChange, service: "catalogue" | "stock" = "catalogue") {
  return chartValues(changeSystem(own, change), { service, version: "2.0.1", image: IMAGE });
}

test("where an experiment changes nothing, the chart is as it ships, but for what makes it the lab's", () => {
  expect(
    chartValues(own, {
      service: "catalogue",
      version: "1.0.0",
      image: IMAGE,
      stockUrl: "http://stock",
      nodePort: 30_081,
    }),
  ).toEqual({
    image: { repository: "localhost:5001/holdfast/service", tag: "sha-1" },
    role: "catalogue",
    replicas: 3,
    exposeReplica: true,
    faults: { enabled: true, acceptRisk: true },
    service: { type: "NodePort", nodePort: 30_081 },
    upstream: { url: "http://stock" },
    extraEnv: [{ name: "SERVICE_VERSION", value: "1.0.0" }],
  });
});

test("a control's one value is one value of the chart", () => {
  // With the explicit yes without which the chart refuses it.
  const undrained = valuesOf({ catalogue: { shutdown: { enabled: false } } });
  expect(undrained["shutdown"]).toEqual({ enabled: false, acceptLoss: true });
  expect(valuesOf({ catalogue: { shutdown: { lagSeconds: 0 } } })).toMatchObject({ shutdown: { preStopSeconds: 0 } });
  expect(valuesOf({ catalogue: { shutdown: { lagSeconds: 0 } } })).not.toHaveProperty("shutdown.acceptLoss");
  expect(valuesOf({ catalogue: { replicas: 1 } })).toMatchObject({ replicas: 1 });
  expect(valuesOf({ probes: { readiness: { periodSeconds: 1 } } })).toMatchObject({
    probes: { readiness: { periodSeconds: 1 } },
  });
  expect(valuesOf({ tolerationSeconds: 30 })).toMatchObject({ tolerationSeconds: { notReady: 30, unreachable: 30 } });
});

test("where sidecars ship the logs, both services have one, and it knows where to", () => {
  for (const service of ["catalogue", "stock"] as const) {
    expect(valuesOf({ catalogue: { logShipping: "sidecar" } }, service)["logShipping"]).toEqual({
      mode: "sidecar",
      sidecar: { endpoint: "http://victoria-logs.monitoring:9428/insert/opentelemetry/v1/logs" },
    });
  }
});

test("a scaler is told its numbers, and nobody else how many replicas there are", () => {
  const values = valuesOf({ catalogue: { autoscaling: { mode: "keda", requestsPerSecondTarget: 30 } } });
  expect(values).not.toHaveProperty("replicas");
  expect(values["autoscaling"]).toEqual({
    mode: "keda",
    minReplicas: 3,
    maxReplicas: 7,
    requestsPerSecond: { target: 30, windowSeconds: 20 },
    cpu: { targetUtilization: null },
    behavior: {
      scaleDown: { stabilizationWindowSeconds: 15, policies: [{ type: "Pods", value: 1, periodSeconds: 15 }] },
    },
  });
  expect(valuesOf({ catalogue: { autoscaling: { mode: "hpa" } } })["autoscaling"]).toMatchObject({
    mode: "hpa",
    hpa: { podsMetric: "http_requests_per_second" },
  });
  const stock = valuesOf({ catalogue: { autoscaling: { mode: "keda" } } }, "stock");
  expect(stock).toMatchObject({ replicas: 1 });
  expect(stock).not.toHaveProperty("autoscaling");
  // Without a scaler its numbers are nobody's.
  expect(valuesOf({ catalogue: { autoscaling: { maxReplicas: 5 } } })).toEqual(valuesOf({}));
});

test("a queue in memory is the sidecar's where there is one, and else no matter of the chart", () => {
  const memory = { platform: { logQueue: "memory" } } as const;
  expect(valuesOf(memory)).not.toHaveProperty("logShipping");
  expect(valuesOf({ ...memory, catalogue: { logShipping: "sidecar" } })).toMatchObject({
    logShipping: { mode: "sidecar", sidecar: { queueStorage: "memory" } },
  });
});

test("what the chart has no value for is the service's environment, and the catalogue's alone", () => {
  const change = { catalogue: { extraStartSeconds: 2, stockClient: { attemptTimeoutMs: 900 } } };
  expect(valuesOf(change)["extraEnv"]).toEqual([
    { name: "SERVICE_VERSION", value: "2.0.1" },
    { name: "FAULT_SLOW_START_SECONDS", value: "2" },
    { name: "STOCK_ATTEMPT_TIMEOUT_MS", value: "900" },
  ]);
  expect(valuesOf(change, "stock")["extraEnv"]).toEqual([{ name: "SERVICE_VERSION", value: "2.0.1" }]);
  expect(valuesOf({}, "stock")).toMatchObject({ role: "stock", replicas: 1 });
});

test("the alert's times are the chart's, and whose requests it looks at is Prometheus' matter alone", () => {
  const change = { catalogue: { alertRelease: "nobody", errorAlert: { windowSeconds: 20, forSeconds: 10 } } };
  expect(valuesOf(change)["prometheusRule"]).toEqual({ errorRatio: { windowSeconds: 20, forSeconds: 10 } });
  expect(valuesOf({ catalogue: { alertRelease: "nobody" } })).toEqual(valuesOf({}));
  expect(valuesOf(change, "stock")).not.toHaveProperty("prometheusRule");
});

test("what states how the platform is, is told to nobody; what no cluster can be told is refused", () => {
  expect(valuesOf({ platform: { exitNoticeMs: 1 } })).toEqual(valuesOf({}));
  expect(() => valuesOf({ selfHealing: false })).toThrow("No cluster can be told `selfHealing`");
});

test.each([
  ["registry.example/team/service:1.2", { repository: "registry.example/team/service", tag: "1.2" }],
  ["localhost:5001/service", { repository: "localhost:5001/service" }],
  ["localhost:5001/service@sha256:ab", { repository: "localhost:5001/service", digest: "sha256:ab" }],
  ["localhost:5001/service:1@sha256:ab", { repository: "localhost:5001/service", tag: "1", digest: "sha256:ab" }],
])("the image %s is handed over in the chart's parts", (image, parts) => {
  expect(chartValues(own, { service: "stock", version: "1", image })["image"]).toEqual(parts);
});
