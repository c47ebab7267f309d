/**
 * What a Deployment in the cluster says of the values that the lab computes its bounds from. A chart whose default has
 * changed would otherwise make a claim about another system than the one that ran.
 */
import type { Container, Deployment } from "@holdfast/cluster";
import { defaultSystemOn, leafAt, type System } from "../system.ts";

/** Kubernetes' own, for pods that say nothing of their nodes. */
const DEFAULT_TOLERATION_SECONDS = 300;

/** What the chart says nothing of and the service has a default for, which the lab's own is. */
const LEFT_TO_THE_SERVICE = /^catalogue\.stockClient\./;

/** Where the catalogue's Deployment says something else than the system, as sentences. */
export function deviations(system: System, deployment: Pick<Deployment, "spec">): string[] {
  return Object.entries(deployedLeaves(deployment)).flatMap(([path, found]) => {
    const wanted = leafAt(system, path);
    // Its scaler's business, and at first it is 1.
    if (path === "catalogue.replicas" && system.catalogue.autoscaling.mode !== "none") return [];
    // Without a drain there is nothing to wait for before it.
    if (path === "catalogue.shutdown.lagSeconds" && !system.catalogue.shutdown.enabled) return [];
    // Its margin is the chart's, and without a drain its sum is another.
    if (path === "terminationGraceSeconds" && !system.catalogue.shutdown.enabled) return [];
    const said = found ?? (LEFT_TO_THE_SERVICE.test(path) ? leafAt(defaultSystemOn("kind"), path) : undefined);
    if (said === wanted) return [];
    const there = said === undefined ? "not said" : JSON.stringify(said);
    return [`${path} is ${there} there, and ${JSON.stringify(wanted)} in the experiment`];
  });
}

function deployedLeaves({ spec }: Pick<Deployment, "spec">): Record<string, unknown> {
  const pod = spec.template.spec;
  const [container] = pod.containers;
  const variable = (name: string) => container?.env?.find((entry) => entry.name === name)?.value;
  const number = (name: string) => {
    const text = variable(name);
    return text === undefined ? undefined : Number(text);
  };
  const drain = variable("DRAIN_ENABLED");
  return {
    "catalogue.replicas": spec.replicas,
    "catalogue.connectionMaxAgeSeconds": number("CONNECTION_MAX_AGE_SECONDS"),
    "catalogue.longestRequestSeconds": number("LONGEST_REQUEST_SECONDS"),
    "catalogue.shedAbove": number("SHED_ABOVE"),
    "catalogue.extraStartSeconds": number("FAULT_SLOW_START_SECONDS") ?? 0,
    "catalogue.stockClient.attemptTimeoutMs": number("STOCK_ATTEMPT_TIMEOUT_MS"),
    "catalogue.stockClient.maxAttempts": number("STOCK_MAX_ATTEMPTS"),
    "catalogue.stockClient.breakerFailures": number("STOCK_BREAKER_FAILURES"),
    "catalogue.stockClient.breakerOpenSeconds": number("STOCK_BREAKER_OPEN_SECONDS"),
    "catalogue.logShipping": spec.template.metadata?.annotations?.["holdfast/log-shipping"],
    "catalogue.shutdown.enabled": drain === undefined ? undefined : drain === "true",
    "catalogue.shutdown.lagSeconds": container?.lifecycle?.preStop?.sleep?.seconds ?? 0,
    "catalogue.shutdown.announceSeconds": number("ANNOUNCE_SECONDS"),
    "catalogue.shutdown.drainSeconds": number("DRAIN_SECONDS"),
    "rollout.maxSurge": spec.strategy?.rollingUpdate?.maxSurge,
    "rollout.maxUnavailable": spec.strategy?.rollingUpdate?.maxUnavailable,
    terminationGraceSeconds: pod.terminationGracePeriodSeconds,
    tolerationSeconds:
      pod.tolerations?.find(({ key }) => key === "node.kubernetes.io/unreachable")?.tolerationSeconds ??
      DEFAULT_TOLERATION_SECONDS,
    ...probeLeaves("startup", container?.startupProbe),
    ...probeLeaves("readiness", container?.readinessProbe),
    ...probeLeaves("liveness", container?.livenessProbe),
  };
}

function probeLeaves(name: string, probe: Container["startupProbe"] = {}): Record<string, unknown> {
  const { periodSeconds, timeoutSeconds, failureThreshold } = probe;
  return Object.fromEntries(
    Object.entries({ periodSeconds, timeoutSeconds, failureThreshold }).map(([key, value]) => [
      `probes.${name}.${key}`,
      value,
    ]),
  );
}
