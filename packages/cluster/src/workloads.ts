/** What makes pods and says when they have all become what they should be. */
import type { DaemonSet, Deployment, StatefulSet } from "./kubernetes-types.ts";

export type Workload = Deployment | StatefulSet | DaemonSet;

/** As kubectl names them when it is asked for several. */
export const workloadKinds = {
  Deployment: "deployments.apps",
  StatefulSet: "statefulsets.apps",
  DaemonSet: "daemonsets.apps",
} as const;
export type WorkloadKind = keyof typeof workloadKinds;

export interface WorkloadName {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

export function isWorkloadKind(kind: string): kind is WorkloadKind {
  return Object.hasOwn(workloadKinds, kind);
}

/**
 * As `kubectl rollout status` sees it: the newest form is observed, all its replicas are available, and none of an older one is left. A
 * DaemonSet wants one on every node that it may run on, also on one that is lost.
 */
export function isRolledOut(workload: Workload): boolean {
  const { metadata, status } = workload;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  if (status !== undefined && "desiredNumberScheduled" in status) {
    const { desiredNumberScheduled, updatedNumberScheduled = 0, numberAvailable = 0 } = status;
    // Before its controller has looked it wants none.
    return (
      desiredNumberScheduled > 0 &&
      updatedNumberScheduled >= desiredNumberScheduled &&
      numberAvailable >= desiredNumberScheduled
    );
  }
  const { spec, status: replicated } = workload as Deployment | StatefulSet;
  const replicas = spec.replicas ?? 1;
  const updated = replicated?.updatedReplicas ?? 0;
  return updated >= replicas && (replicated?.replicas ?? 0) <= updated && availableOf(workload) >= updated;
}

export function availableOf({ status }: Workload): number {
  if (status === undefined) return 0;
  return ("desiredNumberScheduled" in status ? status.numberAvailable : status.availableReplicas) ?? 0;
}

/** Whether somebody has scaled it to nothing, which is rolled out and of no use. */
export function isScaledToNothing({ spec }: Workload): boolean {
  return "replicas" in spec && spec.replicas === 0;
}
