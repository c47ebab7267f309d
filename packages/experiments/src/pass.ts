/** When an experiment passes: the rules of packages/load, with the lab's floors filled in. */
import type { DeadlineRule, DegradedRule, FailureBound, PassRule, WindowRule } from "@holdfast/load";
import type { Facts } from "./experiment.ts";

export interface Pass {
  readonly rule: PassRule;
  /** The rule in words, with its numbers and where they come from; said before the run. */
  readonly said: string;
}

/** Fewer than this and half of the load shows nothing about kept-alive clients. */
const MIN_PERSISTENT_SOCKETS = 50;
/** Fewer on a replica that goes away, and a kept-alive client was hardly there to be hurt. */
const MIN_SOCKETS_PER_VICTIM = 5;
/** Half of the connections are new ones. */
export const NEW_SHARE = 0.5;

/** How long the rollback and its verification may take. */
export const ROLLBACK_WITHIN_MS = 60_000;
/**
 * The generator's own lag, by which a starved machine shows. Measured with E1 on two cores: p99 2 ms when they are idle,
 * 12 ms beside 2 busy loops, 60 to 80 ms beside 4 and 8, all of which pass; 330 ms where the replicas starved until requests
 * timed out. There the machine fails, not the system, and nobody may conclude anything.
 */
const MAX_SCHEDULE_LAG_MS = { p99: 200, max: 1000 };
/** How far the events' clock may be off, for the same reason: well below the 250 ms that a prediction's windows are given. */
const MAX_CLOCK_ERROR_MS = 100;

/** While some replica starts or ends: when a planned disruption may hurt, as the target's own events tell it. */
export const STARTING: WindowRule = {
  name: "starting",
  from: "replica.starting",
  to: ["replica.ready", "replica.exited", "replica.ended"],
};
export const ENDING: WindowRule = { name: "ending", from: "replica.ending", to: "replica.ended" };

interface PassOptions {
  readonly windows: readonly WindowRule[];
  /** Requests due while a window is open. */
  readonly minScheduledInWindows: number;
  readonly minSent?: number;
  /** Events whose subject goes away. */
  readonly victims?: readonly string[];
  readonly degraded?: DegradedRule;
  readonly deadlines?: readonly DeadlineRule[];
  /** Where the fault itself makes a share of the requests fail; another share was another fault. */
  readonly failedShare?: NonNullable<PassRule["failedShare"]>;
  /** Nothing else may fail, not even within the bound. */
  readonly failedOnlyInWindows?: boolean;
  readonly said: string;
}

/** A planned disruption loses nothing. */
export function planned(makeOptions: (facts: Facts) => PassOptions): (facts: Facts) => Pass {
  return function plannedPass(facts) {
    const opts = makeOptions(facts);
    return { said: opts.said, rule: { kind: "planned", ...held(opts) } };
  };
}

export interface UnplannedOptions extends PassOptions {
  /** Computed from what is configured, never from how many failed; where it grows with a measured span, up to a maximum that is said. */
  readonly failedAtMost: FailureBound;
  /** From the disruption to the last failure. */
  readonly overWithinMs: number;
}

/** An unplanned disruption loses a bounded number for a bounded time, both said beforehand. */
export function unplanned(makeOptions: (facts: Facts) => UnplannedOptions): (facts: Facts) => Pass {
  return function unplannedPass(facts) {
    const { failedAtMost, overWithinMs, ...opts } = makeOptions(facts);
    return {
      said: opts.said,
      rule: { kind: "unplanned", ...held(opts), failedAtMost, overWithinMs },
    };
  };
}

/** The lab's floors, whatever the experiment. */
function held(opts: PassOptions): Omit<PassRule, "kind"> {
  return {
    windows: [...opts.windows],
    minScheduledInWindows: opts.minScheduledInWindows,
    ...(opts.minSent === undefined ? {} : { minSent: opts.minSent }),
    minPersistentSockets: MIN_PERSISTENT_SOCKETS,
    minSocketsPerVictim: MIN_SOCKETS_PER_VICTIM,
    newShare: NEW_SHARE,
    victims: [...(opts.victims ?? [])],
    // Counted apart, and no failure; where it is what an experiment is about, its own rule says where they may be.
    degraded: opts.degraded ?? { allowed: "anywhere" },
    maxScheduleLagMs: MAX_SCHEDULE_LAG_MS,
    maxClockErrorMs: MAX_CLOCK_ERROR_MS,
    deadlines: [...(opts.deadlines ?? [])],
    ...(opts.failedShare === undefined ? {} : { failedShare: opts.failedShare }),
    ...(opts.failedOnlyInWindows === undefined ? {} : { failedOnlyInWindows: opts.failedOnlyInWindows }),
  };
}

/** The lab's rules that a hand-made pass rule breaks, each as the end of "the experiment is refused: ...". */
export function ruleFaults(
  rule: PassRule,
  opts: { baselineSeconds: number; load: { persistentSockets: number } },
): string[] {
  const faults: string[] = [];
  const need = (holds: boolean, sentence: string) => {
    if (!holds) faults.push(sentence);
  };
  need(rule.windows.length > 0, "its rule must say when the fault works");
  need(rule.minScheduledInWindows > 0, "its rule must ask for requests that are due while the fault works");
  need((rule.newShare ?? NEW_SHARE) === NEW_SHARE, "half of its requests must open a connection of their own");
  need(
    (rule.minPersistentSockets ?? 0) >= MIN_PERSISTENT_SOCKETS && opts.load.persistentSockets >= MIN_PERSISTENT_SOCKETS,
    `it must have at least ${MIN_PERSISTENT_SOCKETS} persistent sockets`,
  );
  need(
    (rule.minSocketsPerVictim ?? 0) >= MIN_SOCKETS_PER_VICTIM,
    `each victim must hold at least ${MIN_SOCKETS_PER_VICTIM} of them`,
  );
  return faults;
}
