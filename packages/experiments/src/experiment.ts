/**
 * What an experiment is, and the rules that its file cannot break. `experiment()` refuses, when the file is loaded,
 * whatever has no control, no rollback or no baseline, and a control that differs in anything but one value.
 */
import {
  MOST_STRAYS,
  type ConnectionKind,
  type Ledger,
  type LoadStats,
  type PassRule,
  type Prediction,
  type VerdictCode,
} from "@holdfast/load";
import { ExperimentError, sentenceOf } from "./errors.ts";
import { NEW_SHARE, ROLLBACK_WITHIN_MS, ruleFaults, type Pass } from "./pass.ts";
import {
  changeSystem,
  defaultSystemOn,
  leafAt,
  leavesOf,
  type LeafChange,
  type System,
  type SystemChange,
} from "./system.ts";
import type { Replica, ServiceName, Target, TargetName } from "./target.ts";
import type { TargetPlatform } from "./target-platform.ts";

/** The load an experiment asks for. The rest of the plan is the lab's: constant rate, half new connections, no retry. */
export interface LoadInput {
  readonly ratePerSecond: number;
  /** Opened before the baseline begins. */
  readonly persistentSockets: number;
  /** 0..1 of all requests take `slowMs`. */
  readonly slowShare?: number;
  readonly slowMs?: number;
  /** Shares of the quick requests. */
  readonly mix?: { readonly list?: number; readonly product?: number; readonly order?: number };
}

/** What the bounds are computed from, known before the run. Of the experiment's own system, never of a control's. */
export interface Facts {
  readonly system: System;
  readonly load: Required<LoadInput>;
  readonly target: TargetName;
  /** The longest a request may take before it counts as failed, ms. */
  readonly timeoutMs: number;
}

/**
 * What a control must do to count: fail in this way, there and then, and in no other. packages/load checks it against
 * the ledger; the lab adds what is below. Where no request is to be hurt, `codes: ["deadline-missed"]` and the `deadlines`
 * say it all.
 */
export interface ControlPrediction extends Prediction {
  /** Each of these kinds of connection must lose something; `connection` says that no other kind may. */
  readonly eachConnection?: readonly ConnectionKind[];
  /** Kinds of request that may fail; all where absent. */
  readonly requests?: readonly string[];
}

export interface ControlInput {
  /** kebab-case; a part of file names. */
  readonly name: string;
  readonly because: string;
  /** Exactly one leaf of `system`. */
  readonly with: SystemChange;
  readonly predict: ControlPrediction;
  /** Where a target has other ways to fail, such as an address that nobody answers any more. */
  readonly predictOn?: { readonly [Name in TargetName]?: Partial<ControlPrediction> };
  /** Where the experiment's own targets are more. */
  readonly targets?: readonly TargetName[];
}

/** A control, checked: the one value that it changes, from what to what. */
export interface Control extends Omit<ControlInput, "with" | "predictOn"> {
  readonly change: LeafChange;
}

/** What a method works with. The target's faults work inside `during` only, so each is in the ledger. */
export interface Lab {
  readonly target: Target;
  /** As `target.platform`. */
  readonly platform: TargetPlatform | undefined;
  /** As it runs, with a control's value in it. */
  readonly system: System;
  readonly signal: AbortSignal;
  /** Marks `<name>.start` and `<name>.end` in the ledger around the work. */
  during<T>(name: string, work: () => Promise<T>): Promise<T>;
  mark(name: string, opts?: { subject?: string; detail?: unknown }): void;
  stats(): LoadStats;
  /** From now on the load comes at this rate, in requests a second; marked as `load.rate`. Inside of `during` only. After the method it is the plan's again. */
  setRate(perSecond: number): void;
  /** A figure that the run brings beside its verdict. Marked in the ledger under its name, and `said`, a part of a sentence, stands in the result. */
  measured(name: string, figure: { readonly said: string; readonly [field: string]: unknown }): void;
  /** The ledger as it is written so far, some ms behind. */
  ledgerSoFar(): Promise<Ledger>;
  /** Keeps a file beside the ledger, among the run's logs, so that whoever judges it again has it too. */
  keep(file: string, content: string): Promise<void>;
  /** The load goes on meanwhile. */
  pass(opts: { seconds: number }): Promise<void>;
  /**
   * Asks again until it holds. Not in time: the run goes on to its rollback and cannot PASS.
   * `what` completes the sentence "waited N s for ...".
   */
  until(what: string, opts: { withinSeconds: number; holds: () => boolean | Promise<boolean> }): Promise<void>;
  /** What must hold before the run can show anything. Otherwise it goes on to its rollback and is INVALID, for the reason that the sentence says. */
  need(holds: boolean, because: string): void;
  /** How many requests were due so far while a window of the pass rule was open. */
  scheduledInWindows(): number;
  /** Any ready replica of the service, drawn by the plan's seed. */
  anyReplica(service?: ServiceName): Promise<Replica>;
}

