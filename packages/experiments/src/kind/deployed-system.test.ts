import type { Container, Deployment } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { changeSystem, defaultSystemOn } from "../system.ts";
import { deviations } from "./deployed-system.ts";

const own = defaultSystemOn("kind");
const container: Container = {
  name: "service",
  image: "service:1",
  env: [
    { name: "DRAIN_ENABLED", value: "true" },
    { name: "ANNOUNCE_SECONDS", value: "2" },
    { name: "DRAIN_SECONDS", value: "10" },
    { name: "SHED_ABOVE", value: "0.95" },
    { name: "CONNECTION_MAX_AGE_SECONDS", value: "60" },
    { name: "LONGEST_REQUEST_SECONDS", value: "10" },
    { name: "REPLICA_NAME" },
  ],
  lifecycle: { preStop: { sleep: { seconds: 5 } } },
  startupProbe: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 60 },
  readinessProbe: { periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
  livenessProbe: { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
};
const deployment: Pick<Deployment, "spec"> = {
  spec: {
    selector: {},
    replicas: 3,
    strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      metadata: { annotations: { "holdfast/log-shipping": "node" } },
      spec: {
        terminationGracePeriodSeconds: 26,
        containers: [container],
      },
    },
  },
};

/** The container's environment with these changed; an empty text takes one away. */
function withEnv(changed: Readonly<Record<string, string>>) {
  const env = Object.fromEntries((container.env ?? []).map(({ name, value = "" }) => [name, value]));
  return Object.entries({ ...env, ...changed }).flatMap(([name, value]) => (value === "" ? [] : [{ name, value }]));
}

function withContainer(changed: Partial<Container>): Pick<Deployment, "spec"> {
  const { spec } = deployment;
  const pod = { ...spec.template.spec, containers: [{ ...container, ...changed }] };
  return { spec: { ...spec, template: { ...spec.template, spec: pod } } };
}

test("a Deployment as the experiment computes with it deviates in nothing", () => {
  expect(deviations(own, deployment)).toEqual([]);
});

test("a value that did not arrive, or another default of the chart, is named with both numbers", () => {
  expect(deviations(changeSystem(own, { catalogue: { shutdown: { lagSeconds: 8 } } }), deployment)).toEqual([
    "catalogue.shutdown.lagSeconds is 5 there, and 8 in the experiment",
  ]);
  expect(deviations(changeSystem(own, { tolerationSeconds: 30 }), deployment)).toEqual([
    "tolerationSeconds is 300 there, and 30 in the experiment",
  ]);
});

test("how many replicas there are is a scaler's business where there is one, and only there", () => {
  const one = { spec: { ...deployment.spec, replicas: 1 } };
  expect(deviations(own, one)).toEqual(["catalogue.replicas is 1 there, and 3 in the experiment"]);
  expect(deviations(changeSystem(own, { catalogue: { autoscaling: { mode: "keda" } } }), one)).toEqual([]);
});

test("without a drain there is no wait before it and another sum", () => {
  const undrained: Pick<Deployment, "spec"> = {
    spec: {
      ...deployment.spec,
      template: {
        ...deployment.spec.template,
        spec: {
          terminationGracePeriodSeconds: 21,
          containers: [{ ...container, lifecycle: {}, env: withEnv({ DRAIN_ENABLED: "false" }) }],
        },
      },
    },
  };
  expect(deviations(changeSystem(own, { catalogue: { shutdown: { enabled: false } } }), undrained)).toEqual([]);
});

test("who ships the logs is said by the pods' annotation", () => {
  expect(deviations(changeSystem(own, { catalogue: { logShipping: "sidecar" } }), deployment)).toEqual([
    'catalogue.logShipping is "node" there, and "sidecar" in the experiment',
  ]);
  const { metadata: _, ...template } = deployment.spec.template;
  expect(deviations(own, { spec: { ...deployment.spec, template } })).toEqual([
    'catalogue.logShipping is not said there, and "node" in the experiment',
  ]);
});

test("what the Deployment does not say is not taken for granted", () => {
  expect(deviations(own, withContainer({ env: withEnv({ SHED_ABOVE: "" }) }))).toEqual([
    "catalogue.shedAbove is not said there, and 0.95 in the experiment",
  ]);
  expect(deviations(own, withContainer({ readinessProbe: {} }))).toEqual([
    "probes.readiness.periodSeconds is not said there, and 5 in the experiment",
    "probes.readiness.timeoutSeconds is not said there, and 2 in the experiment",
    "probes.readiness.failureThreshold is not said there, and 2 in the experiment",
  ]);
});

test("what the chart leaves to the service may be absent where nothing else was asked for, and no further", () => {
  const asked = changeSystem(own, { catalogue: { stockClient: { attemptTimeoutMs: 900 } } });
  expect(deviations(asked, deployment)).toEqual([
    "catalogue.stockClient.attemptTimeoutMs is 500 there, and 900 in the experiment",
  ]);
  expect(deviations(asked, withContainer({ env: withEnv({ STOCK_ATTEMPT_TIMEOUT_MS: "900" }) }))).toEqual([]);
  expect(deviations(own, withContainer({ env: withEnv({ STOCK_MAX_ATTEMPTS: "1" }) }))).toEqual([
    "catalogue.stockClient.maxAttempts is 1 there, and 2 in the experiment",
  ]);
});
