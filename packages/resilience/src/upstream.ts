/** Calls to one upstream: deadline, attempt timeout, breaker, retry budget and back-off, in that order of say. */
import { runAttempt, sleep, type Attempt, type AttemptEnd, type Interruption } from "./attempt.ts";
import { createBackoff } from "./backoff.ts";
import { createBreaker, type BreakerState, type Ticket } from "./breaker.ts";
import { LONGEST_TIMER_MS, type Deadline } from "./deadline.ts";
import { checkedNumber, ResilienceError, type ResilienceErrorCode } from "./errors.ts";
import { createEmitter } from "./events.ts";
import { createRetryBudget } from "./retry-budget.ts";

export type { Attempt, AttemptContext } from "./attempt.ts";
export type { BreakerState } from "./breaker.ts";

export interface UpstreamOptions {
  /** As it appears in events, errors and metrics. */
  name: string;
  /**
   * Longest time of one attempt, in ms; less where less is left of the request. Choose it below the deadlines that
   * callers set: an attempt which the *caller's* deadline cut short tells nothing about the upstream and never counts
   * against it, else anyone could open the breaker for everybody by sending deadlines of 1 ms.
   */
  attemptTimeoutMs: number;
  retry: {
    /** First attempt included; 1 = never retry. */
    maxAttempts: number;
    /** Retries / requests, over a sliding window and so over all time. 0.2 is Finagle's default; `Infinity` switches it off. */
    budgetRatio: number;
    /** Before retry n a random 0 .. baseDelayMs x 2^(n-1) ms pass (full jitter), at most `maxDelayMs`. */
    baseDelayMs: number;
    maxDelayMs: number;
    /** Length of the budget's sliding window in ms, 10 000. Below ratio x window x rate = 1 there are no retries. */
    budgetWindowMs?: number;
    /** Least delay in ms that a failure asks for (a Retry-After header); undefined when it asks for none. */
    afterMs?: (error: unknown) => number | undefined;
  };
  breaker: {
    /** Opens after this many failures; `Infinity` switches it off. */
    failures: number;
    /**
     * ... of the last so many attempts; default `failures`, i.e. consecutive ones. Set it higher (5 of the last 8) for
     * an upstream with replicas behind one address, where a dead one fails every third attempt.
     */
    ofLast?: number;
    /** How long it stays open, in ms. */
    openMs: number;
    /** Probes let through when that time is over, default 1; all must succeed. Whoever comes meanwhile is refused. */
    halfOpenProbes?: number;
  };
  /**
   * Whether an error thrown by an attempt is the upstream's failure: counted by the breaker, retried, and thrown as
   * `UPSTREAM_FAILED`. Any other (a 404, say) is an answer: it proves the upstream alive and is thrown on untouched.
   * Default: every error is a failure.
   */
  isFailure?: (error: unknown) => boolean;
}

export interface CallOptions {
  /** Total time of the call, back-off included. */
  deadline: Deadline;
  /** The caller's interest: when it is aborted the call ends at once, and nothing counts against the upstream. */
  signal?: AbortSignal;
  /** Whether this call may be retried, default true; false for what must not happen twice. */
  retry?: boolean;
}

/**
 * `success`: the upstream did its part (it resolved, or threw what `isFailure` does not count). `failure` and `timeout`
 * count against it. `aborted`: the caller's side ended it (client gone, deadline over, closed), which counts neither way.
 */
export type AttemptOutcome = "success" | "failure" | "timeout" | "aborted";
export type CallOutcome = "success" | ResilienceErrorCode;

export type UpstreamEvent =
  /** One attempt has ended. Attempts with `attempt` 1 count the calls that reached the upstream. */
  | { type: "attempt"; upstream: string; outcome: AttemptOutcome; attempt: number; tookMs: number; error?: unknown }
  /** Attempt number `attempt` will be made in `delayMs`. */
  | { type: "retry"; upstream: string; attempt: number; delayMs: number; error: unknown }
  /** A retry was due and the budget had none left. */
  | { type: "budget-exhausted"; upstream: string; attempt: number }
  | { type: "breaker"; upstream: string; from: BreakerState; to: BreakerState }
  /** The breaker let a call ask nobody. */
  | { type: "rejected"; upstream: string; state: "open" | "half_open"; retryAfterMs: number }
  /** A call has ended; one a call, whatever happened. */
  | { type: "call"; upstream: string; outcome: CallOutcome; attempts: number; tookMs: number };

export interface Upstream {
  readonly name: string;
  readonly state: BreakerState;
  on(listener: (event: UpstreamEvent) => void): () => void;
  /**
   * Makes attempts until one succeeds or none is allowed any more.
   *
   * @throws ResilienceError `UPSTREAM_OPEN`, `UPSTREAM_TIMEOUT`, `UPSTREAM_FAILED`, `DEADLINE_EXCEEDED`, `CALL_ABORTED`,
   *   `UPSTREAM_CLOSED`; or, untouched, whatever the attempt threw that `isFailure` does not count
   */
  call<T>(attempt: Attempt<T>, opts: CallOptions): Promise<T>;
  /** Ends calls under way with `UPSTREAM_CLOSED`, refuses later ones; leaves no timer and no listener behind. */
  close(): void;
}

