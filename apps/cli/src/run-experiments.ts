/** One call of `run`: the experiments, their progress, and what is said about them at the end. */
import {
  findExperiment,
  fleetTarget,
  junit,
  runSuite,
  runWithAttempts,
  type Experiment,
  type Progress,
  type RunResult,
  type TargetFactory,
  type TargetName,
} from "@holdfast/experiments";
import { exitCodeOf, EXIT } from "@holdfast/experiments/exit-codes";
import { watchInterrupts } from "@holdfast/experiments/interrupt";
import { usageError } from "./cli-error.ts";
import { clusterName } from "./cluster-name.ts";
import { serviceCommand } from "./fleet-commands.ts";
import { runLines, suiteLines } from "./run-words.ts";
import { createRunProgress } from "./run-progress.ts";
import { serviceVersion } from "./repo.ts";
import { ensureServiceBundle } from "./service-bundle.ts";
import type { Terminal } from "./terminal.ts";
import { list } from "./words.ts";

export interface RunFlags {
  /** `true` where no name was given. */
  control?: string | true;
  withControls?: true;
  /** How often what is INVALID may be run in all. */
  attempts: number;
  output?: "json" | "junit";
  out: string;
  target: TargetName;
  /** Of the cluster. */
  name?: string;
}

/** Runs them all, or a control of each, and returns the exit code. */
export async function runExperiments(ids: string[], opts: { flags: RunFlags; terminal: Terminal }): Promise<number> {
  const { flags, terminal } = opts;
  if (flags.control !== undefined && flags.withControls) {
    throw usageError("--control runs a control instead of the experiment and --with-controls both: give one of them.");
  }
  if (flags.name !== undefined && flags.target !== "kind") {
    throw usageError("--name says which cluster, and the fleet needs none: give --target kind with it.");
  }
  const name = clusterName(flags.name);
  const experiments = ids.map((id) => findExperiment(id));
  for (const experiment of experiments) refuseElsewhere(experiment, flags.target);
  const controls = experiments.map((experiment) =>
    controlOf(experiment, { wanted: flags.control, target: flags.target }),
  );

  const abort = new AbortController();
  const progress = createRunProgress(terminal);
  const interrupts = watchInterrupts((times) => {
    if (times === 1) progress.note("Stopping: the rollback runs first.");
    if (times === 2) progress.note("The rollback is still running. Once more ends it at once, unverified.");
    if (times === 3) process.exit(EXIT.interrupted);
    abort.abort();
  });
  try {
    const { signal } = abort;
    const target =
      flags.target === "kind"
        ? await targetOnCluster(name, { terminal, signal })
        : await targetHere({ terminal, signal });
    const shared = {
      target,
      attempts: flags.attempts,
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
      results.push(await runWithAttempts(experiment, { ...shared, ...(control ? { control } : {}) }));
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

interface Place {
  terminal: Terminal;
  signal: AbortSignal;
}

async function targetHere({ terminal, signal }: Place): Promise<TargetFactory> {
  const bundle = await ensureServiceBundle({ note: terminal.note, signal });
  const command = serviceCommand(bundle);
  return fleetTarget({ catalogue: { command }, stock: { command }, version: serviceVersion() });
}

/** Loaded when it is needed: a fleet must not wait for what a cluster is asked with. */
async function targetOnCluster(name: string, { terminal, signal }: Place): Promise<TargetFactory> {
  const [{ kindTarget }, { bundleDirFor, openNamedCluster }, { clusterImages }, { CHART_DIR, PLATFORM_DIR }] =
    await Promise.all([
      import("@holdfast/experiments"),
      import("./cluster-open.ts"),
      import("./cluster-images.ts"),
      import("./app-releases.ts"),
    ]);
  const cluster = await openNamedCluster(name, { note: terminal.note, signal });
  const { service, agent } = await clusterImages(cluster, { bundleDir: await bundleDirFor(name, {}), signal });
  return kindTarget({
    cluster,
    chart: CHART_DIR,
    platform: PLATFORM_DIR,
    images: { service: service.reference, agent: agent.reference },
  });
}

/** Said before anything is built or started. */
function refuseElsewhere({ id, targets }: Experiment, target: TargetName): void {
  if (targets.includes(target)) return;
  const [first = "fleet"] = targets;
  const how = first === "kind" ? " (`./holdfast up` makes the cluster)" : "";
  throw usageError(`${id} runs on ${list(targets)} only: give --target ${first}${how}.`, "TARGET_UNSUITED");
}

function controlOf(
  experiment: Experiment,
  { wanted, target }: { wanted: string | true | undefined; target: TargetName },
): string | undefined {
  if (wanted === undefined) return undefined;
  const names = experiment.controls
    .filter((control) => control.targets?.includes(target) ?? true)
    .map((control) => control.name);
  const name = wanted === true ? names[0] : names.find((each) => each === wanted);
  if (name) return name;
  if (names.length === 0) throw usageError(`${experiment.id} has no control on ${target}.`);
  const where = experiment.targets.length > 1 ? ` on ${target}` : "";
  throw usageError(
    `${experiment.id} has no control "${wanted}"${where}: it has ${list(
      names.map((each) => `"${each}"`),
      "or",
    )}.`,
  );
}
