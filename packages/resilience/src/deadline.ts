/** A request's total deadline: read from a header, shrinking as it is handed on. */
import { checkedNumber } from "./errors.ts";

/** Remaining budget in ms, as a relative number, since the clocks of two hosts differ. */
export const DEADLINE_HEADER = "x-request-deadline-ms";

/** Longest delay of a Node timer (2^31 - 1 ms); a longer one would fire after 1 ms. */
export const LONGEST_TIMER_MS = 2_147_483_647;

export interface Deadline {
  /** Milliseconds left, 0 when it is over. Measured on the monotonic clock. */
  readonly remainingMs: number;
  readonly expired: boolean;
  /** Aborted when the time is over. The timer behind it exists from the first read on and keeps no process alive. */
  readonly signal: AbortSignal;
  /** Value of {@link DEADLINE_HEADER} for a nested call: what is left, in whole ms, rounded down. */
  header(): string;
  /** Drops the timer behind `signal`, if there is one: the work is done and nobody listens any more. */
  clear(): void;
}

/** Starts a deadline of `budgetMs` from now, for work that did not begin with a request. */
export function startDeadline(budgetMs: number): Deadline {
  checkedNumber("budgetMs", budgetMs, { min: 0, max: LONGEST_TIMER_MS });
  let endsAtMs = performance.now() + budgetMs;
  let controller: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;

  function remaining(): number {
    return Math.max(0, endsAtMs - performance.now());
  }

  function expire(): void {
    // A timer may fire a fraction of a millisecond early; whoever hears the signal must find the deadline expired.
    endsAtMs = Math.min(endsAtMs, performance.now());
    controller?.abort(new DOMException("The request's deadline has passed.", "TimeoutError"));
  }

  return {
    get remainingMs() {
      return remaining();
    },
    get expired() {
      return remaining() === 0;
    },
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        const left = remaining();
        if (left === 0) expire();
        else timer = setTimeout(expire, left).unref();
      }
      return controller.signal;
    },
    header() {
      return String(Math.floor(remaining()));
    },
    clear() {
      clearTimeout(timer);
    },
  };
}

/**
 * The deadline of an incoming request, from the value of its {@link DEADLINE_HEADER} header.
 *
 * A caller can only shorten what the service allows: a value above `longestMs` is bounded to it; anything but a row
 * of ASCII digits (absent, negative, fractional, repeated, garbage) is ignored and leaves `longestMs`. `0` is an
 * expired deadline, which harms only the one who sent it: see `UpstreamOptions.attemptTimeoutMs`.
 */
export function readDeadline(
  headerValue: string | readonly string[] | undefined,
  opts: { longestMs: number },
): Deadline {
  const value = typeof headerValue === "object" && headerValue.length === 1 ? headerValue[0] : headerValue;
  const asked = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : opts.longestMs;
  return startDeadline(Math.min(asked, opts.longestMs));
}
