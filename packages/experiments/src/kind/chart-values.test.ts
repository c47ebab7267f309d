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
