import { z } from "zod";

import { LoadError } from "./errors.ts";
import { mistakes, strictObject } from "./validation.ts";

/** Makes windows: each event `from` opens one, which the next event of `to` with the same subject closes. */
export interface WindowRule {
  name: string;
  from: string;
  /** Several names: whichever comes first. */
  to: string | string[];
  /** Default true; false: any `to` closes it, whatever the subject. */
  sameSubject?: boolean;
  /** What a window means that nothing closed: `invalid` (default), or the fault is taken to work until the ledger ends. */
  unclosed?: "invalid" | "until-end";
}

/** Something that must be seen to happen: after each `from`, a `to` within the time. Events before `from` do not count. */
export interface DeadlineRule {
  name: string;
  from: string;
  to: string | string[];
  withinMs: number;
  /** Default true: both events are about the same subject. */
  sameSubject?: boolean;
  /** An event that tells why it did not happen: `said` in its detail, a part of a sentence, stands in the reason. */
  otherwise?: string;
}

export interface DegradedRule {
  /** Where degraded answers are allowed. Default without this rule: `never`. */
  allowed: "never" | "in-windows" | "anywhere";
  /** Names of the windows meant by `in-windows`; default all. */
  windows?: string[];
  /** How long after such a window's end an answer may still be degraded, in ms; default 0. */
  graceMs?: number;
  /** Fewer than this many mean that the fault never worked: INVALID. Default 0. */
  atLeast?: number;
}

/**
 * A part of a bound that grows with how long something took, such as the time until a death is noticed: from each `from`
 * to the next `to`. Several `from` that the same `to` ends are one span, from the first of them; those of several
 * subjects, each with a `to` of its own, count each. What nobody measured, since no `to` came, adds nothing.
 */
export interface SpanBound {
  /** For whoever reads the rule, and the verdict, which says how long each span was. */
  name: string;
  from: string;
  to: string | string[];
  /** Default true: both events are about the same subject. */
  sameSubject?: boolean;
  perSecond: number;
  /** Longer spans add no more than this one does: each is bounded before the run. */
  maxMs: number;
}

/** The bound of an unplanned disruption: a number, or one that grows with how long the windows were open in all, or with measured spans. */
export type FailureBound = number | { atMost: number; plusPerWindowSecond?: number; plusPerSpan?: SpanBound[] };

/**
 * When a run passes. Data: it stands in the ledger's first line, so that the verdict can be recomputed from the file alone.
 *
 * `planned` disruption loses nothing. `unplanned` disruption loses at most `failedAtMost`, and none later than `overWithinMs` after a window opened.
 */
export interface PassRule {
  kind: "planned" | "unplanned";
  /** At least one; the requests that are scheduled inside are the evidence. */
  windows: WindowRule[];
  /** Fewer requests scheduled while a window is open: INVALID. */
  minScheduledInWindows: number;
  /** Fewer requests in all: INVALID. Default 0. */
  minSent?: number;
  /** Fault-free time before the evidence starts: shorter or with fewer requests is INVALID, and so is a failure within. Defaults: 5 000 ms, 1. */
  baseline?: { minMs?: number; minSent?: number };
  /** Event from which on requests are evidence; default: the first window's opening. */
  evidenceFrom?: string;
  /**
   * Load must go on this long after the last window closed, or opened where it may stay open, and, unplanned, after the
   * last one's `overWithinMs`; in ms, less is INVALID. Default 1 000.
   */
  minAfterMs?: number;
  /** Persistent sockets that had answered and were open when the evidence starts; fewer is INVALID. Default 0. */
  minPersistentSockets?: number;
  /** Events whose subject went away. Default none. */
  victims?: string[];
  /** Persistent sockets that each victim held and had answered on in the 2 s before it; fewer is INVALID. Default 5. */
  minSocketsPerVictim?: number;
  /** `unplanned` only, and required there. */
  failedAtMost?: FailureBound;
  /** `unplanned` only, and required there, in ms from the last opening of a window before it. */
  overWithinMs?: number;
  degraded?: DegradedRule;
  deadlines?: DeadlineRule[];
  /**
   * Where the fault itself makes a share of the requests fail: the share, 0..1, of those scheduled in windows that must have
   * failed. Less or more is another fault than the rule speaks of: INVALID.
   */
  failedShare?: { min: number; max: number };
  /** Whether what failed was under way while a window was open, give or take the clocks' error; else FAIL. Default false. */
  failedOnlyInWindows?: boolean;
  /** Events by which whoever runs it says that nothing can be concluded: INVALID, with the event's `detail.because` as the reason. Default none. */
  voidedBy?: string[];
  /** Share of new connections that the plan must have had; default 0.5. */
  newShare?: number;
  /** The generator's own lag, over all requests and over those in windows; more is INVALID. Defaults: p99 100 ms, max 1 000 ms. */
  maxScheduleLagMs?: { p99?: number; max?: number };
  /** How far the events' clock may be off; more is INVALID. Default 50 ms. */
  maxClockErrorMs?: number;
}

/** A rule with every default written out. */
export interface ResolvedRule extends Required<
  Omit<PassRule, "evidenceFrom" | "failedAtMost" | "overWithinMs" | "failedShare">
