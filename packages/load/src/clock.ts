/** Unix time in ms on this process's monotonic clock: steps of the wall clock during the run do not show. */
export function nowEpochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Microseconds are as fine as the records need. */
export function toMicros(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
