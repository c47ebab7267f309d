import { createPaint, type Paint } from "./paint.ts";

/** Where a command speaks: results on stdout, progress and errors on stderr, so that a pipe gets results only. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Whether a live block can be drawn: stdout is a terminal that moves its cursor. */
  readonly live: boolean;
  readonly paint: Paint;
  /** Columns for text that is wrapped; without end where nobody reads it on a screen. */
  readonly width: number;
  /** A line of the result. */
  print(line: string): void;
  /** A line of progress. */
  note(line: string): void;
}

/** The terminal of this process. */
export function createTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  // A reader that went away (`| head`) or a terminal that was closed is no error of ours: nobody hears what is left to say.
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  }
  return {
    stdin,
    stdout,
    stderr,
    live: stdout.isTTY === true && process.env["TERM"] !== "dumb",
    paint: createPaint(stdout),
    get width() {
      return stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY;
    },
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
  };
}
