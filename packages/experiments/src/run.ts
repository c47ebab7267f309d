/** Runs one experiment or one of its controls, from an empty place to its result files. */
import { judge, LoadError, startLoad, type Ledger, type LoadOptions, type LoadRun } from "@holdfast/load";
import path from "node:path";
import { nowMs, pause, unlessAborted } from "./clock.ts";
import { controlReport } from "./control.ts";
import { ExperimentError, sentenceOf } from "./errors.ts";
import { eventSentence, markSentence } from "./event-words.ts";
import { experimentOn, factsOf, VOID_EVENT, type Control, type Experiment, type Facts } from "./experiment.ts";
import { createLab, NotInTime, ShowsNothing, type LabBench } from "./lab.ts";
import { openOutFiles, outUnwritable, type OutFiles } from "./out-files.ts";
import { ROLLBACK_WITHIN_MS, type Pass } from "./pass.ts";
import type { Phase, Progress } from "./progress.ts";
import { htmlPage } from "./report/page.ts";
import type { EarlierAttempt, Measured, RollbackReport, RunResult } from "./result.ts";
import { rollBack } from "./rollback.ts";
import { changeLeaf, describeChange, replicaRange, type System } from "./system.ts";
import type { Replica, Target, TargetFactory } from "./target.ts";
import { loadPlan } from "./traffic.ts";
import { watchMetric } from "./watch.ts";

export interface RunOptions {
  readonly target: TargetFactory;
  /** Made when missing; results appear in it at the end, each by a rename. */
  readonly outDir: string;
  /** Name of a control of this experiment, to run it instead. */
  readonly control?: string;
  /** Runs of the same that were INVALID, for the result to say so. */
  readonly earlier?: readonly EarlierAttempt[];
  readonly onProgress?: (progress: Progress) => void;
  /** Aborting it ends the run in order: rollback, its verification, nothing left; then INTERRUPTED is thrown. */
  readonly signal?: AbortSignal;
}

/** How often the watcher hears of the load. */
const TICK_MS = 1000;

/** What a run is made of, settled before anything starts. */
interface Script {
  readonly experiment: Experiment;
  readonly control: Control | undefined;
  /** As it runs: with the control's one value. */
  readonly system: System;
  /** Of the experiment, also when its control runs. */
  readonly facts: Facts;
  readonly pass: Pass;
  readonly files: OutFiles;
  readonly earlier: readonly EarlierAttempt[];
  readonly signal: AbortSignal;
  readonly say: Say;
}

interface Say {
  phase(phase: Phase, sentence: string): void;
  progress(make: (elapsedMs: number) => Progress): void;
}

/** What a run has brought, before it is judged. */
interface Outcome {
  readonly ledger: Ledger;
  readonly rollback: RollbackReport;
  readonly versions: Readonly<Record<string, string>>;
  /** What the method waited for in vain. */
  readonly gaveUp: string | undefined;
}

/**
 * Runs one experiment, or one of its controls, and writes `<id>.json`, `<id>.ledger.jsonl`, `<id>.logs/` and
 * `<id>.html` (a control: `<id>.control-<name>.*`) into `outDir`.
 * @throws ExperimentError where no verdict could be had at all
 */
