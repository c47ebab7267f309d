/**
 * What the pre-step and the tools share: where this checkout is, how its cache is locked, how people are told.
 * Plain JavaScript for Node >= 18 without a dependency.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const cacheDir = path.join(root, ".cache");

/** Exit code for "could not run", as everywhere in the command line. */
const COULD_NOT_RUN = 4;

/** A sentence for the person who must act. */
export class PrestepError extends Error {}

export const say = (line) => process.stderr.write(`holdfast: ${line}\n`);
export const seconds = (sinceMs) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Longer than an installation takes on a slow line. */
const PATIENCE_MS = 15 * 60_000;
/** Between a lock's creation and the number in it lies no wait: one that is still empty by then was left so. */
const EMPTY_LOCK_MS = 2_000;

/**
 * One process at a time prepares a checkout: `npm start` and `npm test` may be called side by side.
 *
 * `opts` are for tests: `dir`, where the lock is, and `patienceMs`.
 */
export async function withLock(action, opts = {}) {
  const { dir = cacheDir, patienceMs = PATIENCE_MS } = opts;
  mkdirSync(dir, { recursive: true });
  const lock = path.join(dir, "prestep.lock");
  const startedMs = Date.now();
  for (let waited = false; !tryToLock(lock);) {
    const { pid, ageMs } = holderOf(lock);
    if (pid === undefined) continue; // released at this moment
    const isNumber = Number.isInteger(pid) && pid > 0;
    if (isNumber ? !isAlive(pid) : ageMs > EMPTY_LOCK_MS) {
      rmSync(lock, { force: true });
      continue;
    }
    const holder = isNumber ? `another command (pid ${pid})` : "another command";
    if (Date.now() - startedMs > patienceMs) {
      throw new PrestepError(
        `After ${seconds(startedMs)} ${holder} still holds ${lock}. End it if it hangs, or remove that file if it is none of ours, and run this again.`,
      );
    }
    if (!waited && isNumber) {
      say(`${holder} is preparing this checkout; waiting for it (${lock})`);
      waited = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const release = () => rmSync(lock, { force: true });
  // Without a listener Ctrl-C would end this process inside of a child's run, and leave the lock and half a download.
  const waitForChild = () => {};
  process.once("exit", release).on("SIGINT", waitForChild);
  try {
    return await action();
  } finally {
    process.off("exit", release).off("SIGINT", waitForChild);
    release();
  }
}

/** Whether the lock is ours now. On a full disk none is left, for which everybody would wait. */
function tryToLock(lock) {
  let file;
  try {
    file = openSync(lock, "wx");
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, String(process.pid));
    return true;
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Who holds it, which may be no number, and since when; nothing where nobody does. */
function holderOf(lock) {
  try {
    return { pid: Number(readFileSync(lock, "utf8")), ageMs: Date.now() - statSync(lock).mtimeMs };
  } catch {
    return {};
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Hands `action` a new folder inside `parent` that is gone afterwards, however it ends. */
export async function withWorkDir(parent, action) {
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(path.join(parent, "fetch-"));
  const cleanUp = () => rmSync(work, { recursive: true, force: true });
  process.once("exit", cleanUp);
  try {
    return await action(work);
  } finally {
    process.off("exit", cleanUp);
    cleanUp();
  }
}

export function run(command, args, opts) {
  const { purpose, env = process.env } = opts;
  const result = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status === 0) return;
  if (result.signal) process.exit(128 + (constants.signals[result.signal] ?? 0));
  const detail =
    result.error?.message ?? `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-12).join("\n  ");
  throw new PrestepError(`Could not ${purpose}: \`${command} ${args.join(" ")}\` failed.\n  ${detail}`);
}

export function fail(error) {
  if (error instanceof PrestepError) say(error.message);
  else if (error?.syscall) say(`Cannot prepare this checkout: ${error.message}. Give it write access and room there.`);
  else say(error?.stack ?? String(error));
  process.exit(COULD_NOT_RUN);
}
