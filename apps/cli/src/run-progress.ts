/** What a run says while it runs, on stderr: its phases and events as lines, the numbers in a line that is redrawn. */
import { createLogUpdate } from "log-update";
import type { Progress } from "@holdfast/experiments";
import { createPaint, type Paint } from "./paint.ts";
import { paragraph } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { count, cut, duration, longDuration, rate } from "./words.ts";

export interface RunProgress {
  show(progress: Progress): void;
  /** A line of our own between those. */
  note(line: string): void;
  /** Leaves no half-drawn line. May be called again. */
  end(): void;
}

export function createRunProgress(terminal: Pick<Terminal, "stderr">): RunProgress {
  const { stderr } = terminal;
  const paint = createPaint(stderr);
  // Where nobody watches, the numbers of each second would bury what happened.
  const redraw = stderr.isTTY ? createLogUpdate(stderr) : undefined;
  let ended = false;

  function note(line: string): void {
    redraw?.clear();
    stderr.write(`${line}\n`);
  }

  return {
    note,
    show(progress) {
      if (progress.type === "tick") {
        redraw?.(cut(`${BESIDE_CLOCK}${tickWords(progress)}`, (stderr.columns || 80) - 1));
        return;
      }
      // Whoever prints the result finds an empty line.
      if (progress.type === "result") redraw?.clear();
      const width = stderr.isTTY ? stderr.columns || 80 : Number.POSITIVE_INFINITY;
      const lines = progressLines(progress, { paint, width });
      if (lines.length > 0) note(lines.join("\n"));
    },
    end() {
      if (ended) return;
      ended = true;
      redraw?.clear();
      redraw?.done();
    },
  };
}

const CLOCK_COLUMNS = 9;
const BESIDE_CLOCK = " ".repeat(CLOCK_COLUMNS + 2);

/** One thing that happened, in lines of at most `width`; none where it is not worth one. Pure. */
export function progressLines(progress: Progress, opts: { paint: Paint; width: number }): string[] {
  const { paint, width } = opts;
  switch (progress.type) {
    case "run": {
      const { control } = progress;
      const title = control ? `${progress.id}, control ${control.name}` : `${progress.id}  ${progress.title}`;
      const claim = control ? `must fail, since ${control.because} (${control.change})` : progress.hypothesis;
      return [paint("title", title), ...paragraph(claim, { width, indent: 2 })];
    }
    case "phase":
    case "event":
    case "mark": {
      const [first = "", ...rest] = paragraph(progress.sentence, { width, indent: BESIDE_CLOCK.length });
      const tone = progress.type === "phase" ? "key" : "quiet";
      const lines = [first.trimStart(), ...rest].map((line) => paint(tone, line));
      return [`${clock(progress.elapsedMs)}  ${lines.shift() ?? ""}`, ...lines];
    }
    case "again":
      return [
        paint("warn", `It was INVALID, which shows nothing: attempt ${progress.attempt} of ${progress.attempts}.`),
      ];
    case "tick":
    case "result":
      return [];
  }
}

function tickWords({ stats, replicas, elapsedMs }: Extract<Progress, { type: "tick" }>): string {
  const ready = replicas.filter((replica) => replica.ready).length;
  return [
    longDuration(elapsedMs),
    `${rate(stats.window.perSecond)} requests/s`,
    `p99 ${duration(stats.window.p99Ms)}`,
    `${count(stats.ended)} ended`,
    `${count(stats.degraded)} degraded`,
    `${count(stats.failed)} failed`,
    `${ready} of ${replicas.length} replicas ready`,
  ].join(" · ");
}

function clock(elapsedMs: number): string {
  return `${(elapsedMs / 1_000).toFixed(1)} s`.padStart(CLOCK_COLUMNS);
}