export async function runExperiment(defined: Experiment, opts: RunOptions): Promise<RunResult> {
  const experiment = experimentOn(defined, opts.target.name);
  const control = controlOf(experiment, opts.control);
  refuseUnsuited(experiment, { control, target: opts.target.name });
  const stem = control ? `${experiment.id}.control-${control.name}` : experiment.id;
  const say = sayTo(opts.onProgress);
  const startedAt = new Date().toISOString();

  say.progress(() => ({
    type: "run",
    id: experiment.id,
    title: experiment.title,
    hypothesis: experiment.hypothesis,
    ...(control
      ? { control: { name: control.name, because: control.because, change: describeChange(control.change) } }
      : {}),
  }));
  const files = await openOutFiles(path.resolve(opts.outDir), stem);
  try {
    const facts = factsOf(experiment, opts.target.name);
    const script: Script = {
      experiment,
      control,
      system: control ? changeLeaf(experiment.system, control.change) : experiment.system,
      facts,
      pass: experiment.pass(facts),
      files,
      earlier: opts.earlier ?? [],
      signal: opts.signal ?? new AbortController().signal,
      say,
    };
    const outcome = await perform(script, opts.target);
    say.phase("verdict", "judging the ledger");
    const result = resultOf(script, { outcome, startedAt, target: opts.target.name });
    await files.publish({ result, page: htmlPage({ experiment, result, ledger: outcome.ledger }) });
    say.progress(() => ({ type: "result", result }));
    return result;
  } finally {
    await files.discard();
  }
}

function controlOf(experiment: Experiment, name: string | undefined): Control | undefined {
  if (name === undefined) return undefined;
  const control = experiment.controls.find((candidate) => candidate.name === name);
  if (control) return control;
  const names = experiment.controls.map((candidate) => candidate.name).join(", ");
  throw new ExperimentError("EXPERIMENT_UNKNOWN", `${experiment.id} has no control "${name}"; it has: ${names}.`);
}

function refuseUnsuited(experiment: Experiment, opts: { control: Control | undefined; target: string }): void {
  const targets: readonly string[] = opts.control?.targets ?? experiment.targets;
  if (targets.includes(opts.target)) return;
  const what = opts.control ? `The control ${opts.control.name} of ${experiment.id}` : experiment.id;
  throw new ExperimentError(
    "TARGET_UNSUITED",
    `${what} does not run on ${opts.target}; it runs on ${targets.join(", ")}.`,
  );
}

/** Brings the target up, runs the script under load, brings everything down, whatever happens. */
async function perform(script: Script, factory: TargetFactory): Promise<Outcome> {
  const { files, signal, say, system } = script;
  const target = await factory.create({
    system,
    logDir: files.logDir,
    note: (sentence) => say.phase("start", sentence),
  });
  let outcome: Outcome;
  try {
    say.phase(
      "start",
      `starting ${replicaRange(system, "catalogue").least} catalogue and ${system.stock.replicas} stock on ${target.name}`,
    );
    await starting(target.start({ signal }), signal);
    outcome = await underLoad(script, target);
  } catch (error) {
    const left = await ended(target);
    // The first failure is the one to tell, and what is left then has to be known too.
    throw left === undefined ? error : butLeft(error, left);
  }
  const left = await ended(target);
  if (left !== undefined) {
    throw new ExperimentError("TARGET_FAILED", `The target did not end in order: ${sentenceOf(left)}.`, {
      cause: left,
    });
  }
  return outcome;
}

async function starting(start: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await start;
  } catch (error) {
    if (signal.aborted) throw new ExperimentError("INTERRUPTED", "Interrupted while the target started.");
    throw new ExperimentError("TARGET_FAILED", `The target did not start: ${sentenceOf(error)}.`, { cause: error });
  }
}

/** Brings the target down, and says what went wrong with it. */
async function ended(target: Target): Promise<Error | undefined> {
  const [stopped] = await Promise.allSettled([target.stop()]);
  // Whatever became of the target: nobody follows its logs any longer.
  const [collected] = await Promise.allSettled([target.collectLogs()]);
  const failed = [stopped, collected].find(({ status }) => status === "rejected");
  return failed?.status === "rejected" ? asError(failed.reason) : undefined;
}

