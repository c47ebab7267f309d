import { z } from "zod";

import { LoadError } from "./errors.ts";
import { gatherEvidence } from "./evidence.ts";
import type { ConnectionKind, Fate, Ledger, RequestRecord } from "./ledger.ts";
import { parseRule } from "./rule.ts";
import { mistakes, strictObject } from "./validation.ts";
import type { Verdict, VerdictCode } from "./verdict.ts";
import { overlaps } from "./windows.ts";
import { listFates } from "./wording.ts";

/** What a control must bring about. *Every* offending request must fit, but for `strays`, and at least `atLeast` of those that fit must be there. */
export interface Prediction {
  /** Kinds of failure that may occur. `degraded` is one where the rule forbids it. Absent: the control fails by its events alone (see `codes`). */
  fates?: Fate[];
  /** Of these, each must occur at least once; default none. */
  eachOf?: Fate[];
  /** Default: either. */
  connection?: ConnectionKind;
  /** Names of windows: each offending request was under way at some time in one of them, give or take `slackMs`. Default: anywhere. */
  windows?: string[];
  /**
   * Those of which it can be told by whom they would have been answered (persistent sockets that had answered before, answers with a name)
   * were with a replica whose window was open; and there is at least one such. Default false.
   */
  onVictims?: boolean;
  /** Each offending request was under way at some time from `afterMs` (default 0) to `withinMs` after an event of that name. */
  when?: { event: string; afterMs?: number; withinMs: number };
  /** Tolerance at the windows' edges, in ms; default 250. */
  slackMs?: number;
  /** Default 1. Strays do not count. */
  atLeast?: number;
  /**
   * Share of the offending requests, 0..0.05, that may be elsewhere, over another kind of connection, or of another fate: on a machine
   * that others use, one of hundreds may. They are counted and named in the reason, and prove nothing. Default 0.
   */
  strays?: number;
  /** Which check must have decided; default: any that makes FAIL. */
  codes?: VerdictCode[];
  /** Names of deadlines: each of them was missed, and no other was. Default: whichever. */
  deadlines?: string[];
}

export interface PredictionMatch {
  matches: boolean;
  /** One sentence: what happened as predicted, or what did not. */
  reason: string;
  /** Numbers of the requests that were elsewhere or otherwise than predicted, no more than `strays` allows; only where the rest matches. */
  strays?: number[];
}

const SLACK_MS = 250;
/** More than one of twenty is not a stray but another way to fail. */
export const MOST_STRAYS = 0.05;
/** So that a share of 0.02 is 1 of 50, whatever its last binary digit. */
const ROUNDING = 1e-9;

const fate = z.enum(
  ["degraded", "refused", "reset", "timeout", "incomplete", "shed", "status", "unsent"],
  "must be a kind of failure, or degraded",
);
const text = z.string("must be a name").min(1, "must not be empty");
const ms = z.number("must be a number of ms").min(0, "must be >= 0");

const predictionSchema = strictObject({
  fates: z.array(fate, "must be a list of fates").min(1, "must name at least one fate").exactOptional(),
  eachOf: z.array(fate, "must be a list of fates").exactOptional(),
  connection: z.enum(["new", "persistent"], 'must be "new" or "persistent"').exactOptional(),
  windows: z.array(text, "must be a list of window names").min(1, "must name at least one window").exactOptional(),
  onVictims: z.boolean("must be true or false").exactOptional(),
  when: strictObject({ event: text, afterMs: ms.exactOptional(), withinMs: ms }).exactOptional(),
  slackMs: ms.exactOptional(),
  atLeast: z.int("must be a whole number >= 1").min(1, "must be >= 1").exactOptional(),
  strays: z
    .number("must be a share from 0 to 0.05")
    .min(0, "must be >= 0")
    .max(MOST_STRAYS, `must be <= ${MOST_STRAYS}: more are no strays, but another way to fail`)
    .exactOptional(),
  codes: z.array(text, "must be a list of verdict codes").min(1, "must name at least one code").exactOptional(),
  deadlines: z
    .array(text, "must be a list of deadline names")
    .min(1, "must name at least one deadline")
    .exactOptional(),
}).refine(
  ({ fates, codes }) => fates !== undefined || codes !== undefined,
  "must say fates or codes, or it predicts nothing",
);

/**
 * Whether a control failed as it was predicted to.
 * A control that passes, that is INVALID, or that fails in another way has shown nothing.
 *
 * @param ledger its first line must hold the rule that `verdict` was made by
 * @throws LoadError `LOAD_PREDICTION_INVALID`, `LOAD_RULE_MISSING`, `LOAD_RULE_INVALID`
 */
