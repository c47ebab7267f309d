export interface DeletionCandidate {
  ready: boolean;
  readySinceMs: number | undefined;
  restarts: number;
  createdMs: number;
}

/**
 * Sorts what a ReplicaSet deletes first to the front: not ready before ready, ready for a shorter time, more restarts, newer.
 * Source: kubernetes, controller/controller_utils.go `ActivePodsWithRanks` (which compares ages in powers of two and breaks ties by UID;
 * here they are compared as they are).
 */
export function compareForDeletion(a: DeletionCandidate, b: DeletionCandidate): number {
  if (a.ready !== b.ready) return a.ready ? 1 : -1;
  if (a.ready && a.readySinceMs !== b.readySinceMs) return (b.readySinceMs ?? 0) - (a.readySinceMs ?? 0);
  if (a.restarts !== b.restarts) return b.restarts - a.restarts;
  return b.createdMs - a.createdMs;
}
