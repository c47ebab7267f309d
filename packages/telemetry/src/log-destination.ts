/**
 * Where log lines go: the lines of one event-loop turn are gathered and written with one synchronous write at the
 * turn's end, and each line gets its `seq` here, the last moment before it is stored.
 *
 * Gathering measured 0.55 -> 0.65 of bare Express' throughput, since a write costs more than the line. What it gives
 * up: a SIGKILL loses the lines of the turn it hits, and of no earlier one. A worker thread or a large buffer would be
 * faster still and lose thousands, so neither is an option here.
 */
import { writeSync } from "node:fs";
import { countLines, type LogFiles } from "./log-files.ts";

export interface LogDestination {
  /** Takes one line of JSON that ends in `}\n`, as pino hands it over. */
  write(line: string): void;
  /** `seq` of the last line taken; 0 before the first. */
  readonly lastSeq: number;
  /** Lines given up because the target refused them for good, and lines that the files have not got. */
  readonly lostLines: number;
  /** Writes what is gathered, waiting at most `deadlineMs` for a destination that is full. */
  flush(deadlineMs: number): void;
}

export interface LogDestinationOptions {
  /** A file descriptor, or a stream (which buffers by its own rules). */
  readonly target: number | NodeJS.WritableStream;
  /** The write system call; a test replaces it to be full, slow or broken. */
  readonly writeBytes?: (fd: number, bytes: Uint8Array, offset: number) => number;
  /** Files that get every line, too, before the target does. */
  readonly files?: LogFiles | undefined;
  /** JSON text of fields that every line has, beginning with a comma: what a shortened line must keep to be found. */
  readonly identity?: string;
  /** Told once each time that the target begins to refuse lines. */
  readonly onLost?: (error: Error) => void;
}

// A log store takes a line whole or not at all (VictoriaLogs: 256 KiB), and a character is at most 3 bytes of UTF-8,
// so a longer line would be a hole in the ledger. Its beginning is kept.
const MAX_LINE_CHARS = 65_536;
const KEPT_OF_LONG_LINE_CHARS = 8192;

// One turn that logs more than this writes in between: memory stays flat, and the lines are safe earlier.
const MAX_TURN_CHARS = 65_536;

// While a pipe is full, lines wait in memory, so that a slow log agent does not stop the service. At this many bytes
// the service waits instead, since no line may be lost.
const MAX_WAITING_BYTES = 1_048_576;
const FULL_PIPE_RETRY_MS = 5;

const NEWLINE = Buffer.from("\n");

/** Lines that are in a file, too: the shipper beside the process stores them, so the node's log agent leaves them out. */
export const IN_FILES = { log_shipping: "sidecar" } as const;
// Inside a string its quotes would be escaped, so no text that is logged can look like it.
const IN_FILES_TEXT = `,${JSON.stringify(IN_FILES).slice(1, -1)}`;

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread; only ever while a full pipe leaves no other way to keep a line. */
function sleepSync(ms: number): void {
  Atomics.wait(sleepCell, 0, 0, ms);
}

/** The line that stands for one that is too long: its beginning, as a string, under its own level and time. */
function shortened(line: string, identity: string): string {
  const [, level = "info", time = ""] = /^\{"level":"([a-z]+)","time":"([^"]*)"/.exec(line) ?? [];
  const start = JSON.stringify(line.slice(0, KEPT_OF_LONG_LINE_CHARS));
  return `{"level":"${level}","time":"${time}"${identity},"msg":"log line of ${line.length} characters shortened","log.line_start":${start}}\n`;
}

