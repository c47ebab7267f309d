import type { Spread } from "./ledger.ts";

/** Nearest-rank percentiles: each is a value that occurred. All 0 for an empty list. */
export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { p50Ms: rank(sorted, 0.5), p99Ms: rank(sorted, 0.99), maxMs: rank(sorted, 1) };
}

function rank(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