/**
 * What is different on one target. Numbers only: what is claimed, done and asked for is the same everywhere, and the
 * bounds follow from the numbers.
 */
export interface TargetDifference {
  readonly system?: SystemChange;
  readonly load?: Partial<LoadInput>;
  readonly baselineSeconds?: number;
  readonly methodWithinSeconds?: number;
  readonly settleSeconds?: number;
}

export interface ExperimentInput {
  /** Such as E1. */
  readonly id: string;
  readonly title: string;
  readonly targets: readonly TargetName[];
  readonly hypothesis: string;
  /** Against the target's own default system. */
  readonly system?: SystemChange;
  readonly load: LoadInput;
  /** Where a target needs other numbers. */
  readonly on?: { readonly [Name in TargetName]?: TargetDifference };
  /** Undisturbed load first; the lab asks for at least 3 s. */
  readonly baselineSeconds: number;
  /** Longer, and the method has not done what it was to do. */
  readonly methodWithinSeconds: number;
  /** Load goes on after the method, so that late failures are seen. */
  readonly settleSeconds: number;
  readonly method: (lab: Lab) => Promise<void>;
  /** The rule, computed from the facts before the run: see `planned` and `unplanned`. */
  readonly pass: (facts: Facts) => Pass;
  /** Metrics that are followed on each replica; every change of value stands in the ledger. */
  readonly watch?: readonly MetricWatch[];
  /** Undoes the method. The lab repairs and verifies after it, whatever it did. */
  readonly rollback: (lab: Pick<Lab, "target" | "system" | "signal">) => Promise<void>;
  readonly controls: readonly ControlInput[];
  /** What to look at on the page. */
  readonly look: readonly string[];
  readonly hints: readonly string[];
  readonly solution: string;
}

/** A state metric (0 or 1 per value of a label), followed on every replica of a service. */
export interface MetricWatch {
  readonly service: ServiceName;
  readonly metric: string;
  /** The label whose value is the state. */
  readonly label: string;
  /** The ledger's events are `<event>.<state>`, about the replica. */
  readonly event: string;
  /** How often to look; a change is seen this much later at most, and deadlines must allow for it. */
  readonly everyMs: number;
}

export interface Experiment extends Omit<ExperimentInput, "system" | "controls" | "load" | "on"> {
  readonly system: System;
  readonly load: Required<LoadInput>;
  readonly controls: readonly Control[];
}

/** An experiment as its file defines it. Read by itself it is what runs on the first of its targets; `on` has it for each. */
export interface DefinedExperiment extends Experiment {
  readonly on: { readonly [Name in TargetName]?: Experiment };
}

/** The lab's own deadline: that a method came to its end in time. */
export const METHOD_DEADLINE = "method";
/** Marked where a method found that it could show nothing; its detail says why. */
export const VOID_EVENT = "method.void";
/** Less undisturbed load shows nothing: at 3 s every persistent socket of the default plans has answered several times. */
const MIN_BASELINE_SECONDS = 3;
/** A request that was sent as the method ended must have had its time to fail. */
const MIN_SETTLE_SECONDS = 2;
/** Quick requests on a busy laptop; the client's limit is never below this plus the grace. */
const QUICK_MS = 500;
/** "A complete body within the slowest request + 2 s" is the lab's definition of answered. */
const GRACE_MS = 2000;

