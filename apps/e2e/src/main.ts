/** `./holdfast e2e`: what is claimed of the cluster, proved on one. */
import { ClusterError } from "@holdfast/cluster";
import { CommanderError } from "commander";
import path from "node:path";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { watchInterrupts } from "@holdfast/experiments/interrupt";
import { E2eError, sentenceOf } from "./e2e-error.ts";
import { allItems, chosenBy, createProgram, listLines, upFlags, type Flags } from "./program.ts";
import { writeProof } from "./proof.ts";
import { REPO_ROOT } from "./repo.ts";
import { closingLines, runSuite } from "./suite.ts";
import { bundleOf } from "./subject-cluster.ts";
import { duration } from "./words.ts";

const startedMs = performance.now();
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const say = (line: string): void => print(`[${duration((performance.now() - startedMs) / 1000)}] ${line}`);

async function e2e(flags: Flags): Promise<void> {
  if (flags.list) {
    for (const line of listLines(allItems())) print(line);
    return;
  }
  const items = chosenBy(flags);
  const abort = new AbortController();
  const { signal } = abort;
  watchInterrupts((times) => {
    if (times === 1) say("Stopping: what was begun is undone first. Ctrl-C twice more ends it at once.");
    if (times === 3) process.exit(EXIT.interrupted);
    abort.abort();
  });
  const outDir = path.resolve(flags.out);
  const { record, exitCode, error } = await runSuite({
    items,
    name: flags.name,
    up: upFlags(flags),
    bundle: await bundleOf(flags.bundle, flags.name),
    outDir,
    keep: flags.keep ?? false,
    say,
    signal,
  });
  // A proof of half a run would be none.
  if (flags.proof && !signal.aborted && error === undefined)
    say(`${writeProof({ outDir, proofDir: path.join(REPO_ROOT, "docs", "proof") })} is written.`);
  if (error !== undefined) report(error);
  for (const line of closingLines({ record, outDir: flags.out })) print(line);
  process.exitCode = exitCode;
}

try {
  await createProgram(e2e).parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  const interrupted =
    (error instanceof Error && error.name === "AbortError") ||
    (error instanceof ClusterError && error.code === "ABORTED");
  process.stderr.write(`holdfast e2e: ${interrupted ? "Interrupted." : sentenceOf(error)}\n`);
  if (interrupted) return EXIT.interrupted;
  return error instanceof E2eError ? error.exitCode : EXIT.couldNotRun;
}
