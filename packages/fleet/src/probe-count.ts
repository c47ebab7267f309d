export type ProbeOutcome = "success" | "failure";

/** How many times in a row a probe has said the same. */
export interface ProbeCount {
  readonly last: ProbeOutcome | undefined;
  readonly run: number;
}

export const uncounted: ProbeCount = { last: undefined, run: 0 };

/**
 * Counts one answer as the kubelet does: only `failureThreshold` failures (or `successThreshold` successes) in a row make a verdict,
 * and one answer to the contrary starts the count anew. Source: kubelet, prober/worker.go.
 */
export function countProbe(
  count: ProbeCount,
  outcome: ProbeOutcome,
  thresholds: { failureThreshold: number; successThreshold: number },
): { count: ProbeCount; verdict: ProbeOutcome | undefined } {
  const run = count.last === outcome ? count.run + 1 : 1;
  const needed = outcome === "failure" ? thresholds.failureThreshold : thresholds.successThreshold;
  return { count: { last: outcome, run }, verdict: run >= needed ? outcome : undefined };
}