> {
  evidenceFrom?: string;
  failedShare?: { min: number; max: number };
  failedAtMost: {
    atMost: number;
    plusPerWindowSecond: number;
    plusPerSpan: (Required<Omit<SpanBound, "to">> & { to: string[] })[];
  };
  /** Infinity for `planned`, where no failure is in time. */
  overWithinMs: number;
  windows: (Required<Omit<WindowRule, "to">> & { to: string[] })[];
  deadlines: (Required<Omit<DeadlineRule, "to" | "otherwise">> & Pick<DeadlineRule, "otherwise"> & { to: string[] })[];
  baseline: { minMs: number; minSent: number };
  degraded: DegradedRule & { graceMs: number; atLeast: number };
  maxScheduleLagMs: { p99: number; max: number };
}

const count = z.int("must be a whole number >= 0").min(0, "must be >= 0");
const share = z.number("must be a number from 0 to 1").min(0, "must be >= 0").max(1, "must be <= 1");
const ms = z.number("must be a number of ms").min(0, "must be >= 0");
const name = z.string("must be a name").min(1, "must not be empty");
const names = z.union(
  [name.transform((one) => [one]), z.array(name).min(1)],
  "must be an event's name, or a list of them",
);

const windowSchema = strictObject({
  name,
  from: name,
  to: names,
  sameSubject: z.boolean("must be true or false").default(true),
  unclosed: z.enum(["invalid", "until-end"], 'must be "invalid" or "until-end"').default("invalid"),
});

const deadlineSchema = strictObject({
  name,
  from: name,
  to: names,
  withinMs: ms,
  sameSubject: z.boolean("must be true or false").default(true),
  otherwise: name.exactOptional(),
});

const perSecond = z.number("must be a number of failures a second").min(0, "must be >= 0");

const spanSchema = strictObject({
  name,
  from: name,
  to: names,
  sameSubject: z.boolean("must be true or false").default(true),
  perSecond,
  maxMs: z.number("must be a number of ms: a bound that nothing bounds is none").min(0, "must be >= 0"),
});

const boundSchema = z.union(
  [
    count.transform((atMost) => ({ atMost, plusPerWindowSecond: 0, plusPerSpan: [] })),
    strictObject({
      atMost: count,
      plusPerWindowSecond: perSecond.default(0),
      plusPerSpan: z.array(spanSchema, "must be a list").default([]),
    }),
  ],
  "must be a whole number >= 0, or { atMost, plusPerWindowSecond, plusPerSpan: [{ name, from, to, perSecond, maxMs }] }",
);

const degradedSchema = strictObject({
  allowed: z.enum(["never", "in-windows", "anywhere"], 'must be "never", "in-windows" or "anywhere"'),
  windows: z.array(name).exactOptional(),
  graceMs: ms.default(0),
  atLeast: count.default(0),
});

const ruleSchema = strictObject({
  kind: z.enum(["planned", "unplanned"], 'must be "planned" or "unplanned"'),
  windows: z
    .array(windowSchema, "must be a list")
    .min(1, "must name at least one window: without one nothing shows that a fault worked"),
  minScheduledInWindows: z.int("must be a whole number >= 1").min(1, "must be >= 1: no evidence is no proof"),
  minSent: count.default(0),
  baseline: strictObject({ minMs: ms.default(5_000), minSent: count.default(1) }).prefault({}),
  evidenceFrom: name.exactOptional(),
  minAfterMs: ms.default(1_000),
  minPersistentSockets: count.default(0),
  victims: z.array(name, "must be a list of event names").default([]),
  minSocketsPerVictim: count.default(5),
  failedAtMost: boundSchema.exactOptional(),
  overWithinMs: ms.exactOptional(),
  degraded: degradedSchema.prefault({ allowed: "never" }),
  deadlines: z.array(deadlineSchema, "must be a list").default([]),
  failedShare: strictObject({ min: share, max: share }).exactOptional(),
  failedOnlyInWindows: z.boolean("must be true or false").default(false),
  voidedBy: z.array(name, "must be a list of event names").default([]),
  newShare: share.default(0.5),
  maxScheduleLagMs: strictObject({ p99: ms.default(100), max: ms.default(1_000) }).prefault({}),
  maxClockErrorMs: ms.default(50),
}).superRefine((rule, context) => {
  const issue = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
  const bounds = ["failedAtMost", "overWithinMs"] as const;
  for (const bound of bounds) {
    if (rule.kind === "unplanned" && rule[bound] === undefined)
      issue([bound], "must be said beforehand when the disruption is unplanned");
    if (rule.kind === "planned" && rule[bound] !== undefined)
      issue([bound], "must be absent: planned disruption loses nothing");
  }
  if (rule.failedShare !== undefined && rule.failedShare.min > rule.failedShare.max)
    issue(["failedShare"], "must have a min that is not above its max");
  const known = new Set(rule.windows.map((window) => window.name));
  for (const [index, named] of (rule.degraded.windows ?? []).entries()) {
    if (!known.has(named)) issue(["degraded", "windows", index], "must be the name of one of the rule's windows");
  }
});

/**
 * Checks a rule and writes out its defaults.
 *
 * @throws LoadError `LOAD_RULE_INVALID` with every mistake in one sentence
 */
export function parseRule(input: unknown): ResolvedRule {
  const parsed = ruleSchema.safeParse(input);
  if (!parsed.success) {
    throw new LoadError("LOAD_RULE_INVALID", `No run can be judged by this rule: ${mistakes(parsed.error, input)}.`);
  }
  const { failedAtMost, overWithinMs, ...rule } = parsed.data;
  return {
    ...rule,
    failedAtMost: failedAtMost ?? { atMost: 0, plusPerWindowSecond: 0, plusPerSpan: [] },
    overWithinMs: overWithinMs ?? Number.POSITIVE_INFINITY,
  };
}
