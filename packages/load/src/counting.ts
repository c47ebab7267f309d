import { isFailed, noFailures, type ConnectionKind, type FailedFate, type RequestRecord } from "./ledger.ts";

/** Sent minus scheduled, without what was spent waiting for a socket: that was the target's doing. */
export function ownLag({ sentMs, scheduledMs, waitedMs = 0 }: RequestRecord): number {
  return Math.max(0, sentMs - waitedMs - scheduledMs);
}

export function countFates(requests: readonly RequestRecord[]): Record<FailedFate, number> {
  const counts = noFailures();
  for (const { fate } of requests) if (isFailed(fate)) counts[fate]++;
  return counts;
}

export function countConnections(requests: readonly RequestRecord[]): Record<ConnectionKind, number> {
  const counts = { new: 0, persistent: 0 };
  for (const { connection } of requests) counts[connection]++;
  return counts;
}
