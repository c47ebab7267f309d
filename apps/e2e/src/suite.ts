/** One run: the cluster, the plain checks, the experiments, and what is left to read of it. */
import type { RunResult } from "@holdfast/experiments";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { bringBackAll } from "./away.ts";
import { follow } from "./child.ts";
import { checkDown, checkUpTwice, DOWN, readTraces, UP_TWICE, type Traces } from "./cluster-checks.ts";
import { uncordonDrained, unpauseNodes } from "./cordons.ts";
import { E2eError, sentenceOf } from "./e2e-error.ts";
import { readFactsOf } from "./facts.ts";
import type { CheckItem, Chosen } from "./items.ts";
import { takeLease } from "./lease.ts";
import { createRecorder, readResult, writeResult, type Recorder } from "./record-files.ts";
import {
  checkOutcome,
  exitCodeOf,
  experimentOutcome,
  isGood,
  notRun,
  repetitions,
  type CheckResult,
  type Outcome,
  type RunRecord,
} from "./result.ts";
import { REPO_ROOT } from "./repo.ts";
import { APP_NAMESPACE, ROOM_LABEL } from "./room.ts";
import { SUBJECT_VARIABLE, type SubjectInput } from "./subject.ts";
import {
  bringTools,
  bringUp,
  bundleEnv,
  findCluster,
  pushImage,
  STATE_DIR,
  type ClusterFlags,
  type Found,
} from "./subject-cluster.ts";
import { duration } from "./words.ts";

/** A process of its own: vitest takes over what it runs in. */
const RUN_CHECKS = fileURLToPath(import.meta.resolve("./run-checks.ts"));

/**
 * For what is INVALID, which a starved machine or bad luck can make; a FAIL is never repeated. Where a whole cluster shares two
 * processors with the client, three of four runs of E1's control came too late to be judged.
 */
const ATTEMPTS = 3;

export interface SuiteOptions extends ClusterFlags {
  readonly items: readonly Chosen[];
  readonly outDir: string;
  /** Leave a cluster that was brought up for this run. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface SuiteEnd {
  readonly record: RunRecord;
  readonly exitCode: number;
  /** What ended it before its time: all that had not run by then is NOT RUN. */
  readonly error?: unknown;
}

/** Runs everything and writes the results, whatever happens. */
export async function runSuite(opts: SuiteOptions): Promise<SuiteEnd> {
  const { items, name, outDir, signal } = opts;
  const ids = [...items, UP_TWICE, DOWN].map(({ id }) => id);
  const recorder = createRecorder({ outDir, ids, items, cluster: name });
  try {
    await onCluster(opts, recorder);
  } catch (error) {
    const why = signal.aborted ? "the run was interrupted" : sentenceOf(error).replace(/\.$/, "");
    const record = recorder.write(why);
    const isUsage = error instanceof E2eError && error.exitCode === EXIT.usage;
    return {
      record,
      exitCode: signal.aborted ? EXIT.interrupted : isUsage ? EXIT.usage : exitCodeOf(record.outcomes),
      error,
    };
  }
  const record = recorder.write("the run was interrupted");
  return { record, exitCode: signal.aborted ? EXIT.interrupted : exitCodeOf(record.outcomes) };
}

/** Finds the cluster or brings it up, and takes down what it brought up, whatever happened meanwhile. */
async function onCluster(opts: SuiteOptions, recorder: Recorder): Promise<void> {
  const { name, bundle, keep, say, signal } = opts;
  const tools = await bringTools({ bundle, signal });
  const there = await findCluster({ name, tools });
  if (typeof there !== "string") {
    say(`The cluster "${name}" is there; it stays.`);
    return runItems(opts, { recorder, found: { cluster: there, tools } });
  }
  const before = await readTraces({ name, docker: tools.docker });
  try {
    const found = await bringCluster(opts, tools);
    const image = await upAgain(opts, { recorder, found });
    await runItems(opts, { recorder, found, ...(image ? { image } : {}) });
  } finally {
    // What was there before us is not ours to remove, half made or whole.
    if (there === "absent" && !keep) await takeDownAndLook(opts, { recorder, docker: tools.docker, before });
  }
}

