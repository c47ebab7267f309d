/** Whether Prometheus has seen every replica all its life. Pure. */
import { Broken, TooLittle } from "./judgement.ts";

/** A replica, as a watch of its pod saw it. Times are Unix ms. */
export interface Lived {
  readonly pod: string;
  /** First Ready; absent where it never was. */
  readonly readyAtMs?: number;
  /** When its end began; absent where it lives. */
  readonly endingAtMs?: number;
}

/** Times at which a pod's scrape succeeded, by its name, in order. */
export type Scrapes = ReadonlyMap<string, readonly number[]>;

/** How late a watch and a scrape on a busy machine may be beside what Prometheus plans. */
const SLACK_MS = 1500;

/**
 * Each replica was scraped at least once, and while it was ready there was never more than two intervals without a scrape that succeeded.
 * @returns what was found. @throws Broken
 */
export function judgeScrapes(
  lived: readonly Lived[],
  opts: { scrapes: Scrapes; intervalMs: number; nowMs: number },
): string {
  const { scrapes, intervalMs, nowMs } = opts;
  if (lived.length === 0) throw new TooLittle("There was no replica to scrape.");
  let longestMs = 0;
  for (const { pod, readyAtMs, endingAtMs = nowMs } of lived) {
    const times = scrapes.get(pod) ?? [];
    if (times.length === 0) throw new Broken(`${pod} was never scraped.`);
    if (readyAtMs === undefined) continue;
    const within = times.filter((at) => at > readyAtMs && at < endingAtMs);
    const marks = [readyAtMs, ...within, endingAtMs];
    const gapMs = Math.max(0, ...marks.slice(1).map((at, index) => at - (marks[index] ?? at)));
    if (gapMs > 2 * intervalMs + SLACK_MS) {
      throw new Broken(
        `${pod} was ready and not scraped for ${(gapMs / 1000).toFixed(1)} s, more than two intervals of ${intervalMs / 1000} s.`,
      );
    }
    longestMs = Math.max(longestMs, gapMs);
  }
  const ended = lived.filter(({ endingAtMs }) => endingAtMs !== undefined).length;
  return `${lived.length} replicas were scraped from their first to their last, ${ended} of which have ended; none was unseen for longer than ${(longestMs / 1000).toFixed(1)} s while it was ready`;
}

/** What GET /api/v1/query answers for `up{...}[10m]`. */
export interface Matrix {
  readonly data: {
    readonly result: readonly { readonly metric: { pod?: string }; readonly values: readonly [number, string][] }[];
  };
}

/** Only scrapes that succeeded: `up` is 0 for the others. */
export function readScrapes({ data }: Matrix): Scrapes {
  return new Map(
    data.result.map(({ metric, values }) => [
      metric.pod ?? "",
      values.filter(([, up]) => up === "1").map(([seconds]) => seconds * 1000),
    ]),
  );
}
