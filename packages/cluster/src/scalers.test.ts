import { expect, test } from "vitest";
import type { Deployment, HorizontalPodAutoscaler, ScaledObject } from "./kubernetes-types.ts";
import { viewScalers } from "./scalers.ts";

const meta = (name: string) => ({ name, namespace: "holdfast", uid: name, creationTimestamp: "2026-01-01T00:00:00Z" });
const deployment = (name: string, replicas: number): Deployment => ({
  metadata: meta(name),
  spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
  status: { replicas },
});

test("a Deployment without a scaler is its own minimum and maximum", () => {
  const [view] = viewScalers({ deployments: [deployment("stock", 2)], hpas: [], scaledObjects: [] });
  expect(view).toEqual({
    namespace: "holdfast",
    name: "stock",
    kind: "none",
    current: 2,
    min: 2,
    max: 2,
    metrics: [],
    conditions: [],
  });
});

test("an HPA shows what it reads against what it aims at, and ? for what it cannot read", () => {
  const hpa: HorizontalPodAutoscaler = {
    metadata: meta("catalogue"),
    spec: {
      minReplicas: 3,
      maxReplicas: 9,
      scaleTargetRef: { kind: "Deployment", name: "catalogue" },
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { averageUtilization: 70 } } },
        { type: "Pods", pods: { metric: { name: "requests" }, target: { averageValue: "20" } } },
        { type: "External", external: { metric: { name: "queue" }, target: { value: "5" } } },
      ],
    },
    status: {
      currentMetrics: [
        { type: "Pods", pods: { metric: { name: "requests" }, current: { averageValue: "18500m" } } },
        null,
        { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 12, averageValue: "6m" } } },
      ],
      conditions: [
        { type: "AbleToScale", status: "True" },
        { type: "ScalingLimited", status: "True", message: "the desired count is below the minimum" },
        { type: "ScalingActive", status: "False", reason: "FailedGetExternalMetric", message: "no metric queue" },
      ],
    },
  };
  const [view] = viewScalers({ deployments: [deployment("catalogue", 4)], hpas: [hpa], scaledObjects: [] });
  expect(view).toMatchObject({
    kind: "HPA",
    current: 4,
    min: 3,
    max: 9,
    metrics: ["cpu 12 %/70 %", "requests 18.5/20", "queue ?/5"],
    conditions: [
      "The HPA has no number to scale on, so the replicas stay as they are: no metric queue. See whether anything serves it: `kubectl get apiservices | grep external.metrics`.",
    ],
  });
});

test("KEDA's own HPA is told as the ScaledObject behind it; a fallback is a trouble", () => {
  const scaledObject: ScaledObject = {
    metadata: meta("catalogue"),
    spec: { minReplicaCount: 2, maxReplicaCount: 6, scaleTargetRef: { name: "catalogue" } },
    status: {
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Active", status: "False" },
        { type: "Fallback", status: "True", message: "At least one trigger is falling back" },
      ],
    },
  };
  const hpa: HorizontalPodAutoscaler = {
    metadata: meta("keda-hpa-catalogue"),
    spec: {
      minReplicas: 2,
      maxReplicas: 6,
      scaleTargetRef: { kind: "Deployment", name: "catalogue" },
      metrics: [{ type: "External", external: { metric: { name: "s0-prometheus" }, target: { averageValue: "20" } } }],
    },
    status: { currentMetrics: null, conditions: null },
  };
  const views = viewScalers({ deployments: [deployment("catalogue", 2)], hpas: [hpa], scaledObjects: [scaledObject] });
  expect(views).toEqual([
    expect.objectContaining({
      kind: "ScaledObject",
      min: 2,
      max: 6,
      metrics: ["s0-prometheus ?/20"],
      conditions: ["KEDA falls back: At least one trigger is falling back. It ends with the next number that it gets."],
    }),
  ]);
});