export function matchesPrediction(ledger: Ledger, verdict: Verdict, prediction: Prediction): PredictionMatch {
  checkPrediction(prediction);
  if (verdict.verdict !== "FAIL") {
    const what = verdict.verdict === "PASS" ? "passed" : "was INVALID";
    return mismatch(`it was to FAIL and ${what}: ${verdict.reason}`);
  }
  if (prediction.codes !== undefined && !prediction.codes.includes(verdict.code)) {
    return mismatch(
      `it was to fail by ${prediction.codes.join(" or ")}, and failed by ${verdict.code}: ${verdict.reason}`,
    );
  }
  const otherwise = otherDeadline(verdict, prediction);
  if (otherwise !== undefined) return mismatch(otherwise);
  if (prediction.fates === undefined) return { matches: true, reason: `It failed as predicted: ${verdict.reason}` };

  const offenders = findOffenders(ledger);
  const atLeast = prediction.atLeast ?? 1;
  const tooFew = (found: number) =>
    found < atLeast ? `at least ${atLeast} requests were to be hurt, and ${found} were` : undefined;
  const few = tooFew(offenders.length);
  if (few !== undefined) return mismatch(few);

  const demands = demandsOf({ ledger, verdict, prediction, offenders });
  if (typeof demands === "string") return mismatch(demands);
  const { fitting = [], strays = [] } = Object.groupBy(offenders, (offender) =>
    demands.every(({ fits }) => fits(offender)) ? "fitting" : "strays",
  );
  if (strays.length > offenders.length * (prediction.strays ?? 0) + ROUNDING) {
    return mismatch(unmetDemand({ demands, offenders, strays, prediction }));
  }
  const reason = tooFew(fitting.length) ?? absentFate(fitting, prediction);
  if (reason !== undefined) return mismatch(reason + besides(strays));
  return {
    matches: true,
    reason: `It failed as predicted: ${fitting.length} requests, ${listFates(fitting)}${besides(strays)}.`,
    ...(strays.length > 0 && { strays: strays.map(({ i }) => i) }),
  };
}

/** @throws LoadError `LOAD_PREDICTION_INVALID` with every mistake in one sentence */
export function checkPrediction(prediction: unknown): void {
  const parsed = predictionSchema.safeParse(prediction);
  if (!parsed.success) {
    const sentence = `No control can be held to this prediction: ${mistakes(parsed.error, prediction)}.`;
    throw new LoadError("LOAD_PREDICTION_INVALID", sentence);
  }
}

interface Comparison {
  ledger: Ledger;
  verdict: Verdict;
  prediction: Prediction;
  offenders: RequestRecord[];
}

function findOffenders(ledger: Ledger): RequestRecord[] {
  const { rule } = ledger.header;
  if (rule === undefined) {
    throw new LoadError(
      "LOAD_RULE_MISSING",
      "This ledger holds no pass rule, so nobody can tell which of its requests offend.",
    );
  }
  const { failed, misdegraded } = gatherEvidence(ledger, parseRule(rule));
  return [...failed, ...misdegraded];
}