async function bringCluster(opts: SuiteOptions, tools: Found["tools"]): Promise<Found> {
  opts.say(`Bringing the cluster "${opts.name}" up.`);
  await bringUp(opts, opts.signal);
  const cluster = await findCluster({ name: opts.name, tools });
  if (typeof cluster === "string")
    throw new E2eError(`The cluster "${opts.name}" is ${cluster} after it was brought up.`);
  return { cluster, tools };
}

type Image = SubjectInput["image"];

/** @returns the image of this checkout that the cluster has, where the second `up` has named it */
async function upAgain(
  opts: SuiteOptions,
  { recorder, found }: { recorder: Recorder; found: Found },
): Promise<Image | undefined> {
  const { signal } = opts;
  if (signal.aborted) return undefined;
  opts.say(`${UP_TWICE.id}: ${UP_TWICE.title} ...`);
  const { result, image } = await checkUpTwice(opts, { cluster: found.cluster, namespace: APP_NAMESPACE, signal });
  recorder.add(signal.aborted ? notRun(UP_TWICE, "the run was interrupted") : noted(opts, { item: UP_TWICE, result }));
  return image;
}

async function takeDownAndLook(
  opts: SuiteOptions,
  { recorder, docker, before }: { recorder: Recorder; docker: string; before: Traces },
): Promise<void> {
  const { name, say } = opts;
  // Should the removal hang, what was found until now can be read.
  recorder.write("the run has not come to it yet");
  say(`Removing the cluster "${name}".`);
  const result = await checkDown({ name, docker, before });
  recorder.add(noted(opts, { item: DOWN, result }));
  if (result.verdict !== "PASS") say(`It is not all gone: \`./holdfast down --name ${name}\` says why.`);
}

/** A check that runs outside of vitest: written, told and counted as the others. */
function noted({ outDir, say }: SuiteOptions, { item, result }: { item: CheckItem; result: CheckResult }): Outcome {
  writeResult(outDir, result);
  say(`${item.id}: ${result.verdict} in ${duration(result.seconds)}. ${result.reason}`);
  return checkOutcome(item, result);
}

interface Subjects {
  readonly recorder: Recorder;
  readonly found: Found;
  readonly image?: Image;
}

async function runItems(opts: SuiteOptions, subjects: Subjects): Promise<void> {
  const { items, say, signal } = opts;
  const { recorder, found } = subjects;
  recorder.know(await readFactsOf(found));
  const giveBack = await takeLease(found.cluster, signal);
  try {
    const checks = items.filter((item): item is CheckItem => item.kind === "check");
    const cleared = await clear(found, say).then(
      () => undefined,
      (error: unknown) => `what an earlier run left is not all gone: ${sentenceOf(error).replace(/\.$/, "")}`,
    );
    if (cleared === undefined) recorder.add(...(await runChecks(checks, { ...opts, ...subjects })));
    else recorder.add(...checks.map((item) => notRun(item, cleared)));
    for (const item of items) {
      if (item.kind !== "experiment") continue;
      if (signal.aborted) {
        recorder.add(notRun(item, "the run was interrupted before"));
        continue;
      }
      say(`${item.id}: ${item.title}${item.withControls ? ", with its controls" : ""} ...`);
      const outcome = await runOne(item, opts);
      say(`${item.id}: ${outcome.verdict} in ${duration(outcome.seconds)}. ${outcome.reason}`);
      recorder.add(outcome);
    }
  } finally {
    await giveBack().catch((error: unknown) => say(sentenceOf(error)));
  }
}

