import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Deployment, HorizontalPodAutoscaler, ScaledObject } from "./kubernetes-types.ts";
import { scalerTroubles } from "./scaler-troubles.ts";
import { viewScalers } from "./scalers.ts";

interface Recorded {
  state: string;
  hpas: HorizontalPodAutoscaler[];
  scaledObjects: ScaledObject[];
}

/** Taken from a cluster with KEDA 2.20.2, where the query of the first trigger gave nothing, and later had no address. */
const recorded = readFileSync(new URL("scalers.recorded.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);

function stateOf(state: string): Recorded {
  const found = recorded.find((one) => one.state === state);
  if (found === undefined) throw new Error(`Nothing was recorded of ${state}.`);
  return found;
}

function troublesOf(state: string, name = "catalogue"): string[] {
  const { hpas, scaledObjects } = stateOf(state);
  const ofThis = (one: { spec: { scaleTargetRef: { name: string } } }) => one.spec.scaleTargetRef.name === name;
  return scalerTroubles({ scaledObject: scaledObjects.find(ofThis), hpa: hpas.find(ofThis) });
}

const ASK = "Ask Prometheus what it gives, no number at all is a failure: sum(rate(http_requests_total[20s]))";

test("a query that gives nothing is one sentence with the query in it, before KEDA falls back and after", () => {
  expect(troublesOf("an empty answer, twice")).toEqual([
    `KEDA got no number for s0-prometheus 2 times in a row; the replicas stay as they are. ${ASK}`,
  ]);
  expect(troublesOf("an empty answer, until KEDA falls back")).toEqual([
    `KEDA got no number for s0-prometheus 10 times in a row; the replicas stay as they are, or 3 if that is more (Fallback). ${ASK}`,
  ]);
});

test("what KEDA makes up meanwhile is not shown as measured", () => {
  const { hpas, scaledObjects } = stateOf("an empty answer, until KEDA falls back");
  const deployment = {
    metadata: { name: "catalogue", namespace: "holdfast", uid: "", creationTimestamp: "" },
    spec: { replicas: 4, selector: {}, template: { spec: { containers: [] } } },
    status: { replicas: 4 },
  } satisfies Deployment;
  expect(hpas[0]?.status?.currentMetrics).toContainEqual(
    expect.objectContaining({ external: expect.objectContaining({ current: { averageValue: "20" } }) }),
  );
  expect(viewScalers({ deployments: [deployment], hpas, scaledObjects })).toMatchObject([
    { current: 4, metrics: ["s0-prometheus ?/20", expect.stringMatching(/^cpu \d+ %\/70 %$/)] },
  ]);
});

test("a trigger that KEDA cannot read is told in its words, once", () => {
  expect(troublesOf("no address")).toEqual([
    'KEDA cannot use its ScaledObject: failed to ensure HPA is correctly created for ScaledObject: error parsing prometheus metadata: error parsing prometheus metadata: missing required parameter "serverAddress" in [triggerMetadata]. Put that right; what it had set before goes on meanwhile.',
    expect.stringContaining("KEDA got no number for s0-prometheus"),
  ]);
});

test("a metric that nobody serves names who should, without Go's selectors", () => {
  expect(troublesOf("no address", "other")).toEqual([
    "The HPA has no number to scale on, so the replicas stay as they are: unable to get metric http_requests_per_second: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered. See whether anything serves it: `kubectl get apiservices | grep custom.metrics`.",
  ]);
  const [hpa] = stateOf("an empty answer, twice").hpas;
  expect(scalerTroubles({ scaledObject: undefined, hpa })).toEqual([
    "The HPA has no number to scale on, so the replicas stay as they are: unable to get external metric holdfast/s0-prometheus: unable to fetch metrics from external metrics API: rpc error: code = Unknown desc = error when getting metric values metric:s0-prometheus encountered error. See whether anything serves it: `kubectl get apiservices | grep external.metrics`.",
  ]);
});

const target = { scaleTargetRef: { name: "catalogue" } };
const metadata = { name: "catalogue", uid: "", creationTimestamp: "" };

test.each([
  ["static", "it sets 4 replicas instead"],
  ["currentReplicas", "the replicas stay as they are"],
  ["currentReplicasIfLower", "the replicas stay as they are, or 4 if that is less"],
  ["triggerScalingModifiers", "it does what its fallback says: triggerScalingModifiers"],
])("a fallback of the kind %s says what becomes of the replicas", (behavior, words) => {
  const scaledObject: ScaledObject = {
    metadata,
    spec: { ...target, fallback: { replicas: 4, behavior } },
    status: {
      conditions: [{ type: "Fallback", status: "True" }],
      health: { "s0-prometheus": { status: "Failing", numberOfFailures: 4 }, "s1-kafka": { status: "Happy" } },
    },
  };
  expect(scalerTroubles({ scaledObject, hpa: undefined })).toEqual([
    `KEDA got no number for s0-prometheus 4 times in a row; ${words} (Fallback). Look at what it asks, and whom.`,
  ]);
});

test("a scaler that was switched off says how to switch it on", () => {
  const scaledObject: ScaledObject = {
    metadata,
    spec: target,
    status: { conditions: [{ type: "Paused", status: "True" }] },
  };
  const hpa: HorizontalPodAutoscaler = {
    metadata,
    spec: { ...target, maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "catalogue" } },
    status: { conditions: [{ type: "ScalingActive", status: "False", reason: "ScalingDisabled" }] },
  };
  expect(scalerTroubles({ scaledObject, hpa })).toEqual([
    "KEDA is paused for it, so nothing scales: remove the annotation autoscaling.keda.sh/paused of its ScaledObject.",
    "The HPA leaves it alone, since it has 0 replicas: scale it to 1 by hand.",
  ]);
});

test("one that works, and one whose limit was reached, have no trouble", () => {
  const conditions = [
    { type: "AbleToScale", status: "True" },
    { type: "ScalingActive", status: "True" },
    { type: "ScalingLimited", status: "True", message: "the desired count is above the maximum" },
  ] as const;
  const hpa: HorizontalPodAutoscaler = {
    metadata,
    spec: { ...target, maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "catalogue" } },
    status: { conditions: [...conditions] },
  };
  const scaledObject: ScaledObject = {
    metadata,
    spec: target,
    status: { conditions: [{ type: "Ready", status: "True" }], health: { "s0-prometheus": { status: "Happy" } } },
  };
  expect(scalerTroubles({ scaledObject, hpa })).toEqual([]);
});
