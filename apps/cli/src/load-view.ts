/** The numbers of a load while it is sent, on stderr: one line that is redrawn, or one every few seconds. */
import type { LoadStats } from "@holdfast/load";
import { createLogUpdate } from "log-update";
import type { Terminal } from "./terminal.ts";
import { count, cut, duration, failures, longDuration, rate } from "./words.ts";

export interface LoadView {
  /** To be called once a second. */
  tick(stats: LoadStats, elapsedMs: number): void;
  note(line: string): void;
  /** Leaves no half-drawn line. */
  end(): void;
}

/** Where nobody watches, the numbers of each second would be too many. */
const LINE_EVERY_MS = 5_000;

export function createLoadView({ stderr }: Pick<Terminal, "stderr">): LoadView {
  const redraw = stderr.isTTY ? createLogUpdate(stderr) : undefined;
  let lastLineMs = 0;

  function note(line: string): void {
    redraw?.clear();
    stderr.write(`${line}\n`);
  }

  return {
    note,
    tick(stats, elapsedMs) {
      const line = loadLine(stats, elapsedMs);
      if (redraw) return redraw(cut(line, (stderr.columns || 80) - 1));
      if (elapsedMs - lastLineMs < LINE_EVERY_MS) return;
      lastLineMs = elapsedMs;
      note(line);
    },
    end() {
      redraw?.clear();
      redraw?.done();
    },
  };
}

/** "12 s · 200 requests/s · p50 3 ms, p99 9 ms · 2 400 ended, 0 degraded, 0 failed". Pure. */
export function loadLine(stats: LoadStats, elapsedMs: number): string {
  const { window } = stats;
  return [
    longDuration(elapsedMs),
    `${rate(window.perSecond)} requests/s`,
    `p50 ${duration(window.p50Ms)}, p99 ${duration(window.p99Ms)}`,
    `${count(stats.ended)} ended, ${count(stats.degraded)} degraded, ${failures({ total: stats.failed, byFate: stats.byFate })}`,
  ].join(" · ");
}
