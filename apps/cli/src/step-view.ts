/** The steps of `up` and `down` as they go, on stderr: redrawn with their clocks in a terminal, plain lines anywhere else. */
import type { Step } from "@holdfast/cluster";
import { createLogUpdate } from "log-update";
import { createPaint } from "./paint.ts";
import type { Terminal } from "./terminal.ts";
import { cut, duration } from "./words.ts";

export interface StepView {
  show(step: Step): void;
  /** Shows some work of ours as a step. */
  step<T>(what: { id: string; title: string; detail?: (result: T) => string }, work: () => Promise<T>): Promise<T>;
  /** A line between the steps. */
  note(line: string): void;
  /** A line that says why steps that now end early do: they are stopped, and have not failed. */
  interrupt(line: string): void;
  /** Leaves no half-drawn line. */
  end(): void;
}

const REDRAW_MS = 200;
/** Where nothing is redrawn, a step that is over sooner needs no line that says it begins. */
const WORTH_A_LINE_MS = 2_000;

interface Running {
  title: string;
  detail: string | undefined;
  sinceMs: number;
  soon: NodeJS.Timeout | undefined;
}

export function createStepView({ stderr }: Pick<Terminal, "stderr">): StepView {
  const paint = createPaint(stderr);
  const redraw = stderr.isTTY && process.env["TERM"] !== "dumb" ? createLogUpdate(stderr) : undefined;
  const running = new Map<string, Running>();
  let isInterrupted = false;
  const clock = redraw && setInterval(draw, REDRAW_MS);

  function draw(): void {
    if (!redraw) return;
    const lines = [...running.values()].map((step) =>
      cut(stepLine({ ...step, state: "start", seconds: secondsSince(step.sinceMs) }), (stderr.columns || 80) - 1),
    );
    if (lines.length > 0) redraw(paint("quiet", lines.join("\n")));
    else redraw.clear();
  }

  function note(line: string): void {
    redraw?.clear();
    stderr.write(`${line}\n`);
    draw();
  }

  function begin(step: Step): void {
    const { id, title, detail } = step;
    const soon = redraw
      ? undefined
      : setTimeout(() => note(stepLine({ title, detail, state: "start" })), WORTH_A_LINE_MS).unref();
    running.set(id, { title, detail, sinceMs: performance.now(), soon });
    draw();
  }

  function finish(step: Step): void {
    const begun = running.get(step.id);
    clearTimeout(begun?.soon);
    running.delete(step.id);
    const seconds = step.seconds ?? (begun ? secondsSince(begun.sinceMs) : undefined);
    const stopped = isInterrupted && step.state === "failed";
    const tone = step.state === "failed" && !stopped ? "bad" : "plain";
    note(paint(tone, stepLine({ ...step, seconds, stopped })));
  }

  function show(step: Step): void {
    switch (step.state) {
      case "start":
        return begin(step);
      case "note":
        return note(stepLine(step));
      case "done":
      case "failed":
        return finish(step);
    }
  }

  return {
    show,
    note,
    interrupt(line) {
      isInterrupted = true;
      note(line);
    },
    async step({ id, title, detail }, work) {
      show({ id, title, state: "start" });
      try {
        const result = await work();
        show({ id, title, state: "done", ...(detail ? { detail: detail(result) } : {}) });
        return result;
      } catch (error) {
        show({ id, title, state: "failed" });
        throw error;
      }
    },
    end() {
      clearInterval(clock);
      for (const { soon } of running.values()) clearTimeout(soon);
      redraw?.clear();
      redraw?.done();
    },
  };
}

type Line = Pick<Step, "title" | "state"> & {
  detail?: string | undefined;
  seconds?: number | undefined;
  /** Failed because somebody wished it to end. */
  stopped?: boolean;
};

const CLOCK_COLUMNS = 9;

/** `  24.1 s  Nodes: 4 are ready`. Pure. */
export function stepLine({ title, state, detail, seconds, stopped = false }: Line): string {
  const clock = state === "note" || seconds === undefined ? "" : duration(seconds * 1_000);
  const what = detail ? `${title}: ${detail}` : title;
  const tail = state === "start" ? " ..." : state === "failed" ? (stopped ? " (stopped)" : " (failed)") : "";
  return `${clock.padStart(CLOCK_COLUMNS)}  ${what}${tail}`;
}

function secondsSince(ms: number): number {
  return (performance.now() - ms) / 1_000;
}
