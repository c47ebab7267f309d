import { expect, test } from "vitest";
import { changeSystem, defaultSystemOn } from "../system.ts";
import { deviations, type DeploymentObject } from "./deployed-system.ts";

const own = defaultSystemOn("kind");
const deployment: DeploymentObject = {
  spec: {
    replicas: 3,
    strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: {
      spec: {
        terminationGracePeriodSeconds: 26,
        containers: [
          {
            env: [
              { name: "DRAIN_ENABLED", value: "true" },
              { name: "ANNOUNCE_SECONDS", value: "2" },
              { name: "DRAIN_SECONDS", value: "10" },
              { name: "SHED_ABOVE", value: "0.95" },
              { name: "CONNECTION_MAX_AGE_SECONDS", value: "60" },
              { name: "REPLICA_NAME" },
            ],
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
            startupProbe: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 60 },
            readinessProbe: { periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
            livenessProbe: { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
          },
        ],
      },
    },
  },
};

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

test("without a drain there is no wait before it and another sum", () => {
  const [container] = deployment.spec.template.spec.containers;
  const undrained: DeploymentObject = {
    spec: {
      ...deployment.spec,
      template: {
        spec: {
          terminationGracePeriodSeconds: 21,
          containers: [{ ...container, lifecycle: {}, env: [{ name: "DRAIN_ENABLED", value: "false" }] }],
        },
      },
    },
  };
  expect(deviations(changeSystem(own, { catalogue: { shutdown: { enabled: false } } }), undrained)).toEqual([]);
});