/**
 * What stands between this service and one upstream.
 *
 * @throws ResilienceError `INVALID_OPTION` with a sentence naming option, value and what is allowed
 */
export function createUpstream(opts: UpstreamOptions): Upstream {
  checkOptions(opts);
  const { name, attemptTimeoutMs, isFailure = () => true } = opts;
  const { maxAttempts, afterMs } = opts.retry;
  const emitter = createEmitter<UpstreamEvent>();
  const underWay = new Set<Interruption>();
  let closed = false;
  const budget = createRetryBudget({
    ratio: opts.retry.budgetRatio,
    windowMs: opts.retry.budgetWindowMs ?? 10_000,
  });
  const breaker = createBreaker({
    failures: opts.breaker.failures,
    ofLast: opts.breaker.ofLast ?? opts.breaker.failures,
    openMs: opts.breaker.openMs,
    halfOpenProbes: opts.breaker.halfOpenProbes ?? 1,
    onChange: (from, to) => emitter.emit({ type: "breaker", upstream: name, from, to }),
  });

  /** One attempt, judged: events, breaker and the error that the call would end with now. */
  async function attemptOnce<T>(attempt: Attempt<T>, ticket: Ticket, call: Call): Promise<Verdict<T>> {
    call.attempts += 1;
    if (call.attempts === 1) budget.request();
    const startedAtMs = performance.now();
    const end = await runAttempt(attempt, { ...call, attempt: call.attempts, attemptTimeoutMs });
    let verdict: Verdict<T>;
    try {
      verdict = judge(end, call);
    } catch (error) {
      // `isFailure` itself is broken. The ticket must come back all the same, or a probe's place is lost for good.
      await ticket.neutral();
      throw error;
    }
    emitter.emit({
      type: "attempt",
      upstream: name,
      outcome: verdict.outcome,
      attempt: call.attempts,
      tookMs: performance.now() - startedAtMs,
      ...(end.kind === "error" ? { error: end.error } : {}),
    });
    if (verdict.outcome === "success") await ticket.success();
    else if (verdict.outcome === "aborted") await ticket.neutral();
    else await ticket.failure();
    return verdict;
  }

  function judge<T>(end: AttemptEnd<T>, call: Call): Verdict<T> {
    switch (end.kind) {
      case "value":
        return { outcome: "success", value: end.value };
      case "error": {
        if (!isFailure(end.error)) return { outcome: "success", error: end.error };
        if (end.atDeadline) return { outcome: "aborted", error: deadlineExceeded(call) };
        const message = `${name} failed${after(call.attempts)}: ${reasonOf(end.error)}`;
        const details = { upstream: name, attempts: call.attempts, cause: end.error };
        return {
          outcome: "failure",
          error: new ResilienceError("UPSTREAM_FAILED", message, details),
          cause: end.error,
        };
      }
      case "timeout": {
        const message = `${name} did not answer within ${attemptTimeoutMs} ms${after(call.attempts)}.`;
        return { outcome: "timeout", error: failed(call, "UPSTREAM_TIMEOUT", message) };
      }
      case "deadline":
        return { outcome: "aborted", error: deadlineExceeded(call) };
      case "aborted":
      case "closed":
        return { outcome: "aborted", error: interrupted(call) };
    }
  }

  async function makeAttempts<T>(attempt: Attempt<T>, call: Call): Promise<T> {
    for (;;) {
      if (call.interruption.reason !== undefined) throw interrupted(call);
      // With less than a whole ms left the upstream would be told 0, and its refusal would look like a failure.
      if (call.deadline.remainingMs < 1) throw deadlineExceeded(call);
      const ticket = breaker.admit();
      // A breaker that opened during the back-off: the failure that was seen says more than "open".
      if (ticket === undefined) throw call.lastFailure ?? rejected(call);
      const verdict = await attemptOnce(attempt, ticket, call);
      if ("value" in verdict) return verdict.value;
      if (verdict.outcome === "success" || verdict.outcome === "aborted") throw verdict.error;
      call.lastFailure = verdict.error;
      const delayMs = retryDelayMs(call, verdict.cause);
      if (delayMs === undefined) throw verdict.error;
      emitter.emit({ type: "retry", upstream: name, attempt: call.attempts + 1, delayMs, error: verdict.error });
      await sleep(delayMs, call.interruption);
    }
  }

  /** How long to wait before the next attempt; undefined when there must be none. */
  function retryDelayMs(call: Call, cause: unknown): number | undefined {
    if (call.attempts >= call.maxAttempts || !breaker.admits) return undefined;
    call.nextDelayMs ??= createBackoff(opts.retry);
    const askedMs = afterMs?.(cause) ?? 0;
    const delayMs = Math.max(call.nextDelayMs(), askedMs > 0 ? askedMs : 0);
    // Sleeping up to or past the deadline could only end in DEADLINE_EXCEEDED, later and saying less.
    if (delayMs >= call.deadline.remainingMs) return undefined;
    if (budget.spend()) return delayMs;
    emitter.emit({ type: "budget-exhausted", upstream: name, attempt: call.attempts + 1 });
    return undefined;
  }

  function failed(call: Call, code: ResilienceErrorCode, message: string): ResilienceError {
    return new ResilienceError(code, message, { upstream: name, attempts: call.attempts, cause: call.lastFailure });
  }

  function deadlineExceeded(call: Call): ResilienceError {
    const message = `The request's deadline passed before ${name} had answered${after(call.attempts)}.`;
    return failed(call, "DEADLINE_EXCEEDED", message);
  }

  function interrupted(call: Call): ResilienceError {
    if (call.interruption.reason === "closed") {
      return failed(call, "UPSTREAM_CLOSED", `The client of ${name} has been closed.`);
    }
    return failed(call, "CALL_ABORTED", `The caller gave up waiting for ${name}.`);
  }

  function rejected(call: Call): ResilienceError {
    const state = breaker.state === "half_open" ? "half_open" : "open";
    const retryAfterMs = Math.ceil(breaker.reopensInMs);
    emitter.emit({ type: "rejected", upstream: name, state, retryAfterMs });
    const why =
      state === "open" ? `it is asked again in ${retryAfterMs} ms` : "a probe is out to see whether it is back";
    const message = `${name} was not asked, since it has failed of late; ${why}.`;
    return new ResilienceError("UPSTREAM_OPEN", message, { upstream: name, attempts: call.attempts, retryAfterMs });
  }

  async function call<T>(attempt: Attempt<T>, callOpts: CallOptions): Promise<T> {
    const { deadline, signal, retry = true } = callOpts;
    const interruption: Interruption = { reason: undefined, onInterrupt: undefined };
    const current: Call = { deadline, interruption, maxAttempts: retry ? maxAttempts : 1, attempts: 0 };
    const startedAtMs = performance.now();
    let outcome: CallOutcome = "success";

    function onAbort(): void {
      interrupt(interruption, "aborted");
    }
    if (signal?.aborted) onAbort();
    if (closed) interrupt(interruption, "closed");
    signal?.addEventListener("abort", onAbort, { once: true });
    underWay.add(interruption);
    try {
      return await makeAttempts(attempt, current);
    } catch (error) {
      if (error instanceof ResilienceError && error.upstream === name) outcome = error.code;
      throw error;
    } finally {
      underWay.delete(interruption);
      signal?.removeEventListener("abort", onAbort);
      const tookMs = performance.now() - startedAtMs;
      emitter.emit({ type: "call", upstream: name, outcome, attempts: current.attempts, tookMs });
    }
  }

  function close(): void {
    closed = true;
    for (const interruption of underWay) interrupt(interruption, "closed");
  }

  return {
    name,
    get state() {
      return breaker.state;
    },
    on: emitter.on,
    call,
    close,
  };
}