function otherDeadline({ deadlines }: Verdict, { deadlines: names }: Prediction): string | undefined {
  if (names === undefined) return undefined;
  // One that the load did not outlast was neither met nor missed.
  const missed = new Set(deadlines.filter(({ met, decided }) => !met && decided).map(({ name }) => name));
  const kept = names.filter((name) => !missed.has(name));
  if (kept.length > 0)
    return `${quoted(kept)} ${kept.length > 1 ? "were" : "was"} to be missed, and ${kept.length > 1 ? "were" : "was"} not`;
  const others = [...missed].filter((name) => !names.includes(name));
  return others.length > 0 ? `only ${quoted(names)} was to be missed, and so was ${quoted(others)}` : undefined;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

/** What each offending request must fit, or it is a stray. */
interface Demand {
  fits: (request: RequestRecord) => boolean;
  /** The reason where it is not met, of those that do not fit. */
  otherwise: (others: RequestRecord[]) => string;
}

/** Or what makes them pointless, as a reason. */
function demandsOf(comparison: Comparison): Demand[] | string {
  const demands: Demand[] = [];
  for (const make of [fateDemand, connectionDemand, placeDemand, replicaDemand, timeDemand]) {
    const demand = make(comparison);
    if (typeof demand === "string") return demand;
    if (demand !== undefined) demands.push(demand);
  }
  return demands;
}

/** What is wrong with too many strays: the first demand that they do not meet. */
function unmetDemand(opts: {
  demands: readonly Demand[];
  offenders: readonly RequestRecord[];
  strays: readonly RequestRecord[];
  prediction: Prediction;
}): string {
  const { demands, offenders, strays, prediction } = opts;
  const broken = demands.find(({ fits }) => !strays.every((stray) => fits(stray)));
  const reason = broken?.otherwise(strays.filter((stray) => !broken.fits(stray))) ?? "";
  if (prediction.strays === undefined || prediction.strays === 0) return reason;
  const allowed = Math.floor(offenders.length * prediction.strays + ROUNDING);
  return `${reason}; ${strays.length} of ${offenders.length} strayed, where ${allowed} may`;
}

/** `; 1 more strayed (request 1500: refused, new)`, or nothing. */
function besides(strays: readonly RequestRecord[]): string {
  const [first] = strays;
  if (first === undefined) return "";
  const named = `request ${first.i}: ${first.fate}, ${first.connection}`;
  return `; ${strays.length} more strayed (${strays.length > 1 ? "first: " : ""}${named})`;
}

function fateDemand({ prediction }: Comparison): Demand {
  const { fates = [] } = prediction;
  return {
    fits: ({ fate }) => fates.includes(fate),
    otherwise: (others) => `the predicted fates were ${fates.join(", ")}, and there were ${listFates(others)}`,
  };
}

function absentFate(fitting: readonly RequestRecord[], { eachOf = [] }: Prediction): string | undefined {
  const absent = eachOf.filter((fate) => !fitting.some((offender) => offender.fate === fate));
  return absent.length > 0 ? `none was ${absent.join(", none was ")}` : undefined;
}

function connectionDemand({ prediction, offenders }: Comparison): Demand | undefined {
  const { connection } = prediction;
  if (connection === undefined) return undefined;
  return {
    fits: (request) => request.connection === connection,
    otherwise: (others) =>
      `only ${connection} connections were to be hurt, and ${others.length} of ${offenders.length} were not ${connection} (${listFates(others)})`,
  };
}

function placeDemand({ verdict, prediction, offenders }: Comparison): Demand | undefined {
  const { windows: names, slackMs = SLACK_MS } = prediction;
  if (names === undefined) return undefined;
  const spans = verdict.windows.filter(({ name }) => names.includes(name)).map((window) => widen(window, slackMs));
  return {
    fits: (request) => spans.some((span) => overlaps(request, span)),
    otherwise: (outside) =>
      `all were to fall into the windows ${names.join(", ")}, and ${outside.length} of ${offenders.length} did not (first: request ${outside[0]?.i})`,
  };
}

function replicaDemand({ ledger, verdict, prediction, offenders }: Comparison): Demand | string | undefined {
  if (prediction.onVictims !== true) return undefined;
  const slackMs = prediction.slackMs ?? SLACK_MS;
  const holders = socketHolders(ledger);
  const replicaOf = ({ servedBy, socket }: RequestRecord) => servedBy ?? holders.get(socket);
  if (!offenders.some((offender) => replicaOf(offender) !== undefined)) {
    return "of none can it be told which replica it was with";
  }
  return {
    fits: (request) => {
      const replica = replicaOf(request);
      return (
        replica === undefined ||
        verdict.windows.some((window) => window.subject === replica && overlaps(request, widen(window, slackMs)))
      );
    },
    otherwise: ([first]) =>
      `only replicas in a window were to hurt, and request ${first?.i} was with ${first && replicaOf(first)}, which was in none`,
  };
}

function timeDemand({ ledger, prediction, offenders }: Comparison): Demand | string | undefined {
  const { when } = prediction;
  if (when === undefined) return undefined;
  const spans = ledger.events
    .filter(({ name }) => name === when.event)
    .map(({ atMs }) => ({ fromMs: atMs + (when.afterMs ?? 0), toMs: atMs + when.withinMs }));
  if (spans.length === 0) return `the event ${when.event} did not happen`;
  return {
    fits: (request) => spans.some((span) => overlaps(request, span)),
    otherwise: (outside) =>
      `all were to be under way from ${when.afterMs ?? 0} to ${when.withinMs} ms after ${when.event}, and ${outside.length} of ${offenders.length} were not (first: request ${outside[0]?.i})`,
  };
}

/** A connection stays with one replica, so any answer on a socket tells who holds it. */
function socketHolders(ledger: Ledger): Map<number, string> {
  return new Map(
    ledger.requests.flatMap(({ socket, servedBy }) =>
      servedBy === undefined || socket < 0 ? [] : [[socket, servedBy]],
    ),
  );
}

function widen({ fromMs, toMs }: { fromMs: number; toMs: number }, slackMs: number) {
  return { fromMs: fromMs - slackMs, toMs: toMs + slackMs };
}

function mismatch(reason: string): PredictionMatch {
  return { matches: false, reason: `It did not fail as predicted: ${reason.replace(/\.$/, "")}.` };
}
