/**
 * Log files beside stdout, for a log shipper that shares a volume with the process: numbered and never renamed, so that a
 * reader's offsets hold, and bounded, so that they never fill the volume. When one is full the next begins and the oldest
 * goes; a restart goes on with the next number.
 */
import { closeSync, fstatSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { TelemetryError } from "./errors.ts";
import type { LogFilesOptions } from "./types.ts";

export interface LogFiles {
  /**
   * Writes whole lines of UTF-8, synchronously.
   *
   * @returns how many of the bytes are stored as whole lines: all, or fewer when the disk refused some.
   */
  write(lines: Buffer): number;
  /** Lines that no file has. */
  readonly lostLines: number;
}

export interface LogFilesHooks {
  /** Told when the files begin to refuse lines, once until they work again. */
  readonly onFailing: (error: NodeJS.ErrnoException) => void;
  /** Told when they work again, and how many lines they have not got. */
  readonly onRecovered: (lostLines: number) => void;
  /** The write system call; a test replaces it to be full or broken. */
  readonly writeBytes?: (fd: number, bytes: Uint8Array, offset: number) => number;
}

// Four times 8 MiB are minutes of a busy service, and little for a volume.
const DEFAULT_MAX_BYTES = 8_388_608;
const DEFAULT_FILES = 4;

// The lines of one turn are at most 400 KB, and a file takes them whole.
const SMALLEST_MAX_BYTES = 524_288;
// One that is read to its end while the next is written.
const FEWEST_FILES = 2;

const NAME = /^service-(\d{6,15})\.log$/;
const NEWLINE = Buffer.from("\n");

/**
 * Opens the first file.
 *
 * @throws TelemetryError LOG_FILES_UNWRITABLE when the directory takes none, LOG_FILES_OPTION_INVALID for wrong numbers.
 */
export function openLogFiles(opts: LogFilesOptions, hooks: LogFilesHooks): LogFiles {
  const { dir, maxBytes = DEFAULT_MAX_BYTES, files = DEFAULT_FILES } = opts;
  const writeBytes = hooks.writeBytes ?? ((to, bytes, offset) => writeSync(to, bytes, offset));
  let fd = -1;
  let number = 0;
  let size = 0;
  let lostLines = 0;
  let lostBeforeFailing: number | undefined;
  // The last line in the file was cut off by a disk that failed: what comes next begins on a line of its own.
  let torn = false;
  let due = false;

  if (
    !(Number.isInteger(maxBytes) && maxBytes >= SMALLEST_MAX_BYTES && Number.isInteger(files) && files >= FEWEST_FILES)
  ) {
    throw new TelemetryError(
      "LOG_FILES_OPTION_INVALID",
      `logFiles has maxBytes ${maxBytes} and files ${files}; allowed are whole numbers from ${SMALLEST_MAX_BYTES} and from ${FEWEST_FILES}.`,
    );
  }
  try {
    openNext();
  } catch (error) {
    throw new TelemetryError(
      "LOG_FILES_UNWRITABLE",
      `No log file can be made in ${dir}: ${(error as Error).message}. Name a directory that exists and that this user may write.`,
    );
  }

  /** The oldest go before the new one comes, so that there are never more than may be. */
  function openNext(): void {
    const numbers = existingNumbers(dir);
    for (const old of numbers.slice(0, Math.max(0, numbers.length - (files - 1)))) rmSync(pathOf(old), { force: true });
    const nextNumber = Math.max(number, numbers.at(-1) ?? 0) + 1;
    const next = openSync(pathOf(nextNumber), "ax", 0o644);
    if (fd !== -1) closeSync(fd);
    fd = next;
    number = nextNumber;
    size = 0;
    torn = false;
    due = false;
  }

  function pathOf(ofNumber: number): string {
    return join(dir, `service-${String(ofNumber).padStart(6, "0")}.log`);
  }

  function write(lines: Buffer): number {
    let written = 0;
    try {
      if (nextIsDue(lines.length)) openNext();
      if (torn) append(NEWLINE, 0);
      while (written < lines.length) written += append(lines, written);
    } catch (error) {
      const stored = written === 0 ? 0 : lines.lastIndexOf(NEWLINE, written - 1) + 1;
      if (lostBeforeFailing === undefined) {
        lostBeforeFailing = lostLines;
        hooks.onFailing(error as NodeJS.ErrnoException);
      }
      lostLines += countLines(lines.subarray(stored));
      return stored;
    }
    if (lostBeforeFailing !== undefined) {
      hooks.onRecovered(lostLines - lostBeforeFailing);
      lostBeforeFailing = undefined;
    }
    return written;
  }

  /** Until one could be opened: what would still fit into the file of before would look as if all were well. */
  function nextIsDue(bytes: number): boolean {
    due ||= size > 0 && size + NEWLINE.length + bytes > maxBytes;
    // Deleted by somebody: it could be written, and nobody would ever read it.
    due ||= fstatSync(fd).nlink === 0;
    return due;
  }

  function append(bytes: Buffer, from: number): number {
    try {
      const count = writeBytes(fd, bytes, from);
      size += count;
      if (count > 0) torn = bytes[from + count - 1] !== NEWLINE[0];
      return count;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EINTR") return 0;
      throw error;
    }
  }

  return {
    write,
    get lostLines() {
      return lostLines;
    },
  };
}

/** Ascending. */
function existingNumbers(dir: string): number[] {
  return readdirSync(dir)
    .map((name) => Number(NAME.exec(name)?.[1] ?? Number.NaN))
    .filter((number) => !Number.isNaN(number))
    .toSorted((one, other) => one - other);
}

export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}
