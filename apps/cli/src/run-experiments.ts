/** One call of `run`: the experiments, their progress, and what is said about them at the end. */
import {
  fleetTarget,
  findExperiment,
  junit,
  runExperiment,
  runSuite,
  type Experiment,
  type Progress,
  type RunResult,
} from "@holdfast/experiments";
import { usageError } from "./cli-error.ts";
import { exitCodeOf, EXIT } from "./exit-codes.ts";
import { serviceCommand } from "./fleet-commands.ts";
import { watchInterrupts } from "./interrupt.ts";
import { runLines, suiteLines } from "./run-words.ts";
import { createRunProgress } from "./run-progress.ts";
import { ensureServiceBundle } from "./service-bundle.ts";
import type { Terminal } from "./terminal.ts";
import { list } from "./words.ts";

export interface RunFlags {
  /** `true` where no name was given. */
  control?: string | true;
  withControls?: true;
  output?: "json" | "junit";
  out: string;
}

/** Runs them all, or a control of each, and returns the exit code. */
export async function runExperiments(ids: string[], opts: { flags: RunFlags; terminal: Terminal }): Promise<number> {
  const { flags, terminal } = opts;
  if (flags.control !== undefined && flags.withControls) {
    throw usageError("--control runs a control instead of the experiment and --with-controls both: give one of them.");
  }
  const experiments = ids.map((id) => findExperiment(id));
  const controls = experiments.map((experiment) => controlOf(experiment, flags.control));

  const abort = new AbortController();
  const progress = createRunProgress(terminal);
  const interrupts = watchInterrupts((times) => {
    if (times === 1) progress.note("Stopping: the rollback runs first.");
    if (times === 2) progress.note("The rollback is still running. Once more ends it at once, unverified.");
    if (times === 3) process.exit(EXIT.interrupted);
    abort.abort();
  });
  try {
    const bundle = await ensureServiceBundle({ note: terminal.note, signal: abort.signal });
    const command = serviceCommand(bundle);
    const shared = {
      target: fleetTarget({ catalogue: { command }, stock: { command } }),
      outDir: flags.out,
      onProgress: show,
      signal: abort.signal,
    };
    if (flags.control === undefined && (flags.withControls || experiments.length > 1)) {
      const suite = await runSuite({ ...shared, experiments, withControls: flags.withControls ?? false });
      printWhole(suite, suite.results);
      if (flags.output === undefined) for (const line of suiteLines(suite, terminal.paint)) terminal.print(line);
      return suite.exitCode;
    }
    const results: RunResult[] = [];
    for (const [index, experiment] of experiments.entries()) {
      const control = controls[index];
      results.push(await runExperiment(experiment, { ...shared, ...(control ? { control } : {}) }));
    }
    printWhole(results.length === 1 ? results[0] : { results }, results);
    return Math.max(...results.map((result) => exitCodeOf(result.verdict)));
  } finally {
    progress.end();
    interrupts.dispose();
  }

  /** For people, each result as it comes: a suite takes minutes. */
  function show(event: Progress): void {
    progress.show(event);
    if (event.type !== "result" || flags.output !== undefined) return;
    for (const line of runLines(event.result, { paint: terminal.paint, width: terminal.width, outDir: flags.out }))
      terminal.print(line);
  }

  /** For programs, all of them at once. */
  function printWhole(whole: unknown, results: readonly RunResult[]): void {
    if (flags.output === "json") terminal.print(JSON.stringify(whole, undefined, 2));
    if (flags.output === "junit") terminal.print(junit(results));
  }
}

function controlOf(experiment: Experiment, wanted: string | true | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  const names = experiment.controls
    .filter((control) => control.targets?.includes("fleet") ?? true)
    .map((control) => control.name);
  const name = wanted === true ? names[0] : names.find((each) => each === wanted);
  if (name) return name;
  throw usageError(
    `${experiment.id} has no control "${wanted}": it has ${list(
      names.map((each) => `"${each}"`),
      "or",
    )}.`,
  );
}
