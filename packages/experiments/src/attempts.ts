/**
 * A run that is INVALID shows nothing: the machine was starved, or luck gave too little to judge. It may be repeated, and the
 * result says so. A FAIL never is: asked often enough, chance passes everything.
 */
import { readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Experiment } from "./experiment.ts";
import { replaceFile, resultText } from "./out-files.ts";
import type { EarlierAttempt, RunResult } from "./result.ts";
import { runExperiment, type RunOptions } from "./run.ts";

export interface AttemptOptions extends Omit<RunOptions, "earlier"> {
  /** How often it may be run in all, as long as it is INVALID; default 1. */
  readonly attempts?: number;
}

/** `runExperiment`, once more where it was INVALID. Files of earlier attempts stand beside the last one's, as `<id>.attempt-1.*`. */
export async function runWithAttempts(experiment: Experiment, opts: AttemptOptions): Promise<RunResult> {
  const { attempts = 1, ...run } = opts;
  const outDir = path.resolve(run.outDir);
  const result = await untilValid({
    attempts,
    run: (earlier) => runExperiment(experiment, { ...run, earlier }),
    aside: (invalid, attempt) => setAside(invalid, { outDir, attempt }),
    again: (invalid, attempt) => run.onProgress?.({ type: "again", result: invalid, attempt, attempts }),
  });
  await removeStale(result, outDir);
  return result;
}

/** What an earlier call set aside would pass for this one's. */
async function removeStale({ files, earlier = [] }: RunResult, outDir: string): Promise<void> {
  const ours = new Set(earlier.flatMap((attempt) => Object.values(attempt.files)));
  const begin = `${stemOf(files)}.attempt-`;
  for (const name of await readdir(outDir)) {
    if (name.startsWith(begin) && !ours.has(name)) await rm(path.join(outDir, name), { recursive: true, force: true });
  }
}

function stemOf({ result }: RunResult["files"]): string {
  return result.slice(0, -".json".length);
}

/** Runs until the verdict is not INVALID, at most `attempts` times. */
export async function untilValid(opts: {
  attempts: number;
  run: (earlier: readonly EarlierAttempt[]) => Promise<RunResult>;
  /** Moves the attempt out of the way of the next one. */
  aside: (result: RunResult, attempt: number) => Promise<EarlierAttempt>;
  /** Called before each attempt but the first, which is numbered 1. */
  again: (result: RunResult, attempt: number) => void;
}): Promise<RunResult> {
  const { attempts, run, aside, again } = opts;
  const earlier: EarlierAttempt[] = [];
  for (;;) {
    const result = await run([...earlier]);
    const ran = earlier.length + 1;
    if (result.verdict !== "INVALID" || ran >= attempts) return result;
    earlier.push(await aside(result, ran));
    again(result, ran + 1);
  }
}

async function setAside(
  result: RunResult,
  { outDir, attempt }: { outDir: string; attempt: number },
): Promise<EarlierAttempt> {
  const { files, reason, startedAt, seconds } = result;
  const stem = stemOf(files);
  const named = (name: string) => `${stem}.attempt-${attempt}${name.slice(stem.length)}`;
  const moved = {
    result: named(files.result),
    ledger: named(files.ledger),
    page: named(files.page),
    logs: named(files.logs),
  };
  for (const what of ["logs", "ledger", "page", "result"] as const) {
    const to = path.join(outDir, moved[what]);
    // A rename cannot replace a directory that is not empty.
    await rm(to, { recursive: true, force: true });
    await rename(path.join(outDir, files[what]), to);
  }
  await replaceFile(path.join(outDir, moved.result), resultText({ ...result, files: moved }));
  return { verdict: "INVALID", reason, startedAt, seconds, files: moved };
}
