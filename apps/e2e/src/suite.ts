/** One run: the cluster, the plain checks, the experiments, and what is left to read of it. */
import type { RunResult } from "@holdfast/experiments";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { follow } from "./child.ts";
import { uncordonDrained } from "./cordons.ts";
import { E2eError, sentenceOf } from "./e2e-error.ts";
import { EXIT } from "./exit-codes.ts";
import { readFacts } from "./facts.ts";
import { indexPage } from "./index-page.ts";
import type { CheckItem, Chosen } from "./items.ts";
import { junit } from "./junit.ts";
import {
  checkOutcome,
  count,
  exitCodeOf,
  experimentOutcome,
  isGood,
  notRun,
  type CheckResult,
  type Outcome,
  type RunRecord,
} from "./result.ts";
import { REPO_ROOT } from "./repo.ts";
import { ROOM_LABEL } from "./room.ts";
import { SUBJECT_VARIABLE, type SubjectInput } from "./subject.ts";
import {
  bringTools,
  bringUp,
  findCluster,
  pushImage,
  STATE_DIR,
  takeDown,
  type ClusterFlags,
  type Found,
} from "./subject-cluster.ts";
import { duration } from "./words.ts";

/** A process of its own: vitest takes over what it runs in. */
const RUN_CHECKS = fileURLToPath(import.meta.resolve("./run-checks.ts"));

export interface SuiteOptions extends ClusterFlags {
  readonly items: readonly Chosen[];
  readonly outDir: string;
  /** Leave a cluster that was brought up for this run. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs everything and writes the results. @returns the run's record and exit code. @throws E2eError, ClusterError when there is no cluster to run it on */
export async function runSuite(opts: SuiteOptions): Promise<{ record: RunRecord; exitCode: number }> {
  const { name, bundle, keep, say, signal } = opts;
  const tools = await bringTools({ bundle, signal });
  const there = await findCluster({ name, tools });
  // What was there before us is not ours to remove, half made or whole.
  const removes = there === "absent" && !keep;
  try {
    const cluster = typeof there === "string" ? await bringCluster(opts, tools) : there;
    if (cluster === there) say(`The cluster "${name}" is there; it stays.`);
    return await runItems(opts, { cluster, tools });
  } finally {
    if (removes) {
      say(`Removing the cluster "${name}".`);
      if (!(await takeDown(name))) say(`It is not all gone: \`./holdfast down --name ${name}\` says why.`);
    }
  }
}

async function bringCluster(opts: SuiteOptions, tools: Found["tools"]): Promise<Found["cluster"]> {
  opts.say(`Bringing the cluster "${opts.name}" up.`);
  await bringUp(opts, opts.signal);
  const cluster = await findCluster({ name: opts.name, tools });
  if (typeof cluster === "string")
    throw new E2eError(`The cluster "${opts.name}" is ${cluster} after it was brought up.`);
  return cluster;
}

async function runItems(opts: SuiteOptions, found: Found): Promise<{ record: RunRecord; exitCode: number }> {
  const { items, outDir, say, signal } = opts;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const seconds = () => Math.round(performance.now() - startedMs) / 1000;
  mkdirSync(outDir, { recursive: true });
  // What an earlier run left would pass for this one's.
  for (const { id } of items)
    for (const end of ["json", "html", "ledger.jsonl"]) rmSync(path.join(outDir, `${id}.${end}`), { force: true });

  const facts = await readFacts(found);
  const outcomes: Outcome[] = [];
  const checks = items.filter((item): item is CheckItem => item.kind === "check");
  if (checks.length > 0) outcomes.push(...(await runChecks(checks, { ...opts, found })));
  for (const item of items) {
    if (item.kind !== "experiment") continue;
    if (signal.aborted) {
      outcomes.push(notRun(item, "the run was interrupted before"));
      continue;
    }
    say(`${item.id}: ${item.title}${item.withControls ? ", with its controls" : ""} ...`);
    const outcome = await runOne(item, opts);
    say(`${item.id}: ${outcome.verdict} in ${duration(outcome.seconds)}. ${outcome.reason}`);
    outcomes.push(outcome);
  }

  const record: RunRecord = {
    schemaVersion: 1,
    startedAt,
    seconds: seconds(),
    ...facts,
    cluster: opts.name,
    ...count(outcomes),
    outcomes,
  };
  writeFileSync(path.join(outDir, "e2e.json"), `${JSON.stringify(record, undefined, 2)}\n`);
  writeFileSync(path.join(outDir, "junit.xml"), junit(record));
  writeFileSync(path.join(outDir, "index.html"), indexPage(record));
  return { record, exitCode: signal.aborted ? EXIT.interrupted : exitCodeOf(outcomes) };
}

/** All plain checks in one process of vitest, and what they made on the cluster removed. */
async function runChecks(checks: readonly CheckItem[], opts: SuiteOptions & { found: Found }): Promise<Outcome[]> {
  const { found, bundle, name, outDir, say, signal } = opts;
  let trouble = "its process ended before it was judged";
  try {
    await clear(found);
    const image = await pushImage(found.cluster, { bundle, signal });
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
    await clear(found).catch((error: unknown) => say(`What the checks made is not all gone: ${sentenceOf(error)}`));
  }
  return checks.map((item) => {
    const result = readJson<CheckResult>(path.join(outDir, `${item.id}.json`));
    return result ? checkOutcome(item, result) : notRun(item, trouble);
  });
}

/** What checks leave when they are interrupted, and what of their namespaces is still ending. */
async function clear({ cluster }: Found): Promise<void> {
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
        "--out",
        outDir,
      ],
      { signal, ...(bundle === undefined ? {} : { env: { HOLDFAST_BUNDLE: bundle } }) },
    );
    if (!signal.aborted) trouble = `\`./holdfast run ${item.id}\` ended with exit code ${code}`;
  } catch (error) {
    if (!signal.aborted) trouble = sentenceOf(error);
  }
  return experimentOutcome(item, {
    result: readJson<RunResult>(path.join(outDir, `${item.id}.json`)),
    seconds: Math.round(performance.now() - startedMs) / 1000,
    trouble,
  });
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    // It is not there, or half of it: nobody judged.
    return undefined;
  }
}

/** What went wrong, in plain words, above the line that says how much. */
export function closingLines({ record, outDir }: { record: RunRecord; outDir: string }): string[] {
  const bad = record.outcomes.filter((outcome) => !isGood(outcome));
  return [
    "",
    ...bad.flatMap(complaintsOf),
    `${path.join(outDir, "index.html")}, in ${duration(record.seconds)}`,
    countLine(record),
  ];
}

/** What a CI script reads, as the last line. */
export function countLine({ passed, failed }: Pick<RunRecord, "passed" | "failed">): string {
  return `${passed} passed, ${failed} failed`;
}

function complaintsOf({ id, title, verdict, reason, controls }: Outcome): string[] {
  const lines = controls
    .filter(({ asPredicted }) => !asPredicted)
    .map((control) => `  control ${control.name}: ${control.verdict}, not as predicted. ${control.reason}`);
  // Where nothing was judged the controls have no more to say.
  return [`${id} ${title}: ${verdict}. ${reason}`, ...(verdict === "NOT RUN" ? [] : lines)];
}
