import { ownLag } from "./counting.ts";
import {
  noFailures,
  isFailed,
  type ConnectionKind,
  type FailedFate,
  type RequestRecord,
  type SocketRecord,
} from "./ledger.ts";
import { spread } from "./spread.ts";

/** What is going on now, for a live display. Windowed numbers are over the last `windowMs`. */
export interface LoadStats {
  /** Since the first scheduled request; 0 before. */
  elapsedMs: number;
  /** As planned now. */
  ratePerSecond: number;
  /** Requests that have got their fate, in all. */
  ended: number;
  answered: number;
  degraded: number;
  failed: number;
  byFate: Record<FailedFate, number>;
  byConnection: Record<ConnectionKind, { ended: number; failed: number }>;
  /** Answers by who gave them, in all. */
  servedBy: Record<string, number>;
  /** Requests under way, as of the agent's last word. */
  inFlight: number;
  /** Persistent ones. */
  openSockets: number;
  window: {
    ms: number;
    /** Ended requests a second. */
    perSecond: number;
    p50Ms: number;
    p99Ms: number;
    ended: number;
    answered: number;
    degraded: number;
    failed: number;
    byFate: Record<FailedFate, number>;
    servedBy: Record<string, number>;
    /** The generator's own lag. */
    lagP99Ms: number;
  };
}

export interface StatsCollector {
  add(record: RequestRecord | SocketRecord): void;
  /** The agent's last word about what no record tells yet. */
  setNow(now: { atMs: number; inFlight: number }): void;
  setRate(ratePerSecond: number): void;
  readonly openSockets: number;
  read(): LoadStats;
}

/** Adds up records as they come; memory is bounded by what ends within one window. */
export function createStats(windowMs: number): StatsCollector {
  const total = createCounts();
  const byConnection = { new: { ended: 0, failed: 0 }, persistent: { ended: 0, failed: 0 } };
  let recent: RequestRecord[] = [];
  let firstMs: number | undefined;
  let nowMs = 0;
  let ratePerSecond = 0;
  let inFlight = 0;
  let openSockets = 0;

  function add(record: RequestRecord | SocketRecord): void {
    if (record.type === "request") addRequest(record);
    else if (record.state !== "failed") openSockets += record.state === "opened" ? 1 : -1;
  }

  function addRequest(record: RequestRecord): void {
    firstMs = Math.min(firstMs ?? Number.POSITIVE_INFINITY, record.scheduledMs);
    nowMs = Math.max(nowMs, record.endMs);
    total.add(record);
    byConnection[record.connection].ended++;
    if (isFailed(record.fate)) byConnection[record.connection].failed++;
    recent.push(record);
    // Nobody may be reading: twice the window is the most that is kept, and it is thrown out in one go.
    const oldest = recent[0];
    if (oldest !== undefined && oldest.endMs < nowMs - 2 * windowMs) forget();
  }

  function forget(): void {
    recent = recent.filter(({ endMs }) => endMs > nowMs - windowMs);
  }

  function read(): LoadStats {
    forget();
    const window = createCounts();
    for (const record of recent) window.add(record);
    const good = recent.filter(({ fate }) => !isFailed(fate));
    const latency = spread(good.map(({ endMs, scheduledMs }) => endMs - scheduledMs));
    const elapsedMs = firstMs === undefined ? 0 : nowMs - firstMs;
    const ms = Math.min(windowMs, elapsedMs);
    return {
      elapsedMs,
      ratePerSecond,
      ...total.read(),
      byConnection: { new: { ...byConnection.new }, persistent: { ...byConnection.persistent } },
      inFlight,
      openSockets,
      window: {
        ms,
        perSecond: ms === 0 ? 0 : (recent.length * 1_000) / ms,
        p50Ms: latency.p50Ms,
        p99Ms: latency.p99Ms,
        ...window.read(),
        lagP99Ms: spread(recent.map(ownLag)).p99Ms,
      },
    };
  }

  return {
    add,
    setNow(now) {
      nowMs = Math.max(nowMs, now.atMs);
      inFlight = now.inFlight;
    },
    setRate(rate) {
      ratePerSecond = rate;
    },
    get openSockets() {
      return openSockets;
    },
    read,
  };
}

function createCounts() {
  let ended = 0;
  let answered = 0;
  let degraded = 0;
  let failed = 0;
  const byFate = noFailures();
  const servedBy: Record<string, number> = {};
  return {
    add(record: RequestRecord): void {
      const { fate } = record;
      ended++;
      if (isFailed(fate)) {
        failed++;
        byFate[fate]++;
      } else if (fate === "degraded") degraded++;
      else answered++;
      if (record.servedBy !== undefined) servedBy[record.servedBy] = (servedBy[record.servedBy] ?? 0) + 1;
    },
    read: () => ({ ended, answered, degraded, failed, byFate: { ...byFate }, servedBy: { ...servedBy } }),
  };
}
