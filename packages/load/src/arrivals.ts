import { dueMs } from "./schedule.ts";

/** More than this many overdue requests are sent in turns, so that answers are read in between. */
const BURST = 64;

export interface Arrivals {
  /** Gives the first request of a new rate and when it is due. */
  setRate(ratePerSecond: number): { i: number; atMs: number };
  /** Sends what is due by now, without waiting for the timer. */
  pump(): void;
  stop(): void;
  /** How many were handed out. */
  readonly scheduled: number;
}

export interface ArrivalsOptions {
  /** Ms on the clock of the schedule. */
  now: () => number;
  firstMs: number;
  /** Requests due later than this are not sent. */
  untilMs: number;
  onDue: (scheduledMs: number) => void;
  onOver: () => void;
}

/**
 * The open model: calls `onDue` for each request at its time, or as soon after as this process gets to run, whatever became of those before.
 * None is left out: a process that was stopped sends all that fell due meanwhile, with their scheduled times, which is how its own lag shows.
 */
export function createArrivals(opts: ArrivalsOptions): Arrivals {
  let rate: { i: number; atMs: number; ratePerSecond: number } | undefined;
  let next = 0;
  let lastMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let over = false;

  function setRate(ratePerSecond: number): { i: number; atMs: number } {
    // What is overdue still belongs to the old rate.
    sendDue(Number.POSITIVE_INFINITY);
    const atMs = lastMs === undefined ? opts.firstMs : Math.max(opts.now(), lastMs + 1_000 / ratePerSecond);
    rate = { i: next, atMs, ratePerSecond };
    arm();
    return { i: next, atMs };
  }

  /** Sends what is due, `atMost` of them; says whether some may be left. */
  function sendDue(atMost: number): boolean {
    for (let sent = 0; sent < atMost; sent++) {
      if (rate === undefined || over) return false;
      const due = dueMs(rate, next);
      if (due >= opts.untilMs) {
        stop();
        opts.onOver();
        return false;
      }
      if (due > opts.now()) return false;
      next++;
      lastMs = due;
      opts.onDue(due);
    }
    return true;
  }

  function pump(): void {
    // Who is catching up already does it in turns of its own.
    if (rate === undefined || over || immediate !== undefined || dueMs(rate, next) > opts.now()) return;
    onTimer();
  }

  function onTimer(): void {
    immediate = undefined;
    if (sendDue(BURST)) immediate = setImmediate(onTimer);
    else arm();
  }

  function arm(): void {
    clearTimeout(timer);
    if (rate === undefined || over) return;
    // Node's timers know whole milliseconds; one that fired early would cost a second round.
    timer = setTimeout(onTimer, Math.max(1, Math.ceil(dueMs(rate, next) - opts.now())));
  }

  function stop(): void {
    over = true;
    clearTimeout(timer);
    clearImmediate(immediate);
  }

  return {
    setRate,
    pump,
    stop,
    get scheduled() {
      return next;
    },
  };
}
