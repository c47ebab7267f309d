/** How a running `start` is shown: a block that is redrawn in a terminal, a line every few seconds anywhere else. */
import { createLogUpdate } from "log-update";
import { drawLiveBlock } from "./live-block.ts";
import { plainLine } from "./plain-line.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export interface StartView {
  /** Shows or hides what the keys mean. */
  toggleHelp(): void;
  /** Takes the last picture and leaves the terminal as it was found. */
  end(): void;
}

/** Clocks in the block ("2 s ago") move even when nothing happens. */
const REDRAW_MS = 1_000;
/** Much that happens in one moment is drawn once. */
const SETTLE_MS = 50;
const LINE_EVERY_MS = 5_000;

/** Erases what is visible, not what was scrolled away, and goes to the upper left. */
const EMPTY_SCREEN = "\u001B[2J\u001B[H";

/** A block that is redrawn in place. Needs a terminal that moves its cursor. */
export function createLiveView(session: Session, terminal: Terminal): StartView {
  const { stdout, paint } = terminal;
  const redraw = createLogUpdate(stdout);
  let help = false;
  let soon: NodeJS.Timeout | undefined;

  function draw(): void {
    clearTimeout(soon);
    soon = undefined;
    const room = { columns: stdout.columns || 80, rows: stdout.rows || 24, help };
    redraw(drawLiveBlock(session.snapshot(), { room, paint }));
  }

  function drawSoon(): void {
    soon ??= setTimeout(draw, SETTLE_MS);
  }

  function resize(): void {
    // By now the terminal has wrapped the old block anew or moved it, each in its own way: begin on an empty screen.
    redraw.done();
    stdout.write(EMPTY_SCREEN);
    draw();
  }

  const clock = setInterval(draw, REDRAW_MS);
  const unsubscribe = session.onChange(drawSoon);
  stdout.on("resize", resize);
  draw();
  return {
    toggleHelp() {
      help = !help;
      draw();
    },
    end() {
      clearInterval(clock);
      clearTimeout(soon);
      unsubscribe();
      stdout.off("resize", resize);
      redraw.clear();
      redraw.done();
    },
  };
}

/** A line every five seconds: words, or with `json` the whole snapshot. */
export function createPlainView(
  session: Session,
  opts: { write: (line: string) => void; json: boolean },
): Pick<StartView, "end"> {
  let sinceMs = Number.NEGATIVE_INFINITY;

  function write(): void {
    const snapshot = session.snapshot();
    opts.write(opts.json ? JSON.stringify(snapshot) : plainLine(snapshot, sinceMs));
    sinceMs = snapshot.upMs;
  }

  const timer = setInterval(write, LINE_EVERY_MS);
  return { end: () => clearInterval(timer) };
}
