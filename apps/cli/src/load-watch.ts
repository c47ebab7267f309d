/** The load's running numbers, kept as the pictures need them: totals, and what each of the last seconds was like. */
import type { LoadStats } from "@holdfast/load";
import type { LoadSnapshot, SecondSnapshot } from "./snapshot.ts";

/** As many as the widest picture shows. */
const SECONDS_KEPT = 120;

export interface LoadWatch {
  /** To be called once a second. */
  tick(stats: LoadStats): void;
  snapshot(): LoadSnapshot;
}

export function createLoadWatch(ratePerSecond: number): LoadWatch {
  const seconds: SecondSnapshot[] = [];
  let last: LoadStats | undefined;
  return {
    tick(stats) {
      seconds.push({
        sent: stats.ended - (last?.ended ?? 0),
        degraded: stats.degraded - (last?.degraded ?? 0),
        failed: stats.failed - (last?.failed ?? 0),
      });
      if (seconds.length > SECONDS_KEPT) seconds.shift();
      last = stats;
    },
    snapshot() {
      if (!last) return nothingYet(ratePerSecond);
      const { byConnection, window } = last;
      return {
        ratePerSecond: last.ratePerSecond,
        sentPerSecond: window.perSecond,
        sent: last.ended,
        answered: last.answered,
        degraded: last.degraded,
        failed: {
          total: last.failed,
          byFate: { ...last.byFate },
          byConnection: { new: byConnection.new.failed, persistent: byConnection.persistent.failed },
        },
        // Where nothing was answered there is no latency, and 0 would be a boast.
        ...(window.p99Ms > 0 ? { p50Ms: window.p50Ms, p99Ms: window.p99Ms } : {}),
        seconds: [...seconds],
      };
    },
  };
}

function nothingYet(ratePerSecond: number): LoadSnapshot {
  return {
    ratePerSecond,
    sentPerSecond: 0,
    sent: 0,
    answered: 0,
    degraded: 0,
    failed: { total: 0, byFate: {}, byConnection: { new: 0, persistent: 0 } },
    seconds: [],
  };
}
