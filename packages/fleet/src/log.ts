import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Enough for the message of a stack trace's last cause. */
const tailBytes = 4_096;

/** The line of a log that says most: the last one that names an error, or the very last. */
export function lastLine(file: string): string {
  try {
    const log = openSync(file, "r");
    try {
      const { size } = fstatSync(log);
      const tail = Buffer.alloc(Math.min(size, tailBytes));
      readSync(log, tail, 0, tail.length, size - tail.length);
      const lines = tail
        .toString("utf8")
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "");
      return (lines.findLast((line) => /error|not found|cannot/i.test(line)) ?? lines.at(-1) ?? "").slice(0, 300);
    } finally {
      closeSync(log);
    }
  } catch {
    return "";
  }
}