export function createLogDestination(opts: LogDestinationOptions): LogDestination {
  const { target, files, onLost, identity = "" } = opts;
  const writeBytes = opts.writeBytes ?? ((fd, bytes, offset) => writeSync(fd, bytes, offset));
  let seq = 0;
  let lostLines = 0;
  let turn = "";
  let turnLines = 0;
  let scheduled = false;
  let refusing = false;
  // What was written last ended inside a line.
  let midLine = false;
  // ... and that line cannot be finished any more: the next write begins on a line of its own.
  let torn = false;
  // What a full pipe did not take yet. The first of it may be written in part, so it is bytes, not lines.
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let retry: NodeJS.Timeout | undefined;

  function write(line: string): void {
    if (line.length > MAX_LINE_CHARS) line = shortened(line, identity);
    seq += 1;
    // At the end of the line, since the last of two equal keys wins: nothing that is logged can pose as the seq.
    turn += `${line.slice(0, -2)},"seq":${seq}}\n`;
    turnLines += 1;
    if (turn.length > MAX_TURN_CHARS) endTurn();
    else if (!scheduled) {
      scheduled = true;
      setImmediate(endScheduledTurn);
    }
  }

  function endScheduledTurn(): void {
    scheduled = false;
    endTurn();
  }

  function endTurn(deadlineMs = Number.POSITIVE_INFINITY): void {
    if (turnLines === 0) return;
    const text = turn;
    turn = "";
    turnLines = 0;
    if (typeof target !== "number") {
      target.write(files === undefined ? text : storeInFiles(files, Buffer.from(text, "utf8")).toString("utf8"));
      return;
    }
    // UTF-8 here, so that a lone surrogate becomes U+FFFD and not bytes that no reader takes.
    const lines = Buffer.from(text, "utf8");
    const bytes = files === undefined ? lines : storeInFiles(files, lines);
    if (waitingBytes > 0) {
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (waitingBytes > MAX_WAITING_BYTES) drainWaiting(deadlineMs);
      return;
    }
    const rest = writeSome(target, bytes);
    if (rest !== undefined) wait(rest);
  }

  /** Writes until done or full; returns what is left when full. */
  function writeSome(fd: number, lines: Buffer): Buffer | undefined {
    const bytes = torn ? Buffer.concat([NEWLINE, lines]) : lines;
    torn = false;
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += writeBytes(fd, bytes, offset);
        midLine = bytes[offset - 1] !== NEWLINE[0];
        refusing = false;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EINTR") continue;
        // A pipe that another process made non-blocking is full: a wait, not a failure.
        if (code === "EAGAIN" || code === "EWOULDBLOCK") return bytes.subarray(offset);
        // The reader is gone (EPIPE), the disk is full (ENOSPC): a service does not die of its log.
        lostLines += countLines(offset === 0 ? lines : bytes.subarray(offset));
        torn = midLine;
        if (!refusing) {
          refusing = true;
          onLost?.(error as Error);
        }
        return undefined;
      }
    }
    return undefined;
  }

  function wait(rest: Buffer): void {
    waiting = [rest];
    waitingBytes = rest.length;
    retry ??= setTimeout(tryWaiting, FULL_PIPE_RETRY_MS);
  }

  function tryWaiting(): void {
    retry = undefined;
    if (!writeWaiting()) retry = setTimeout(tryWaiting, FULL_PIPE_RETRY_MS);
  }

  /** True when nothing waits any more. */
  function writeWaiting(): boolean {
    if (waitingBytes === 0) return true;
    const bytes = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    const rest = writeSome(target as number, bytes);
    if (rest === undefined) return true;
    waiting = [rest];
    waitingBytes = rest.length;
    return false;
  }

  function drainWaiting(deadlineMs: number): void {
    const deadline = performance.now() + deadlineMs;
    while (!writeWaiting() && performance.now() < deadline) sleepSync(FULL_PIPE_RETRY_MS);
  }

  function flush(deadlineMs: number): void {
    endTurn(deadlineMs);
    drainWaiting(deadlineMs);
    if (waitingBytes === 0) {
      clearTimeout(retry);
      retry = undefined;
    }
  }

  return {
    write,
    flush,
    get lastSeq() {
      return seq;
    },
    get lostLines() {
      return lostLines + (files?.lostLines ?? 0);
    },
  };
}

/** Puts a turn's lines into the files, and gives them back as the target gets them: marked only where a file has them. */
function storeInFiles(files: LogFiles, lines: Buffer): Buffer {
  const stored = files.write(lines);
  if (stored === lines.length) return lines;
  const unmarked = lines.toString("utf8", stored).replaceAll(IN_FILES_TEXT, "");
  return Buffer.concat([lines.subarray(0, stored), Buffer.from(unmarked, "utf8")]);
}
