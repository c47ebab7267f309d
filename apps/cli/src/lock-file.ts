/** One process at a time: a file that holds the pid of whoever has it. */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "./cli-error.ts";

const RETRY_MS = 50;
/** No file stays empty for so long whose owner lives. */
const UNWRITTEN_MS = 5_000;

/** Waits until the file is ours, acts, and gives it back. What a killed process has left is taken over. */
export async function withLockFile<T>(
  file: string,
  action: () => Promise<T>,
  opts: { signal?: AbortSignal } = {},
): Promise<T> {
  await mkdir(path.dirname(file), { recursive: true });
  while (!(await take(file))) await sleep(RETRY_MS, undefined, opts);
  try {
    return await action();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  if (!(await isHeld(file))) await rm(file, { force: true });
  return false;
}

async function isHeld(file: string): Promise<boolean> {
  const [text, info] = await Promise.all([readFile(file, "utf8"), stat(file)]).catch(() => ["", undefined] as const);
  const pid = Number(text);
  // Just given back, or just made and not yet written; or its owner was killed between the two.
  if (!Number.isInteger(pid) || pid < 1) return info === undefined || Date.now() - info.mtimeMs < UNWRITTEN_MS;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
