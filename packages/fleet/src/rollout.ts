/** One ReplicaSet as the Deployment controller sees it: replicas that are not deleted, and how many of them are ready. */
export interface ReplicaSetCount {
  replicas: number;
  available: number;
}

export interface RolloutPlan {
  /** How many replicas the current revision shall have now. */
  current: number;
  /** The same for each older one, in the order given. */
  old: number[];
}

/**
 * One step of a rolling update: how far each ReplicaSet may go now without more than `maxSurge` replicas above the wanted number and
 * without fewer than `replicas - maxUnavailable` ready ones. Replicas that are ending count nowhere, as in Kubernetes.
 * `old` is ordered oldest first. Source: kubernetes, controller/deployment/rolling.go.
 */
export function planRollout(
  wanted: { replicas: number; maxSurge: number; maxUnavailable: number },
  sets: { current: ReplicaSetCount; old: readonly ReplicaSetCount[] },
): RolloutPlan {
  const { current } = sets;
  const old = sets.old.map((set) => set.replicas);
  const plan: RolloutPlan = { current: current.replicas, old };
  const total = current.replicas + sum(old);

  if (current.replicas > wanted.replicas) {
    plan.current = wanted.replicas;
  } else {
    const room = Math.max(0, wanted.replicas + wanted.maxSurge - total);
    plan.current += Math.min(room, wanted.replicas - current.replicas);
  }

  const minAvailable = Math.max(0, wanted.replicas - wanted.maxUnavailable);
  const currentUnavailable = Math.max(0, plan.current - current.available);
  const removable = plan.current + sum(old) - minAvailable - currentUnavailable;
  if (removable <= 0) return plan;

  // Old replicas that are not ready go first: they serve nobody, and they would block the rollout.
  let cleaned = 0;
  for (const [i, set] of sets.old.entries()) {
    const remove = Math.min(removable - cleaned, set.replicas - set.available);
    old[i] = set.replicas - remove;
    cleaned += remove;
  }

  const available = Math.min(current.available, plan.current) + sum(sets.old.map((set) => set.available));
  let spare = Math.max(0, available - minAvailable);
  for (const [i, left] of old.entries()) {
    const remove = Math.min(left, spare);
    old[i] = left - remove;
    spare -= remove;
  }
  return plan;
}

/** How far a rollout has come. */
export interface RolloutProgress {
  /** Replicas of the current revision. */
  updated: number;
  /** Replicas of older ones. */
  old: number;
  /** Ready ones of any. */
  available: number;
}

/**
 * Whether a rollout got further, which sets its progress deadline anew. Source: kubernetes, controller/deployment/progress.go and
 * util/deployment_util.go `DeploymentProgressing`.
 */
export function hasProgressed(before: RolloutProgress, now: RolloutProgress): boolean {
  return now.updated > before.updated || now.old < before.old || now.available > before.available;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
