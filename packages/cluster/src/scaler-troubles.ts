/**
 * What keeps a scaler from working, as sentences that say what to do. Kubernetes and KEDA say it in conditions that name
 * neither the query nor the way out, and KEDA calls a ScaledObject ready whose query has never given a number.
 */
import type { Condition, HorizontalPodAutoscaler, ScaledObject } from "./kubernetes-types.ts";

export function scalerTroubles(found: {
  scaledObject: ScaledObject | undefined;
  hpa: HorizontalPodAutoscaler | undefined;
}): string[] {
  const { scaledObject, hpa } = found;
  const failing = failingMetrics(scaledObject);
  return [
    ...scaledObjectTroubles(scaledObject),
    ...failing.map(([metric, failures]) => failingWords(metric, { failures, scaledObject })),
    // The HPA that KEDA made says the same, with less in it.
    ...hpaTroubles(hpa).filter(({ reason }) => failing.length === 0 || reason !== "FailedGetExternalMetric"),
  ].map((trouble) => (typeof trouble === "string" ? trouble : trouble.sentence));
}

/** Names of the metrics that KEDA could not read when it last asked, and how often in a row. */
export function failingMetrics(scaledObject: ScaledObject | undefined): [metric: string, failures: number][] {
  return Object.entries(scaledObject?.status?.health ?? {}).flatMap(([metric, { status, numberOfFailures = 1 }]) =>
    status === "Failing" ? [[metric, numberOfFailures]] : [],
  );
}

function failingWords(
  metric: string,
  { failures, scaledObject }: { failures: number; scaledObject: ScaledObject | undefined },
): string {
  // `s0-prometheus` is the first trigger's.
  const trigger = scaledObject?.spec.triggers?.[Number(/^s(\d+)-/.exec(metric)?.[1])];
  const query = trigger?.metadata?.["query"];
  const often = failures === 1 ? "the last time" : `${failures} times in a row`;
  const ask =
    query === undefined
      ? "Look at what it asks, and whom."
      : `Ask Prometheus what it gives, no number at all is a failure: ${query}`;
  return `KEDA got no number for ${metric} ${often}; ${meanwhile(scaledObject)}. ${ask}`;
}

/** What becomes of the replicas while nobody knows how many there should be. */
function meanwhile(scaledObject: ScaledObject | undefined): string {
  const { fallback } = scaledObject?.spec ?? {};
  const falls = isSo(scaledObject, "Fallback");
  if (fallback === undefined || !falls) return "the replicas stay as they are";
  const { replicas = 0, behavior = "static" } = fallback;
  switch (behavior) {
    case "static":
      return `it sets ${replicas} replicas instead (Fallback)`;
    case "currentReplicas":
      return "the replicas stay as they are (Fallback)";
    case "currentReplicasIfHigher":
      return `the replicas stay as they are, or ${replicas} if that is more (Fallback)`;
    case "currentReplicasIfLower":
      return `the replicas stay as they are, or ${replicas} if that is less (Fallback)`;
    default:
      return `it does what its fallback says: ${behavior} (Fallback)`;
  }
}

function scaledObjectTroubles(scaledObject: ScaledObject | undefined): string[] {
  const conditions = scaledObject?.status?.conditions ?? [];
  return conditions.flatMap((condition) => {
    const { type, status } = condition;
    if (type === "Ready" && status === "False") {
      return `KEDA cannot use its ScaledObject: ${wordsOf(condition)}. Put that right; what it had set before goes on meanwhile.`;
    }
    if (type === "Paused" && status === "True") {
      return "KEDA is paused for it, so nothing scales: remove the annotation autoscaling.keda.sh/paused of its ScaledObject.";
    }
    if (type === "Fallback" && status === "True" && failingMetrics(scaledObject).length === 0) {
      return `KEDA falls back: ${wordsOf(condition)}. It ends with the next number that it gets.`;
    }
    return [];
  });
}

/** Whether a limit was reached (ScalingLimited) is no trouble. */
function hpaTroubles(hpa: HorizontalPodAutoscaler | undefined): { reason: string; sentence: string }[] {
  return (hpa?.status?.conditions ?? []).flatMap((condition) => {
    const { type, status, reason = "" } = condition;
    if (status !== "False") return [];
    if (type === "AbleToScale") return { reason, sentence: `The HPA cannot set its replicas: ${wordsOf(condition)}.` };
    if (type !== "ScalingActive") return [];
    if (reason === "ScalingDisabled") {
      return { reason, sentence: "The HPA leaves it alone, since it has 0 replicas: scale it to 1 by hand." };
    }
    const sentence = `The HPA has no number to scale on, so the replicas stay as they are: ${wordsOf(condition)}.`;
    const hint = METRIC_HINTS[reason];
    return { reason, sentence: hint === undefined ? sentence : `${sentence} ${hint}` };
  });
}

const METRIC_HINTS: Readonly<Record<string, string>> = {
  FailedGetPodsMetric: "See whether anything serves it: `kubectl get apiservices | grep custom.metrics`.",
  FailedGetObjectMetric: "See whether anything serves it: `kubectl get apiservices | grep custom.metrics`.",
  FailedGetExternalMetric: "See whether anything serves it: `kubectl get apiservices | grep external.metrics`.",
  FailedGetResourceMetric:
    "In a new pod's first minute that is so; later, see whether metrics-server is ready and every container has requests.",
  FailedGetContainerResourceMetric:
    "In a new pod's first minute that is so; later, see whether metrics-server is ready and the container has requests.",
};

function isSo(object: { status?: { conditions?: Condition[] | null } } | undefined, type: string): boolean {
  return (
    object?.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false
  );
}

/** Without the words that every such message begins with, Go's way to print a selector, and its full stop. */
function wordsOf({ message, reason }: Condition): string {
  return (message ?? reason ?? "it does not say why")
    .replace(/^(HPA is not actively scaling: )?the HPA was unable to compute the replica count: /, "")
    .replaceAll(/\/?&LabelSelector\{.*?Requirement\{.*?\},\}/g, "")
    .replace(/\.$/, "");
}
