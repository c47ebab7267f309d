/**
 * What a Deployment in the cluster says of the values that the lab computes its bounds from. A chart whose default has
 * changed would otherwise make a claim about another system than the one that ran.
 */
import { leafAt, type System } from "../system.ts";

/** The part of a Deployment that is read. */
export interface DeploymentObject {
  readonly spec: {
    readonly replicas?: number;
    readonly strategy?: { readonly rollingUpdate?: { readonly maxSurge?: unknown; readonly maxUnavailable?: unknown } };
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly tolerations?: readonly { readonly key?: string; readonly tolerationSeconds?: number }[];
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
          readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
          readonly startupProbe?: Probe;
          readonly readinessProbe?: Probe;
          readonly livenessProbe?: Probe;
        }[];
      };
    };
  };
}

interface Probe {
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

/** Kubernetes' own, for pods that say nothing of their nodes. */
const DEFAULT_TOLERATION_SECONDS = 300;

/** Where the catalogue's Deployment says something else than the system, as sentences. */
export function deviations(system: System, deployment: DeploymentObject): string[] {
  return Object.entries(deployedLeaves(deployment)).flatMap(([path, found]) => {
    const wanted = leafAt(system, path);
    // Without a drain there is nothing to wait for before it.
    if (path === "catalogue.shutdown.lagSeconds" && !system.catalogue.shutdown.enabled) return [];
    // Its margin is the chart's, and without a drain its sum is another.
    if (path === "terminationGraceSeconds" && !system.catalogue.shutdown.enabled) return [];
    return found === undefined || found === wanted
      ? []
      : [`${path} is ${JSON.stringify(found)} there, and ${JSON.stringify(wanted)} in the experiment`];
  });
}

function deployedLeaves({ spec }: DeploymentObject): Record<string, unknown> {
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

function probeLeaves(name: string, probe: Probe = {}): Record<string, unknown> {
  const { periodSeconds, timeoutSeconds, failureThreshold } = probe;
  return Object.fromEntries(
    Object.entries({ periodSeconds, timeoutSeconds, failureThreshold }).map(([key, value]) => [
      `probes.${name}.${key}`,
      value,
    ]),
  );
}
