/** One attempt against an upstream: its time, its signal, and how it ended. */
import { startDeadline, type Deadline } from "./deadline.ts";

export interface AttemptContext {
  /** Aborted when the attempt's time is over or its caller has gone; hand it to the HTTP client. */
  signal: AbortSignal;
  /**
   * What this attempt may take, min(attempt timeout, what is left of the request): send `deadline.header()` along, so
   * that the upstream, too, stops working when nobody waits any more.
   */
  deadline: Deadline;
  /** 1 for the first attempt, 2 for the first retry ... */
  attempt: number;
}

export type Attempt<T> = (ctx: AttemptContext) => Promise<T>;

export type AttemptEnd<T> =
  | { kind: "value"; value: T }
  /** `atDeadline`: it failed just as the request's deadline ended, so its upstream, which knew that, gave up, too. */
  | { kind: "error"; error: unknown; atDeadline: boolean }
  /** It had its whole attempt timeout. */
  | { kind: "timeout" }
  /** The request's deadline cut it short. */
  | { kind: "deadline" }
  | { kind: "aborted" | "closed" };

/** Why a call must end now, whatever it is doing; one listener, since a call does one thing at a time. */
export interface Interruption {
  reason: "aborted" | "closed" | undefined;
  onInterrupt: (() => void) | undefined;
}

export interface AttemptOptions {
  attempt: number;
  attemptTimeoutMs: number;
  deadline: Deadline;
  interruption: Interruption;
}

/**
 * How much sooner than here, in ms, a deadline that was handed on may end at the upstream: up to 1 ms by rounding down,
 * 1 ms by a timer that fires early, and what the two processes' event loops add.
 */
const DEADLINE_SLACK_MS = 5;

/** Never rejects and never outlasts its time, even when `attempt` ignores its signal. */
export function runAttempt<T>(attempt: Attempt<T>, opts: AttemptOptions): Promise<AttemptEnd<T>> {
  const remainingMs = opts.deadline.remainingMs;
  const wholeTimeout = remainingMs >= opts.attemptTimeoutMs;
  const timeMs = wholeTimeout ? opts.attemptTimeoutMs : remainingMs;
  const deadline = startDeadline(timeMs);
  const controller = new AbortController();

  return new Promise(function run(resolve) {
    let ended = false;
    let lastChance: NodeJS.Immediate | undefined;

    function end(how: AttemptEnd<T>): void {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      clearImmediate(lastChance);
      deadline.clear();
      opts.interruption.onInterrupt = undefined;
      resolve(how);
    }

    function cut(how: AttemptEnd<T>, reason: DOMException): void {
      end(how);
      controller.abort(reason);
    }

    // Keeps the process alive, as the work it bounds should: somebody awaits the end of this attempt.
    const timer = setTimeout(function onTimeout() {
      // After a stall of this process timers run before sockets are read. One turn of the loop lets an answer that
      // has arrived meanwhile count, or our own stall would open the breaker of a healthy upstream.
      lastChance = setImmediate(function giveUp() {
        const message = `No answer within ${Math.round(timeMs)} ms.`;
        cut({ kind: wholeTimeout ? "timeout" : "deadline" }, new DOMException(message, "TimeoutError"));
      });
    }, timeMs);

    opts.interruption.onInterrupt = function onInterrupt() {
      const kind = opts.interruption.reason ?? "aborted";
      cut({ kind }, new DOMException(`The call was ${kind}.`, "AbortError"));
    };

    // An async wrapper, so that a function that throws at once ends as one that rejects.
    (async () => attempt({ signal: controller.signal, deadline, attempt: opts.attempt }))().then(
      (value) => end({ kind: "value", value }),
      (error: unknown) => {
        const atDeadline = !wholeTimeout && deadline.remainingMs < DEADLINE_SLACK_MS;
        end({ kind: "error", error, atDeadline });
      },
    );
  });
}

/** Waits `delayMs`; sooner when the call is interrupted. */
export function sleep(delayMs: number, interruption: Interruption): Promise<void> {
  return new Promise(function run(resolve) {
    function wake(): void {
      clearTimeout(timer);
      interruption.onInterrupt = undefined;
      resolve();
    }
    const timer = setTimeout(wake, delayMs);
    interruption.onInterrupt = wake;
  });
}
