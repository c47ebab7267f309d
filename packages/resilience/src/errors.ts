/** Every error of this package, in one place. Each is a sentence with a stable `code`. */

export type ResilienceErrorCode =
  /** The breaker is open (or half-open with all its probes out): the upstream was not asked. */
  | "UPSTREAM_OPEN"
  /** The last attempt had its whole attempt timeout and no answer came. */
  | "UPSTREAM_TIMEOUT"
  /** The last attempt failed; `cause` is what it threw. */
  | "UPSTREAM_FAILED"
  /** The total deadline ended first. Says nothing about the upstream. */
  | "DEADLINE_EXCEEDED"
  /** The caller's signal was aborted: nobody waits for the answer. */
  | "CALL_ABORTED"
  /** `close()` was called on the upstream. */
  | "UPSTREAM_CLOSED"
  /** An option is out of range: a mistake in the program or its configuration. */
  | "INVALID_OPTION";

/** What a gateway answers for each code (RFC 9110 15.6; 499 is what nginx logs for a client that has gone). */
const STATUS: Record<ResilienceErrorCode, number> = {
  UPSTREAM_OPEN: 503,
  UPSTREAM_TIMEOUT: 504,
  UPSTREAM_FAILED: 502,
  DEADLINE_EXCEEDED: 504,
  CALL_ABORTED: 499,
  UPSTREAM_CLOSED: 503,
  INVALID_OPTION: 500,
};

export interface ResilienceErrorOptions {
  cause?: unknown;
  upstream?: string;
  attempts?: number;
  retryAfterMs?: number;
}

export class ResilienceError extends Error {
  override readonly name = "ResilienceError";
  readonly code: ResilienceErrorCode;
  /** HTTP status that a server behind which this happened should answer; Express' own error handler reads it too. */
  readonly status: number;
  /** Name of the upstream, where one was meant. */
  readonly upstream: string | undefined;
  /** Attempts that were made, 0 when the upstream was never asked. */
  readonly attempts: number;
  /** Milliseconds until asking again can help; set with `UPSTREAM_OPEN`. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ResilienceErrorCode, message: string, opts: ResilienceErrorOptions = {}) {
    super(message, opts.cause === undefined ? undefined : { cause: opts.cause });
    this.code = code;
    this.status = STATUS[code];
    this.upstream = opts.upstream;
    this.attempts = opts.attempts ?? 0;
    this.retryAfterMs = opts.retryAfterMs;
  }
}

const UNAVAILABLE = new Set<ResilienceErrorCode>([
  "UPSTREAM_OPEN",
  "UPSTREAM_TIMEOUT",
  "UPSTREAM_FAILED",
  "UPSTREAM_CLOSED",
  "DEADLINE_EXCEEDED",
]);

/**
 * Whether an error means "no answer could be had from the upstream": then, and only then, a stale or an unknown
 * answer is honest. A 404 of the upstream is an answer, and a caller that has gone wants none.
 */
export function isUnavailable(error: unknown): error is ResilienceError {
  return error instanceof ResilienceError && UNAVAILABLE.has(error.code);
}

export interface NumberRange {
  min: number;
  max?: number;
  integer?: boolean;
}

/** Returns `value`, or throws `INVALID_OPTION` with a sentence that names option, value and what is allowed. */
export function checkedNumber(name: string, value: number, range: NumberRange): number {
  const { min, max = Number.POSITIVE_INFINITY, integer = false } = range;
  // Infinity is how a protection is switched off, so it passes where no upper bound is set.
  const whole = !integer || Number.isInteger(value) || value === Number.POSITIVE_INFINITY;
  if (typeof value === "number" && value >= min && value <= max && whole) return value;
  const kind = integer ? "a whole number" : "a number";
  const allowed = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new ResilienceError("INVALID_OPTION", `${name} is ${String(value)}: set ${kind} ${allowed}.`);
}
