import type { LedgerEvent } from "./ledger.ts";
import type { ResolvedRule } from "./rule.ts";
import { pairEvents } from "./windows.ts";
import { inSeconds, ofSubject } from "./wording.ts";

/** A measured part of a bound: how long something took, and how much of that counts. */
export interface MeasuredSpan {
  name: string;
  subject: string | undefined;
  tookMs: number;
  /** No more than the rule said beforehand. */
  countedMs: number;
  perSecond: number;
}

/**
 * The spans that the rule's bound grows with, as the events tell them. Several `from` that one `to` ends are one span,
 * from the first of them: the same time is not counted twice. What no `to` ended is none.
 */
export function measureSpans(events: readonly LedgerEvent[], rule: ResolvedRule): MeasuredSpan[] {
  return rule.failedAtMost.plusPerSpan.flatMap((span) =>
    // The events are in order, and so are the pairs: of each group the first is the longest.
    [...Map.groupBy(pairEvents(events, span), ({ to }) => to)].flatMap(([to, [first]]) => {
      if (to === undefined || first === undefined) return [];
      const { from } = first;
      const tookMs = to.atMs - from.atMs;
      return {
        name: span.name,
        subject: from.subject,
        tookMs,
        countedMs: Math.min(tookMs, span.maxMs),
        perSecond: span.perSecond,
      };
    }),
  );
}

/** `; "notice" of r0 took 2.0 s, of which 0.8 s count`, for each of them; empty where there is none. */
export function listSpans(spans: readonly MeasuredSpan[]): string {
  return spans
    .map(({ tookMs, countedMs, ...span }) => {
      const counts = countedMs < tookMs ? `, of which ${inSeconds(countedMs)} count` : "";
      return `; "${span.name}"${ofSubject(span)} took ${inSeconds(tookMs)}${counts}`;
    })
    .join("");
}