/**
 * Defines an experiment. What it returns is complete and checked: the defaults filled in, each control reduced to the
 * one value that it changes.
 * @throws ExperimentError EXPERIMENT_REFUSED, with every rule of the lab that the file breaks
 */
export function experiment(input: ExperimentInput): DefinedExperiment {
  // What is wrong on two targets is said once.
  const broken = new Set(faultsOf(input));
  const targets = input.targets?.length > 0 ? input.targets : (["fleet"] as const);
  const on: { [Name in TargetName]?: Experiment } = {};
  for (const target of targets) {
    const settled = settle(input, target);
    const systems = Object.fromEntries(targets.map((name) => [name, systemOf(settle(input, name), name).system]));
    const { system, fault } = systemOf(settled, target);
    if (fault !== undefined) broken.add(fault);
    for (const sentence of numberFaults(settled)) broken.add(sentence);
    const faults: string[] = [];
    const controls = readControls(settled, { target, systems, broken: faults });
    for (const sentence of faults) broken.add(sentence);
    if (broken.size > 0) continue;
    const { on: _, ...rest } = settled;
    const defined = { ...rest, system, controls, load: fillLoad(settled.load), pass: withLabRules(settled) };
    const { rule } = defined.pass(factsOf(defined, target));
    for (const sentence of ruleFaults(rule, settled)) broken.add(sentence);
    for (const sentence of deadlineFaults(controls, rule)) broken.add(sentence);
    for (const sentence of paceFaults(defined, rule)) broken.add(sentence);
    on[target] = defined;
  }
  const own = on[targets[0] ?? "fleet"];
  if (broken.size > 0 || own === undefined) {
    throw new ExperimentError(
      "EXPERIMENT_REFUSED",
      `The experiment ${input.id} is refused: ${[...broken].join("; ")}.`,
    );
  }
  return { ...own, on };
}

/** The experiment with the numbers of one target. Where it does not run there, as on its first; whoever runs it refuses then. */
export function experimentOn(defined: Experiment | DefinedExperiment, target: TargetName): Experiment {
  return ("on" in defined ? defined.on[target] : undefined) ?? defined;
}

function faultsOf(input: ExperimentInput): string[] {
  const broken: string[] = [];
  const rule = (holds: boolean, sentence: string) => {
    if (!holds) broken.push(sentence);
  };
  rule(/^E[0-9]+[a-z]?$/.test(input.id), "its id must be E and a number");
  for (const field of ["title", "hypothesis", "solution"] as const) {
    rule(isText(input[field]), `it must have a ${field}`);
  }
  for (const field of ["targets", "look", "hints"] as const) {
    rule(Array.isArray(input[field]) && input[field].length > 0, `it must have at least one entry in ${field}`);
  }
  for (const field of ["method", "pass", "rollback"] as const) {
    rule(typeof input[field] === "function", `it must have a ${field}`);
  }
  for (const target of Object.keys(input.on ?? {})) {
    const runs = input.targets?.some((name) => name === target);
    rule(runs, `it has numbers for the target ${target}, on which it does not run`);
  }
  return broken;
}

/** What must hold on each target. */
function numberFaults(input: ExperimentInput): string[] {
  const broken: string[] = [];
  const rule = (holds: boolean, sentence: string) => {
    if (!holds) broken.push(sentence);
  };
  rule(
    input.baselineSeconds >= MIN_BASELINE_SECONDS,
    `it must have a baseline of at least ${MIN_BASELINE_SECONDS} s before anything is done`,
  );
  rule(
    input.settleSeconds >= MIN_SETTLE_SECONDS,
    `the load must go on for at least ${MIN_SETTLE_SECONDS} s after the method`,
  );
  rule(input.methodWithinSeconds > 0, "it must say within how many seconds its method is done");
  rule(input.load?.ratePerSecond > 0, "it must have a load with a rate above 0");
  rule(input.load?.persistentSockets > 0, "half of its requests are persistent, so it must have persistent sockets");
  return broken;
}

/** Of announceSeconds: a send may be some 100 ms late. */
const PACE_MARGIN = 0.9;

