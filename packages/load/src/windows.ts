import type { LedgerEvent } from "./ledger.ts";
import type { ResolvedRule } from "./rule.ts";

/** A span of time in which a fault works, made of a pair of events. */
export interface OpenedWindow {
  name: string;
  subject?: string;
  fromMs: number;
  toMs: number;
  unclosed?: true;
}

/** A pair of events that must follow each other. */
export interface EventPair {
  from: LedgerEvent;
  to: LedgerEvent | undefined;
}
type PairRule = { from: string; to: string[]; sameSubject: boolean };

/** Each `from`, and the first `to` after it. `events` are in order of time. */
export function pairEvents(events: readonly LedgerEvent[], pair: PairRule): EventPair[] {
  return events.flatMap((from, index) => {
    if (from.name !== pair.from) return [];
    const to = events
      .slice(index + 1)
      .find((event) => pair.to.includes(event.name) && (!pair.sameSubject || event.subject === from.subject));
    return [{ from, to }];
  });
}

/** All windows, in order of their opening. One that nothing closes lasts until `endMs`. */
export function openWindows(events: readonly LedgerEvent[], rule: ResolvedRule, endMs: number): OpenedWindow[] {
  return rule.windows
    .flatMap((window) => pairEvents(events, window).map((pair) => toWindow(window.name, pair, endMs)))
    .sort((a, b) => a.fromMs - b.fromMs);
}

function toWindow(name: string, { from, to }: EventPair, endMs: number): OpenedWindow {
  return {
    name,
    ...(from.subject !== undefined && { subject: from.subject }),
    fromMs: from.atMs,
    toMs: to?.atMs ?? Math.max(endMs, from.atMs),
    ...(to === undefined && { unclosed: true as const }),
  };
}

/** The times in which at least one window was open, without overlaps, in order. */
export function mergeWindows(windows: readonly OpenedWindow[]): { fromMs: number; toMs: number }[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of windows) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  return merged;
}

export function contains(spans: readonly { fromMs: number; toMs: number }[], atMs: number): boolean {
  return spans.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
}

/** Whether a request was under way at some time in the span. */
export function overlaps(
  request: { scheduledMs: number; endMs: number },
  span: { fromMs: number; toMs: number },
): boolean {
  return request.scheduledMs <= span.toMs && request.endMs >= span.fromMs;
}
