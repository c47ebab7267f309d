/** One process at a time: a file that says who has it. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 50;
/** No file stays half-written for so long whose owner lives. */
const UNWRITTEN_MS = 5_000;

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, where another process has it; with its id. */
  readonly onWait?: ((pid: number) => void) | undefined;
}

interface Owner {
  readonly pid: number;
  /** When that process started, in the kernel's ticks, so that another process of the same id later is not taken for it; where that can be read. */
  readonly started?: string | undefined;
  /** No two holders are alike. */
  readonly id: string;
}

/** Waits until the file is ours, acts, and gives it back. What a killed process has left is taken over. Throws the signal's AbortError. */
export async function withLockFile<T>(file: string, action: () => Promise<T>, opts: LockOptions = {}): Promise<T> {
  const { signal, onWait } = opts;
  await mkdir(path.dirname(file), { recursive: true });
  const owner: Owner = { pid: process.pid, started: await startOf(process.pid), id: randomUUID() };
  const text = JSON.stringify(owner);
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    if (await make(file, text)) break;
    const holder = await readHolder(file);
    if (holder === "gone") continue;
    if (holder.alive) {
      if (!told && holder.pid !== undefined) onWait?.(holder.pid);
      told ||= holder.pid !== undefined;
      await sleep(RETRY_MS, undefined, signal === undefined ? {} : { signal });
    } else {
      await takeAway(file, holder.text);
    }
  }
  try {
    return await action();
  } finally {
    // Somebody who took us for dead has made it theirs.
    if ((await readFile(file, "utf8").catch(() => "")) === text) await rm(file, { force: true });
  }
}

async function make(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

type Holder = "gone" | { readonly text: string; readonly alive: boolean; readonly pid?: number };

async function readHolder(file: string): Promise<Holder> {
  const read = await Promise.all([readFile(file, "utf8"), stat(file)]).catch(() => undefined);
  if (read === undefined) return "gone";
  const [text, { mtimeMs }] = read;
  const owner = parse(text);
  // Just made and not yet written; or its owner was killed between the two.
  if (owner === undefined) return { text, alive: Date.now() - mtimeMs < UNWRITTEN_MS };
  return { text, alive: await isAlive(owner), pid: owner.pid };
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    return typeof owner?.pid === "number" && owner.pid > 0 && typeof owner.id === "string"
      ? (owner as Owner)
      : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = await startOf(pid);
  return started === undefined || now === undefined || now === started;
}

/** Linux tells it; elsewhere nothing. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name, in which there may be blanks; the start is the 22nd.
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

/**
 * Removes the judged file and no other. Between the look and this, somebody else may have done so and made their own: so this too is done by one at
 * a time, who looks again. A dead owner changes nothing any more.
 */
async function takeAway(file: string, judged: string): Promise<void> {
  const guard = `${file}.takeover`;
  if (!(await make(guard, ""))) {
    // It is there for two calls of the file system, unless its maker was killed between them.
    const made = await stat(guard).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > UNWRITTEN_MS) await rm(guard, { force: true });
    return;
  }
  try {
    if ((await readFile(file, "utf8").catch(() => undefined)) === judged) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}