/**
 * A kept-alive connection that a replica has had no chance to end by an answer is closed idle, and a request that is sent at that very moment is
 * reset. HTTP knows no way out of it (RFC 9112, section 9.5), so clients that are idle for longer are promised nothing.
 */
function paceFaults({ system, load }: Pick<Experiment, "system" | "load">, rule: PassRule): string[] {
  const { enabled, announceSeconds } = system.catalogue.shutdown;
  const { victims = [] } = rule;
  const everySeconds = load.persistentSockets / (load.ratePerSecond * (1 - NEW_SHARE));
  if (!enabled || victims.length === 0 || everySeconds <= PACE_MARGIN * announceSeconds) return [];
  return [
    `each of its ${load.persistentSockets} persistent sockets is used every ${everySeconds.toFixed(1)} s, and must be within ${PACE_MARGIN} of the ${announceSeconds} s for which a replica that ends announces it: take fewer sockets, or a higher rate`,
  ];
}

/** The file's numbers, with those of the target in their places. Its system is left to `systemOf`. */
function settle(input: ExperimentInput, target: TargetName): ExperimentInput {
  const { system: _, load, ...numbers } = input.on?.[target] ?? {};
  return { ...input, ...numbers, load: { ...input.load, ...load } };
}

function systemOf(input: ExperimentInput, target: TargetName): { system: System; fault?: string } {
  const own = defaultSystemOn(target);
  try {
    const system = changeSystem(own, input.system ?? {});
    return { system: changeSystem(system, input.on?.[target]?.system ?? {}) };
  } catch (error) {
    return { system: own, fault: `in its system ${sentenceOf(error)}` };
  }
}

/** What is known before anything runs: of the experiment's own system, so that a control is judged by the same rule. */
export function factsOf({ system, load }: Pick<Experiment, "system" | "load">, target: TargetName): Facts {
  const { maxAttempts, attemptTimeoutMs } = system.catalogue.stockClient;
  const slowestMs = Math.max(QUICK_MS, load.slowShare > 0 ? load.slowMs : 0, maxAttempts * attemptTimeoutMs);
  return { system, load, target, timeoutMs: slowestMs + GRACE_MS };
}

/**
 * What the lab adds to every rule: a baseline as long as the file says and as full as its load makes it, a method that
 * came to its end, a rollback that was verified. The last two are in the ledger as events, so that whoever judges it
 * again misses them too.
 */
function withLabRules(input: ExperimentInput): ExperimentInput["pass"] {
  const { baselineSeconds, methodWithinSeconds, load } = input;
  return function passWithLabRules(facts) {
    const { rule, said } = input.pass(facts);
    const minSent = Math.floor(baselineSeconds * load.ratePerSecond);
    return {
      said,
      rule: {
        ...rule,
        baseline: { minMs: baselineSeconds * 1000, minSent },
        // Before whatever is done: a connection falls some milliseconds earlier than the end of its replica is seen.
        evidenceFrom: "method.start",
        voidedBy: [VOID_EVENT],
        deadlines: [
          { name: METHOD_DEADLINE, from: "method.start", to: "method.done", withinMs: methodWithinSeconds * 1000 },
          ...(rule.deadlines ?? []),
          { name: "rollback", from: "rollback.start", to: "rollback.verified", withinMs: ROLLBACK_WITHIN_MS },
        ],
      },
    };
  };
}

function readControls(
  input: ExperimentInput,
  opts: { target: TargetName; systems: Readonly<Record<string, System>>; broken: string[] },
): Control[] {
  const inputs = input.controls ?? [];
  if (inputs.length === 0) opts.broken.push("it must have a control, or nobody knows that its check can fail");
  for (const target of input.targets ?? []) {
    if (inputs.length > 0 && !inputs.some((control) => control.targets?.includes(target) ?? true)) {
      opts.broken.push(`it must have a control on the target ${target}`);
    }
  }
  const names = new Set<string>();
  return inputs.flatMap(({ with: changed, predictOn, ...input }) => {
    const control = { ...input, predict: { ...input.predict, ...predictOn?.[opts.target] } };
    const say = (sentence: string) => opts.broken.push(`its control ${control.name} ${sentence}`);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(control.name)) say("must have a name in kebab-case");
    if (names.has(control.name)) say("has the name of another control");
    names.add(control.name);
    if (!isText(control.because)) say("must say why it fails");
    for (const sentence of predictionFaults(control.predict)) say(sentence);
    // A control of another target stays in the list, so that asking for it here is answered well.
    const runsOn = control.targets?.includes(opts.target) === false ? control.targets[0] : opts.target;
    const change = readChange(changed, opts.systems[runsOn ?? opts.target] ?? defaultSystemOn(opts.target));
    if (typeof change === "string") {
      say(change);
      return [];
    }
    return [{ ...control, change }];
  });
}

