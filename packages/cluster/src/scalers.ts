import type { Deployment, HorizontalPodAutoscaler, HpaMetric, ScaledObject } from "./kubernetes-types.ts";
import { failingMetrics, scalerTroubles } from "./scaler-troubles.ts";

export interface ScalerView {
  namespace: string;
  /** Of the Deployment that it scales. */
  name: string;
  kind: "HPA" | "ScaledObject" | "none";
  /** Replicas. */
  current: number;
  min: number;
  max: number;
  /** As `requests 18.5/20`: now, and what is aimed at; `?` while there is no number. */
  metrics: string[];
  /** What keeps it from working and what to do about it, a sentence or two each; empty when all is well. */
  conditions: string[];
}

/** One entry for each Deployment: its scaler, or `none`. KEDA works through an HPA of its own, which is told as the ScaledObject that it is. */
export function viewScalers(found: {
  deployments: readonly Deployment[];
  hpas: readonly HorizontalPodAutoscaler[];
  scaledObjects: readonly ScaledObject[];
}): ScalerView[] {
  return found.deployments.map((deployment) => {
    const { namespace = "default", name } = deployment.metadata;
    const ofThis = (object: { metadata: { namespace?: string }; spec: { scaleTargetRef: { name: string } } }) =>
      object.metadata.namespace === namespace && object.spec.scaleTargetRef.name === name;
    const scaledObject = found.scaledObjects.find((object) => ofThis(object));
    const hpa = found.hpas.find((object) => ofThis(object));
    const replicas = deployment.spec.replicas ?? 1;
    return {
      namespace,
      name,
      kind: scaledObject !== undefined ? "ScaledObject" : hpa !== undefined ? "HPA" : "none",
      current: deployment.status?.replicas ?? 0,
      min: scaledObject?.spec.minReplicaCount ?? hpa?.spec.minReplicas ?? replicas,
      max: scaledObject?.spec.maxReplicaCount ?? hpa?.spec.maxReplicas ?? replicas,
      metrics:
        hpa === undefined ? [] : viewMetrics(hpa, new Set(failingMetrics(scaledObject).map(([metric]) => metric))),
      conditions: scalerTroubles({ scaledObject, hpa }),
    };
  });
}

/** For a metric that it cannot read, KEDA tells the HPA a made-up number: the one at which nothing changes. */
function viewMetrics({ spec, status }: HorizontalPodAutoscaler, failing: ReadonlySet<string>): string[] {
  const read = (status?.currentMetrics ?? []).filter((metric) => metric !== null);
  return (spec.metrics ?? []).map((metric) => {
    const name = metricName(metric);
    const current = failing.has(name)
      ? undefined
      : read.find((one) => one.type === metric.type && metricName(one) === name);
    return `${name} ${metricNumber(current, "current")}/${metricNumber(metric, "target")}`;
  });
}

function metricBody({ type, ...bodies }: HpaMetric) {
  switch (type) {
    case "Resource":
      return bodies.resource;
    case "ContainerResource":
      return bodies.containerResource;
    case "Pods":
      return bodies.pods;
    case "Object":
      return bodies.object;
    case "External":
      return bodies.external;
    default:
      return type satisfies never;
  }
}

function metricName(metric: HpaMetric): string {
  const body = metricBody(metric);
  if (body === undefined) return metric.type;
  return "metric" in body ? body.metric.name : body.name;
}

function metricNumber(metric: HpaMetric | undefined, side: "current" | "target"): string {
  const value = metric === undefined ? undefined : metricBody(metric)?.[side];
  if (value?.averageUtilization !== undefined) return `${value.averageUtilization} %`;
  const quantity = value?.averageValue ?? value?.value;
  return quantity === undefined ? "?" : readQuantity(quantity);
}

/** Kubernetes writes 18.5 as `18500m`. */
function readQuantity(quantity: string): string {
  return quantity.endsWith("m") ? String(Number(quantity.slice(0, -1)) / 1000) : quantity;
}
