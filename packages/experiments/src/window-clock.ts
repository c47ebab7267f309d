/** Says while the run goes on how much evidence there is: how long some window of the pass rule has been open. */
import type { WindowRule } from "@holdfast/load";

export interface WindowClock {
  /** An event as it goes into the ledger. */
  note(event: { atMs: number; name: string; subject?: string }): void;
  /** For how long at least one window was open, until now. */
  openMs(nowMs: number): number;
}

/** packages/load counts the same from the ledger, and its count is the one that matters. */
export function createWindowClock(rules: readonly WindowRule[]): WindowClock {
  const open = new Set<string>();
  let closedMs = 0;
  let sinceMs = 0;

  function note({ atMs, name, subject = "" }: { atMs: number; name: string; subject?: string }): void {
    const wasOpen = open.size > 0;
    for (const rule of rules) {
      const key = `${rule.name}/${rule.sameSubject === false ? "" : subject}`;
      if ([rule.to].flat().includes(name)) open.delete(key);
      if (rule.from === name) open.add(key);
    }
    if (!wasOpen && open.size > 0) sinceMs = atMs;
    if (wasOpen && open.size === 0) closedMs += atMs - sinceMs;
  }

  return {
    note,
    openMs: (nowMs) => closedMs + (open.size > 0 ? nowMs - sinceMs : 0),
  };
}

export interface DueCount {
  /** Requests that were due while some window was open; `openMs` as the window clock says it now. */
  count(openMs: number): number;
  perSecond(): number;
  /** From now on it is this rate. */
  setRate(perSecond: number, openMs: number): void;
}

/** Requests that were due while a window was open, at whichever rate. */
export function createDueCount(ratePerSecond: number): DueCount {
  let rate = ratePerSecond;
  let counted = 0;
  let sinceMs = 0;
  const count = (openMs: number) => counted + ((openMs - sinceMs) / 1000) * rate;

  return {
    count,
    perSecond: () => rate,
    setRate(perSecond, openMs) {
      counted = count(openMs);
      sinceMs = openMs;
      rate = perSecond;
    },
  };
}