/** The one leaf that a control changes, or what is wrong with it. */
function readChange(changed: SystemChange | undefined, system: System): LeafChange | string {
  const leaves = leavesOf(changed ?? {});
  const [leaf] = leaves;
  if (!leaf) return "changes nothing";
  if (leaves.length > 1) {
    return `changes ${leaves.length} values (${leaves.map(({ path }) => path).join(", ")}); it must change exactly one`;
  }
  const from = leafAt(system, leaf.path);
  if (from === undefined) return `changes \`${leaf.path}\`, which is no value of the system`;
  if (from === leaf.value) return `sets \`${leaf.path}\` to ${JSON.stringify(from)}, which it already is`;
  if (typeof from !== typeof leaf.value) return `sets \`${leaf.path}\` to something that is no ${typeof from}`;
  return { path: leaf.path, from, to: leaf.value as typeof from };
}

function predictionFaults(predict: ControlPrediction | undefined): string[] {
  if (!predict) return ["must predict how it fails"];
  return isByDeadline(predict) ? deadlinePredictionFaults(predict) : requestPredictionFaults(predict);
}

/** No request is hurt: what fails is that something does not happen in time. */
function isByDeadline({ fates, codes }: ControlPrediction): boolean {
  return fates === undefined && codes?.join() === ("deadline-missed" satisfies VerdictCode);
}

function deadlinePredictionFaults(predict: ControlPrediction): string[] {
  const { codes: _, deadlines = [], ...aboutRequests } = predict;
  const faults: string[] = [];
  if (deadlines.length === 0) faults.push("must predict which deadlines are missed");
  const [about] = Object.keys(aboutRequests);
  if (about !== undefined) faults.push(`fails by a deadline alone, and predicts \`${about}\` of requests`);
  return faults;
}

function requestPredictionFaults(predict: ControlPrediction): string[] {
  const faults: string[] = [];
  if (!predict.fates || predict.fates.length === 0) faults.push("must predict which fates its failures have");
  if (predict.fates?.includes("answered")) faults.push("predicts a fate that is no failure");
  if (!predict.connection && !(predict.eachConnection && predict.eachConnection.length > 0)) {
    faults.push("must predict which kinds of connection lose requests");
  }
  if ((predict.windows?.length ?? 0) === 0 && !predict.when) faults.push("must predict when its failures fall");
  if ((predict.atLeast ?? 1) < 1) faults.push("must predict at least one failure");
  const { strays = 0 } = predict;
  if (strays < 0 || strays > MOST_STRAYS) faults.push(`must allow strays from 0 to ${MOST_STRAYS}`);
  return faults;
}

/** A deadline that the rule does not have is never missed. */
function deadlineFaults(controls: readonly Control[], { deadlines = [] }: PassRule): string[] {
  return controls.flatMap(({ name, predict }) =>
    (predict.deadlines ?? [])
      .filter((predicted) => !deadlines.some((deadline) => deadline.name === predicted))
      .map((predicted) => `its control ${name} is to miss "${predicted}", which is no deadline of its rule`),
  );
}

function fillLoad(load: LoadInput): Required<LoadInput> {
  const { ratePerSecond, persistentSockets, slowShare = 0, slowMs = 0, mix = {} } = load;
  return { ratePerSecond, persistentSockets, slowShare, slowMs, mix: { list: 0.5, product: 0.2, order: 0.3, ...mix } };
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}