/** All plain checks in one process of vitest, and what they made on the cluster removed. */
async function runChecks(checks: readonly CheckItem[], opts: SuiteOptions & Subjects): Promise<Outcome[]> {
  if (checks.length === 0) return [];
  const { found, bundle, name, outDir, say, signal } = opts;
  let trouble = "its process ended before it was judged";
  try {
    const image = opts.image ?? (await pushImage(found.cluster, { bundle, signal }));
    const subject: SubjectInput = {
      name,
      stateDir: STATE_DIR,
      tools: found.tools,
      image,
      chart: path.join(REPO_ROOT, "charts", "service"),
    };
    await follow(process.execPath, [RUN_CHECKS, outDir, ...checks.map(({ id }) => id)], {
      signal,
      env: { [SUBJECT_VARIABLE]: JSON.stringify(subject), NODE_ENV: "test" },
    });
    if (signal.aborted) trouble = "the run was interrupted";
  } catch (error) {
    trouble = signal.aborted ? "the run was interrupted" : sentenceOf(error).replace(/\.$/, "");
    if (!signal.aborted) say(`The plain checks could not be run: ${trouble}.`);
  } finally {
    await clear(found, say).catch((error: unknown) =>
      say(`What the checks made is not all gone: ${sentenceOf(error)}`),
    );
  }
  return checks.map((item) => {
    const result = readResult<CheckResult>(outDir, item.id);
    return result ? checkOutcome(item, result) : notRun(item, trouble);
  });
}

/** What checks and experiments leave when they are interrupted, and what of their namespaces is still ending. */
async function clear({ cluster }: Found, say: (line: string) => void): Promise<void> {
  const unpaused = await unpauseNodes(cluster);
  if (unpaused.length > 0) say(`${unpaused.join(", ")} had been left frozen, and runs again.`);
  const back = await bringBackAll(cluster.kubectl);
  if (back.length > 0) say(`${back.join(", ")} had been taken away, and runs again.`);
  await uncordonDrained(cluster.kubectl);
  await cluster.kubectl.run(["delete", "namespaces", "-l", ROOM_LABEL, "--ignore-not-found", "--timeout=100s"], {
    what: "remove the namespaces of the checks",
  });
}

/** One experiment by the command that a person would type. */
async function runOne(item: Extract<Chosen, { kind: "experiment" }>, opts: SuiteOptions): Promise<Outcome> {
  const { name, bundle, outDir, signal } = opts;
  const controls = item.withControls ? ["--with-controls"] : [];
  const startedMs = performance.now();
  let trouble = "it was interrupted";
  try {
    const code = await follow(
      process.execPath,
      [
        path.join(REPO_ROOT, "holdfast"),
        "run",
        item.id,
        "--target",
        "kind",
        "--name",
        name,
        ...controls,
        "--attempts",
        String(ATTEMPTS),
        "--out",
        outDir,
      ],
      { signal, ...bundleEnv(bundle) },
    );
    if (!signal.aborted) trouble = `\`./holdfast run ${item.id}\` ended with exit code ${code}`;
  } catch (error) {
    if (!signal.aborted) trouble = sentenceOf(error);
  }
  return experimentOutcome(item, {
    result: readResult<RunResult>(outDir, item.id),
    seconds: Math.round(performance.now() - startedMs) / 1000,
    trouble,
  });
}

/** What went wrong, in plain words, above the line that says how much. */
export function closingLines({ record, outDir }: { record: RunRecord; outDir: string }): string[] {
  const bad = record.outcomes.filter((outcome) => !isGood(outcome));
  return [
    "",
    ...bad.flatMap(complaintsOf),
    // Good or bad: nobody is to find out later that a verdict was the second one.
    ...record.outcomes.flatMap(repetitions).map(({ what, again }) => `REPEATED  ${what}: ${again}`),
    `${path.join(outDir, "index.html")}, in ${duration(record.seconds)}`,
    countLine(record),
  ];
}

/** What a CI script reads, as the last line. */
function countLine({ passed, failed }: Pick<RunRecord, "passed" | "failed">): string {
  return `${passed} passed, ${failed} failed`;
}

function complaintsOf({ id, title, verdict, reason, controls }: Outcome): string[] {
  const lines = controls
    .filter(({ asPredicted }) => !asPredicted)
    .map((control) => `  control ${control.name}: ${control.verdict}, not as predicted. ${control.reason}`);
  // Where nothing was judged the controls have no more to say.
  return [`${id} ${title}: ${verdict}. ${reason}`, ...(verdict === "NOT RUN" ? [] : lines)];
}
