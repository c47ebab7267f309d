/**
 * The breaker of one upstream: cockatiel's state machine, entered by tickets.
 *
 * Tickets add what cockatiel 4 cannot say: a call that is not admitted is refused at once (cockatiel lets it wait for
 * the probes' decision, so a slow upstream would hold every request once more); an attempt that the caller broke off
 * counts neither way (cockatiel takes an unhandled error of a probe for a success and would close); and an attempt that
 * began before the state last changed says nothing about the upstream now.
 */
import { BrokenCircuitError, circuitBreaker, CircuitState, handleWhen, type IBackoff, type IBreaker } from "cockatiel";

export type BreakerState = "closed" | "open" | "half_open";

export interface BreakerOptions {
  /** Opens after this many failures ... `Infinity` switches the breaker off. */
  failures: number;
  /** ... of the last so many attempts. Equal to `failures`: consecutive ones. */
  ofLast: number;
  /** How long it stays open, in ms, before probes are let through. */
  openMs: number;
  /** Probes let through while half-open; all of them must succeed, one failure opens again. */
  halfOpenProbes: number;
  onChange(from: BreakerState, to: BreakerState): void;
}

/**
 * Leave to make one attempt. Exactly one of its methods is called, once, when the attempt has ended; the promise
 * resolves when the breaker has drawn its conclusion.
 */
export interface Ticket {
  success(): Promise<void>;
  failure(): Promise<void>;
  /** The caller ended the attempt: nothing was learnt, and a probe's place is free again. */
  neutral(): Promise<void>;
}

/** What cockatiel waits for: an outcome. */
interface Place {
  outcome: PromiseWithResolvers<void>;
  concluded: Promise<void>;
}

export interface Breaker {
  readonly state: BreakerState;
  /** Milliseconds until a probe may pass, 0 when not open. */
  readonly reopensInMs: number;
  /** Whether `admit` would give a ticket now; changes nothing. */
  readonly admits: boolean;
  /** A ticket, or undefined when the upstream must not be asked now. */
  admit(): Ticket | undefined;
}

class AttemptFailed extends Error {}
class NothingLearnt extends Error {}

const STATES: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.Open]: "open",
  [CircuitState.HalfOpen]: "half_open",
  [CircuitState.Isolated]: "open",
};

/** "k of the last n": counts attempts, not seconds, so it means the same at every rate. */
function failuresOfLast(opts: { failures: number; ofLast: number }): IBreaker {
  let last: boolean[] = [];

  function record(failed: boolean): boolean {
    if (opts.failures === Number.POSITIVE_INFINITY) return false;
    last.push(failed);
    if (last.length > opts.ofLast) last.shift();
    return last.filter(Boolean).length >= opts.failures;
  }

  return {
    state: undefined,
    success(state) {
      // Closing after probes begins a new count: failures from before the break are settled.
      if (state === CircuitState.HalfOpen) last = [];
      record(false);
    },
    failure: () => record(true),
  };
}

export function createBreaker(opts: BreakerOptions): Breaker {
  let state: BreakerState = "closed";
  let halfOpenAtMs = 0;
  let generation = 0;
  let probes = 0;
  /** Places of probes that a caller broke off; cockatiel still waits for their outcome, and the next call gives it. */
  const vacated: Place[] = [];

  // cockatiel compares wall clock times, and a clock set back by an hour would keep the breaker open for an hour.
  // So the "duration" it compares with is a verdict of the monotonic clock: not yet, or over.
  const openFor: IBackoff<unknown> = {
    get duration() {
      return performance.now() >= halfOpenAtMs ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    },
    next: () => beginOpen(),
  };
  function beginOpen(): IBackoff<unknown> {
    halfOpenAtMs = performance.now() + opts.openMs;
    return openFor;
  }

  const policy = circuitBreaker(
    handleWhen((error) => error instanceof AttemptFailed),
    {
      breaker: failuresOfLast(opts),
      halfOpenAfter: { next: () => beginOpen() },
      halfOpenSampling: { calls: opts.halfOpenProbes, threshold: 0 },
    },
  );

  policy.onStateChange(function onStateChange(changed) {
    const from = state;
    state = STATES[changed];
    generation += 1;
    probes = 0;
    vacated.length = 0;
    opts.onChange(from, state);
  });

  function ticket(place: Place): Ticket {
    const issuedIn = generation;
    const isProbe = state === "half_open";

    function conclude(learnt: "success" | "failure" | "nothing"): Promise<void> {
      const current = issuedIn === generation;
      if (current && learnt === "success") place.outcome.resolve();
      else if (current && learnt === "failure") place.outcome.reject(new AttemptFailed());
      else if (current && isProbe) {
        vacated.push(place);
        return Promise.resolve();
      } else place.outcome.reject(new NothingLearnt());
      return place.concluded;
    }

    return {
      success: () => conclude("success"),
      failure: () => conclude("failure"),
      neutral: () => conclude("nothing"),
    };
  }

  function admit(): Ticket | undefined {
    const vacant = vacated.pop();
    if (vacant !== undefined) return ticket(vacant);
    if (state === "half_open" && probes >= opts.halfOpenProbes) return undefined;

    const outcome = Promise.withResolvers<void>();
    let admitted = false;
    // cockatiel runs the function before `execute` returns when it admits the call, and not at all when it does not.
    const concluded = policy
      .execute(function awaitOutcome() {
        admitted = true;
        return outcome.promise;
      })
      .catch(ignoreOutcome);
    if (!admitted) return undefined;
    if (state === "half_open") probes += 1;
    return ticket({ outcome, concluded });
  }

  return {
    get state() {
      return state;
    },
    get reopensInMs() {
      return state === "open" ? Math.max(0, halfOpenAtMs - performance.now()) : 0;
    },
    get admits() {
      if (state === "open") return performance.now() >= halfOpenAtMs;
      return state === "closed" || vacated.length > 0 || probes < opts.halfOpenProbes;
    },
    admit,
  };
}

/** The attempt's outcome goes to the caller by another way; here it has done its work when the breaker has seen it. */
function ignoreOutcome(error: unknown): void {
  const expected =
    error instanceof AttemptFailed || error instanceof NothingLearnt || error instanceof BrokenCircuitError;
  if (!expected) throw error;
}