function butLeft(error: unknown, left: Error): ExperimentError {
  const known = error instanceof ExperimentError ? error : undefined;
  return new ExperimentError(
    known?.code ?? "TARGET_FAILED",
    `${sentenceOf(error)}. But the target did not end in order, and something of it may be left: ${sentenceOf(left)}.`,
    { cause: error, ...(known?.hint === undefined ? {} : { hint: known.hint }) },
  );
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

async function underLoad(script: Script, target: Target): Promise<Outcome> {
  const { experiment, control, facts, pass, files, say, system } = script;
  const versions = await target.versions();
  const broken = new AbortController();
  const signal = AbortSignal.any([script.signal, broken.signal]);

  say.phase(
    "sockets",
    `opening ${facts.load.persistentSockets} persistent sockets, ${facts.load.ratePerSecond} requests a second`,
  );
  const load = startedLoad(
    facts,
    { target, files },
    {
      rule: pass.rule,
      about: {
        experiment: experiment.id,
        title: experiment.title,
        hypothesis: experiment.hypothesis,
        target: target.name,
        versions,
        said: pass.said,
        ...(control ? { control: { name: control.name, change: control.change, predict: control.predict } } : {}),
      },
      tickMs: TICK_MS,
      onTick: (stats) => {
        void target.replicas("catalogue").then(
          (replicas) => say.progress((elapsedMs) => ({ type: "tick", stats, replicas, elapsedMs })),
          () => {},
        );
      },
      // A load that breaks ends the method too.
      signal: script.signal,
    },
  );
  load.ended.catch((error: unknown) => broken.abort(error));
  const lab = createLab({
    target,
    system,
    load,
    logDir: files.logDir,
    windows: pass.rule.windows,
    ratePerSecond: facts.load.ratePerSecond,
    signal,
    onMark: (name, about) => {
      const sentence = markSentence(name, about);
      if (sentence) say.progress((elapsedMs) => ({ type: "mark", name, sentence, elapsedMs }));
    },
  });
  const unfollow = followTarget(target, { lab, say });
  const watching = new AbortController();
  let watchers: Promise<void>[] = [];

  try {
    await loadReady(load, { files, signal });
    watchers = (experiment.watch ?? []).map((watch) =>
      watchMetric(watch, { target, mark: lab.mark, signal: AbortSignal.any([signal, watching.signal]) }).catch(
        () => {},
      ),
    );
    await markPresent(target, lab);
    const method = await runMethod(script, { lab, broken: broken.signal });
    const rollback = await rollBackUnderLoad(script, { target, lab });
    watching.abort();
    await Promise.all(watchers);
    refuseBroken(method, { script, rollback });
    const ledger = await closeLoad(load, files);
    return { ledger, rollback, versions, gaveUp: method.gaveUp };
  } finally {
    watching.abort();
    unfollow();
    // After an orderly end this only waits; after a failure it breaks the load off.
    await load.stop().catch(() => {});
  }
}

/** The target's events go into the ledger as they happen, on the one clock. The upstream's carry its name, since rules are about the catalogue. */
function followTarget(target: Target, opts: { lab: LabBench; say: Say }): () => void {
  return target.on((event) => {
    const sentence = eventSentence(event);
    if (sentence) opts.say.progress((elapsedMs) => ({ type: "event", event, sentence, elapsedMs }));
    if (event.type === "replica.probe-failed") return;
    const subject = event.replica ?? event.node;
    opts.lab.mark(event.service === "stock" ? `stock.${event.type}` : event.type, {
      atMs: event.atMs,
      ...(subject === undefined ? {} : { subject }),
      ...(event.detail === undefined ? {} : { detail: event.detail }),
    });
  });
}

function startedLoad(facts: Facts, { target, files }: { target: Target; files: OutFiles }, opts: LoadOptions): LoadRun {
  const { url, command } = target.load;
  try {
    return startLoad(loadPlan(facts, url), {
      ...opts,
      ledgerFile: files.ledgerFile,
      ...(command ? { command: [...command] } : {}),
    });
  } catch (error) {
    throw loadFailed(error, files);
  }
}

/** Who is there when the ledger begins; later ones have events of their own. */
async function markPresent(target: Target, lab: LabBench): Promise<void> {
  for (const service of ["catalogue", "stock"] as const) {
    for (const replica of await target.replicas(service)) {
      const name = service === "catalogue" ? "replica.present" : `${service}.replica.present`;
      lab.mark(name, { subject: replica.name, detail: presence(replica) });
    }
  }
}

function presence({ version, state, zone }: Replica) {
  return { version, state, ...(zone === undefined ? {} : { zone }) };
}

async function loadReady(load: LoadRun, opts: { files: OutFiles; signal: AbortSignal }): Promise<void> {
  try {
    await unlessAborted(load.ready, opts.signal);
  } catch (error) {
    throw loadFailed(error, opts.files);
  }
}

async function closeLoad(load: LoadRun, files: OutFiles): Promise<Ledger> {
  try {
    return await load.stop();
  } catch (error) {
    throw loadFailed(error, files);
  }
}

function loadFailed(error: unknown, files: OutFiles): ExperimentError {
  if (error instanceof ExperimentError) return error;
  if (error instanceof LoadError && error.code === "LOAD_LEDGER_WRITE") {
    return outUnwritable(path.dirname(path.dirname(files.ledgerFile)), error.cause ?? error);
  }
  if (error instanceof LoadError && error.code !== "LOAD_ABORTED") {
    return new ExperimentError("LOAD_FAILED", `The load could not be run: ${error.message}`, { cause: error });
  }
  return new ExperimentError("INTERRUPTED", "Interrupted; the load was broken off.", { cause: error });
}

interface MethodOutcome {
  readonly gaveUp: string | undefined;
  /** Broken off by an error, which is not evidence but an accident. */
  readonly error: unknown;
}

async function runMethod(script: Script, opts: { lab: LabBench; broken: AbortSignal }): Promise<MethodOutcome> {
  const { experiment, say } = script;
  const { lab } = opts;
  let gaveUp: string | undefined;
  try {
    say.phase("baseline", `${experiment.baselineSeconds} s of undisturbed load`);
    lab.mark("baseline.start");
    await lab.pass({ seconds: experiment.baselineSeconds });
    lab.mark("baseline.end");

    say.phase("method", script.pass.said);
    lab.mark("method.start");
    const startedMs = nowMs();
    const withinMs = experiment.methodWithinSeconds * 1000;
    try {
      await within(experiment.method(lab), { ms: withinMs, signal: lab.signal });
      if (lab.disturbances() === 0) {
        throw new ExperimentError(
          "EXPERIMENT_REFUSED",
          `The method of ${experiment.id} did nothing inside of during().`,
        );
      }
      lab.mark("method.done");
    } catch (error) {
      if (error instanceof ShowsNothing) {
        lab.mark(VOID_EVENT, { detail: { because: error.message } });
      } else if (error instanceof NotInTime) {
        gaveUp = error.message;
        lab.mark("method.gave-up", { detail: { because: gaveUp } });
      } else throw error;
    }
    // What it still does, if it was not done, it does no more.
    lab.close();
    // Before its time is over nobody can conclude that it was not done.
    const decidedMs = gaveUp === undefined ? 0 : startedMs + withinMs - nowMs();
    say.phase("settle", `${experiment.settleSeconds} s more, for late failures`);
    await pause(Math.max(experiment.settleSeconds * 1000, decidedMs), lab.signal);
    return { gaveUp, error: undefined };
  } catch (error) {
    lab.close();
    return { gaveUp, error };
  }
}

async function within(work: Promise<void>, { ms, signal }: { ms: number; signal: AbortSignal }): Promise<void> {
  const overdue = AbortSignal.timeout(ms);
  try {
    await unlessAborted(work, AbortSignal.any([signal, overdue]));
  } catch (error) {
    if (overdue.aborted && !signal.aborted) throw new NotInTime(`did not get its method done within ${ms / 1000} s`);
    throw error;
  }
}

async function rollBackUnderLoad(script: Script, opts: { target: Target; lab: LabBench }): Promise<RollbackReport> {
  const { experiment, system, say } = script;
  say.phase("rollback", "bringing everything back, and looking whether it is");
  opts.lab.mark("rollback.start");
  const report = await rollBack({ experiment, system, target: opts.target, withinMs: ROLLBACK_WITHIN_MS });
  opts.lab.mark(report.verified ? "rollback.verified" : "rollback.failed", { detail: report.checks });
  return report;
}

/** @throws ExperimentError when the method broke off: nothing can be concluded, but the rollback has been. */
function refuseBroken(
  { error }: MethodOutcome,
  { script, rollback }: { script: Script; rollback: RollbackReport },
): void {
  if (error === undefined) return;
  const back = rollback.verified ? "The rollback ran and was verified." : `But ${rollback.reason}.`;
  if (script.signal.aborted) {
    throw new ExperimentError("INTERRUPTED", `${script.experiment.id} was interrupted. ${back}`, { cause: error });
  }
  const known = error instanceof LoadError ? loadFailed(error, script.files) : error;
  throw new ExperimentError(
    known instanceof ExperimentError ? known.code : "TARGET_FAILED",
    `${script.experiment.id} broke off: ${sentenceOf(known)}. ${back}`,
    { cause: error },
  );
}

function resultOf(
  script: Script,
  opts: { outcome: Outcome; startedAt: string; target: RunResult["target"] },
): RunResult {
  const { experiment, control, pass, files, earlier } = script;
  const { ledger, rollback, versions, gaveUp } = opts.outcome;
  const verdict = judge(ledger);
  const measured = measuredIn(ledger);
  const judged = {
    ...verdict,
    reason: reasonOf(verdict, { gaveUp, rollback, measured }),
    startedAt: opts.startedAt,
    rollback,
    ...(measured.length > 0 ? { measured } : {}),
  };
  const report = control ? controlReport(control, { ledger, verdict, rollback }) : undefined;
  return {
    schemaVersion: 1,
    id: experiment.id,
    title: experiment.title,
    hypothesis: experiment.hypothesis,
    rule: pass.said,
    target: opts.target,
    versions,
    ...judged,
    ...(report
      ? { verdict: report.verdict, reason: report.reason, hint: report.hint ?? judged.hint, ran: report.ran }
      : {}),
    ...(earlier.length > 0 ? { attempts: earlier.length + 1, earlier } : {}),
    files: files.names,
  };
}

/** The two deadlines that the lab adds say little by their names; what was missed says more. */
function reasonOf(
  verdict: ReturnType<typeof judge>,
  opts: { gaveUp: string | undefined; rollback: RollbackReport; measured: readonly Measured[] },
): string {
  const missed = verdict.code === "deadline-missed" || verdict.code === "after-short";
  if (missed && opts.gaveUp !== undefined) return `The run ${opts.gaveUp}.`;
  if (missed && !opts.rollback.verified) return `${capital(opts.rollback.reason)}.`;
  // A run that is to be believed says what it has measured too.
  if (verdict.verdict !== "PASS") return verdict.reason;
  return [verdict.reason, ...opts.measured.map(({ said }) => `${capital(said)}.`)].join(" ");
}

/** As the method has marked them by `measured`. */
function measuredIn({ events }: Ledger): Measured[] {
  return events.flatMap(({ name, detail }) =>
    typeof detail === "object" && detail !== null && "said" in detail && typeof detail.said === "string"
      ? { ...detail, name, said: detail.said }
      : [],
  );
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function sayTo(onProgress: RunOptions["onProgress"]): Say {
  const startedMs = nowMs();
  const progress: Say["progress"] = (make) => onProgress?.(make(Math.round(nowMs() - startedMs)));
  return {
    progress,
    phase: (phase, sentence) => progress((elapsedMs) => ({ type: "phase", phase, sentence, elapsedMs })),
  };
}
