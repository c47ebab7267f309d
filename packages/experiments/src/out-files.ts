/**
 * A run's files. They are made in a directory of the run's own inside `outDir` and appear under their names at the end,
 * each by a rename, the result last: whoever finds a result finds all that belongs to it, and an interrupted run or a
 * full disk leaves what was there before.
 */
import { mkdir, mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { ExperimentError, sentenceOf } from "./errors.ts";
import type { RunResult } from "./result.ts";

export interface OutFiles {
  readonly names: RunResult["files"];
  /** Where the ledger is written while the run goes on. */
  readonly ledgerFile: string;
  /** Where the replicas' logs are written. */
  readonly logDir: string;
  publish(contents: { result: RunResult; page: string }): Promise<void>;
  /** Removes what was not published. */
  discard(): Promise<void>;
}

/** @throws ExperimentError OUT_UNWRITABLE */
export async function openOutFiles(outDir: string, stem: string): Promise<OutFiles> {
  const names = { result: `${stem}.json`, ledger: `${stem}.ledger.jsonl`, page: `${stem}.html`, logs: `${stem}.logs` };
  const partial = await writing(outDir, async () => {
    await makeDirectory(outDir);
    const dir = await mkdtemp(path.join(outDir, `.${stem}.partial-`));
    await mkdir(path.join(dir, names.logs));
    return dir;
  });
  const inPartial = (name: string) => path.join(partial, name);

  async function publish({ result, page }: { result: RunResult; page: string }): Promise<void> {
    await writing(outDir, async () => {
      await writeDurably(inPartial(names.page), page);
      await writeDurably(inPartial(names.result), resultText(result));
      // Nothing that could fail for want of space stands between these renames.
      for (const name of [names.logs, names.ledger, names.page, names.result]) {
        // A rename cannot replace a directory that is not empty.
        if (name === names.logs) await rm(path.join(outDir, name), { recursive: true, force: true });
        await rename(inPartial(name), path.join(outDir, name));
      }
    });
  }

  return {
    names,
    ledgerFile: inPartial(names.ledger),
    logDir: inPartial(names.logs),
    publish,
    discard: () => rm(partial, { recursive: true, force: true }),
  };
}

/** As `mkdir -p`. Node's own `recursive` never comes back where a file system refuses every new directory (/proc). */
async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && (await stat(dir)).isDirectory()) return;
    if (code !== "ENOENT" || path.dirname(dir) === dir) throw error;
    await makeDirectory(path.dirname(dir));
    await mkdir(dir);
  }
}

export function resultText(result: RunResult): string {
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** Replaces one result file by another, in one step. @throws ExperimentError OUT_UNWRITABLE */
export async function replaceFile(file: string, content: string): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  await writing(path.dirname(file), async () => {
    try {
      await writeDurably(temporary, content);
      await rename(temporary, file);
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

async function writeDurably(file: string, content: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(content);
    // A full disk may only show here.
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writing<T>(outDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw outUnwritable(outDir, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EACCES: "it is not writable",
  EPERM: "it is not writable",
  EROFS: "it is not writable",
  ENOENT: "no directory can be made there",
  ENOTDIR: "a file stands where a directory must be",
  EEXIST: "a file stands where a directory must be",
};

/** Which sentence says that, and what to do. */
export function outUnwritable(outDir: string, error: unknown): ExperimentError {
  const why = REASONS[String(codeOf(error))] ?? sentenceOf(error);
  return new ExperimentError(
    "OUT_UNWRITABLE",
    `The results cannot be written to ${outDir}: ${why}. Make room there, or choose another directory.`,
    { cause: error },
  );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