/** One logical call under way. */
interface Call {
  readonly deadline: Deadline;
  readonly interruption: Interruption;
  readonly maxAttempts: number;
  attempts: number;
  lastFailure?: ResilienceError;
  nextDelayMs?: () => number;
}

type Verdict<T> =
  | { outcome: "success"; value: T }
  | { outcome: "success"; error: unknown }
  | { outcome: "failure" | "timeout" | "aborted"; error: ResilienceError; cause?: unknown };

function interrupt(interruption: Interruption, reason: "aborted" | "closed"): void {
  interruption.reason ??= reason;
  interruption.onInterrupt?.();
}

function after(attempts: number): string {
  return attempts > 1 ? ` in ${attempts} attempts` : "";
}

/** Longest part of a foreign error's message that is repeated in ours, in characters: it ends in log lines. */
const LONGEST_REASON = 200;

function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}...` : reason;
}

function checkOptions(opts: UpstreamOptions): void {
  const { retry, breaker } = opts;
  const longest = { max: LONGEST_TIMER_MS };
  checkedNumber("attemptTimeoutMs", opts.attemptTimeoutMs, { min: 1, ...longest });
  checkedNumber("retry.maxAttempts", retry.maxAttempts, { min: 1, integer: true });
  checkedNumber("retry.budgetRatio", retry.budgetRatio, { min: 0 });
  checkedNumber("retry.baseDelayMs", retry.baseDelayMs, { min: 0, ...longest });
  checkedNumber("retry.maxDelayMs", retry.maxDelayMs, { min: retry.baseDelayMs, ...longest });
  if (retry.budgetWindowMs !== undefined) {
    checkedNumber("retry.budgetWindowMs", retry.budgetWindowMs, { min: 100, ...longest });
  }
  checkedNumber("breaker.failures", breaker.failures, { min: 1, integer: true });
  if (breaker.ofLast !== undefined) {
    // Every attempt walks the window, so it stays short.
    checkedNumber("breaker.ofLast", breaker.ofLast, { min: breaker.failures, max: 1_000, integer: true });
  }
  checkedNumber("breaker.openMs", breaker.openMs, { min: 1, ...longest });
  if (breaker.halfOpenProbes !== undefined) {
    checkedNumber("breaker.halfOpenProbes", breaker.halfOpenProbes, { min: 1, max: 1_000, integer: true });
  }
}
