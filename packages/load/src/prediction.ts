import { z } from "zod";

import { LoadError } from "./errors.ts";
import { gatherEvidence } from "./evidence.ts";
import type { ConnectionKind, Fate, Ledger, RequestRecord } from "./ledger.ts";
import { parseRule } from "./rule.ts";
import { mistakes, strictObject } from "./validation.ts";
import type { Verdict, VerdictCode } from "./verdict.ts";
import { overlaps } from "./windows.ts";
import { listFates } from "./wording.ts";

/** What a control must bring about. *Every* offending request must fit, and at least `atLeast` of them must be there. */
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
  /** Default 1. */
  atLeast?: number;
  /** Which check must have decided; default: any that makes FAIL. */
  codes?: VerdictCode[];
  /** Names of deadlines: each of them was missed, and no other was. Default: whichever. */
  deadlines?: string[];
}

export interface PredictionMatch {
  matches: boolean;
  /** One sentence: what happened as predicted, or what did not. */
  reason: string;
}

const SLACK_MS = 250;

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
  if (offenders.length < atLeast) {
    return mismatch(`at least ${atLeast} requests were to be hurt, and ${offenders.length} were`);
  }
  for (const contradicts of [otherFate, otherConnection, otherPlace, otherReplica, otherTime]) {
    const reason = contradicts({ ledger, verdict, prediction, offenders });
    if (reason !== undefined) return mismatch(reason);
  }
  return { matches: true, reason: `It failed as predicted: ${offenders.length} requests, ${listFates(offenders)}.` };
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

function otherFate({ prediction, offenders }: Comparison): string | undefined {
  const { fates = [], eachOf = [] } = prediction;
  const others = offenders.filter(({ fate }) => !fates.includes(fate));
  if (others.length > 0) return `the predicted fates were ${fates.join(", ")}, and there were ${listFates(others)}`;
  const absent = eachOf.filter((fate) => !offenders.some((offender) => offender.fate === fate));
  return absent.length > 0 ? `none was ${absent.join(", none was ")}` : undefined;
}

function otherConnection({ prediction, offenders }: Comparison): string | undefined {
  const { connection } = prediction;
  if (connection === undefined) return undefined;
  const others = offenders.filter((offender) => offender.connection !== connection);
  return others.length > 0
    ? `only ${connection} connections were to be hurt, and ${others.length} of ${offenders.length} were not ${connection} (${listFates(others)})`
    : undefined;
}

function otherPlace({ verdict, prediction, offenders }: Comparison): string | undefined {
  const { windows: names, slackMs = SLACK_MS } = prediction;
  if (names === undefined) return undefined;
  const spans = verdict.windows.filter(({ name }) => names.includes(name)).map((window) => widen(window, slackMs));
  const outside = offenders.filter((offender) => !spans.some((span) => overlaps(offender, span)));
  return outside.length > 0
    ? `all were to fall into the windows ${names.join(", ")}, and ${outside.length} of ${offenders.length} did not (first: request ${outside[0]?.i})`
    : undefined;
}

function otherReplica({ ledger, verdict, prediction, offenders }: Comparison): string | undefined {
  if (prediction.onVictims !== true) return undefined;
  const slackMs = prediction.slackMs ?? SLACK_MS;
  const holders = socketHolders(ledger);
  const placed = offenders.flatMap((offender) => {
    const replica = offender.servedBy ?? holders.get(offender.socket);
    return replica === undefined ? [] : [{ offender, replica }];
  });
  if (placed.length === 0) return "of none can it be told which replica it was with";
  const elsewhere = placed.find(
    ({ offender, replica }) =>
      !verdict.windows.some((window) => window.subject === replica && overlaps(offender, widen(window, slackMs))),
  );
  return elsewhere === undefined
    ? undefined
    : `only replicas in a window were to hurt, and request ${elsewhere.offender.i} was with ${elsewhere.replica}, which was in none`;
}

function otherTime({ ledger, prediction, offenders }: Comparison): string | undefined {
  const { when } = prediction;
  if (when === undefined) return undefined;
  const spans = ledger.events
    .filter(({ name }) => name === when.event)
    .map(({ atMs }) => ({ fromMs: atMs + (when.afterMs ?? 0), toMs: atMs + when.withinMs }));
  if (spans.length === 0) return `the event ${when.event} did not happen`;
  const outside = offenders.filter((offender) => !spans.some((span) => overlaps(offender, span)));
  return outside.length > 0
    ? `all were to be under way from ${when.afterMs ?? 0} to ${when.withinMs} ms after ${when.event}, and ${outside.length} of ${offenders.length} were not (first: request ${outside[0]?.i})`
    : undefined;
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
