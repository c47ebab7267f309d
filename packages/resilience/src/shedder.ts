/** Load shedding by event-loop utilisation: what cannot be served in time is refused while refusing is still cheap. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createAdmission } from "./admission.ts";
import { checkedNumber, ResilienceError } from "./errors.ts";
import { createEmitter } from "./events.ts";

export interface ShedderOptions {
  /** Event-loop utilisation (0..1, share of the interval in which the loop was busy) above which load is shed. 1 = never. */
  shedAbove: number;
  /** Utilisation below which it is taken back. Between the two nothing changes: that gap is the hysteresis. */
  resumeBelow: number;
  /** Interval over which utilisation is measured, in ms. */
  intervalMs: number;
  /** Intervals in a row above `shedAbove` before shedding begins, 2: one long garbage collection is not overload. */
  sustainedIntervals?: number;
  /** An interval above `shedAbove` multiplies the admitted share of requests by this, 0.5. */
  shrinkFactor?: number;
  /** An interval below `resumeBelow` adds this to the admitted share, 0.1. */
  growStep?: number;
  /** The admitted share never falls below this, 0.05: a loop kept busy by anything but requests still serves somebody. */
  minShare?: number;
  /** Seconds in Retry-After, 1; each answer says this to twice this, so that the refused do not return together. */
  retryAfterSeconds?: number;
}

export type ShedderEvent =
  /** One interval has passed. `utilization` is that of the interval, `admitted` the share of requests let in from now on. */
  | { type: "interval"; utilization: number; admitted: number }
  /** Shedding has begun or ended. */
  | { type: "state"; shedding: boolean; utilization: number }
  /** One request was refused. */
  | { type: "shed"; utilization: number; admitted: number };

export interface ShedMiddlewareOptions {
  /** Requests that are never refused: probes and /metrics, where they share the port with the API. */
  exempt?: (req: IncomingMessage) => boolean;
  /** Members of the problem document (RFC 9457) to add or replace. */
  problem?: Record<string, unknown>;
}

/** Fits Express, Connect and plain node:http. */
export type ShedMiddleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

export interface Shedder {
  /** True while a share of the requests is being refused. */
  readonly shedding: boolean;
  /** Event-loop utilisation of the last whole interval, 0..1. */
  readonly utilization: number;
  /** Share of requests that is let in, 0..1. */
  readonly admitted: number;
  on(listener: (event: ShedderEvent) => void): () => void;
  /** Answers 503 + Retry-After with a problem document, or calls `next`. Mount it before anything that reads the body. */
  middleware(opts?: ShedMiddlewareOptions): ShedMiddleware;
  /** Ends the measuring; the middleware lets everything in from then on. */
  stop(): void;
}

/**
 * Starts measuring. While overloaded, the admitted share of requests is halved each interval until utilisation falls
 * below `shedAbove`, and grows back by tenths below `resumeBelow`: additive increase, multiplicative decrease, as TCP
 * shares a link. Refusing everything instead empties the loop within one interval and calls the flood back in the next.
 *
 * @throws ResilienceError `INVALID_OPTION`
 */
export function createShedder(opts: ShedderOptions): Shedder {
  const options = checkedOptions(opts);
  const { retryAfterSeconds } = options;
  const emitter = createEmitter<ShedderEvent>();
  const admission = createAdmission(options);
  let utilization = 0;
  let previous = performance.eventLoopUtilization();

  function measure(): void {
    const now = performance.eventLoopUtilization();
    utilization = performance.eventLoopUtilization(now, previous).utilization;
    previous = now;
    const changed = admission.update(utilization);
    emitter.emit({ type: "interval", utilization, admitted: admission.share });
    if (changed) emitter.emit({ type: "state", shedding: admission.shedding, utilization });
  }
  const timer = setInterval(measure, options.intervalMs).unref();

  function middleware(middlewareOpts: ShedMiddlewareOptions = {}): ShedMiddleware {
    const { exempt = () => false, problem } = middlewareOpts;
    const body = JSON.stringify({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "This replica has more to do than it can answer in time. Try again after the time in Retry-After.",
      code: "OVERLOADED",
      ...problem,
    });

    return function shed(req, res, next) {
      if (!admission.shedding || exempt(req) || admission.admit()) return next();
      emitter.emit({ type: "shed", utilization, admitted: admission.share });
      const seconds = Math.ceil(retryAfterSeconds * (1 + Math.random()));
      res.writeHead(503, {
        "content-type": "application/problem+json",
        "content-length": Buffer.byteLength(body),
        "retry-after": String(seconds),
        // A cache between must not hand one replica's overload to everybody.
        "cache-control": "no-store",
      });
      res.end(body);
    };
  }

  function stop(): void {
    clearInterval(timer);
    if (admission.reset()) emitter.emit({ type: "state", shedding: false, utilization });
  }

  return {
    get shedding() {
      return admission.shedding;
    },
    get utilization() {
      return utilization;
    },
    get admitted() {
      return admission.share;
    },
    on: emitter.on,
    middleware,
    stop,
  };
}

function checkedOptions(opts: ShedderOptions): Required<ShedderOptions> {
  const { shedAbove, resumeBelow } = opts;
  checkedNumber("shedAbove", shedAbove, { min: 0, max: 1 });
  checkedNumber("resumeBelow", resumeBelow, { min: 0, max: 1 });
  if (resumeBelow > shedAbove) {
    throw new ResilienceError(
      "INVALID_OPTION",
      `resumeBelow is ${resumeBelow} and shedAbove ${shedAbove}: set resumeBelow lower, or shedding begins and ends at once.`,
    );
  }
  return {
    shedAbove,
    resumeBelow,
    intervalMs: checkedNumber("intervalMs", opts.intervalMs, { min: 10, max: 60_000 }),
    sustainedIntervals: checkedNumber("sustainedIntervals", opts.sustainedIntervals ?? 2, {
      min: 1,
      max: 1_000,
      integer: true,
    }),
    shrinkFactor: checkedNumber("shrinkFactor", opts.shrinkFactor ?? 0.5, { min: 0, max: 0.99 }),
    growStep: checkedNumber("growStep", opts.growStep ?? 0.1, { min: 0.01, max: 1 }),
    minShare: checkedNumber("minShare", opts.minShare ?? 0.05, { min: 0, max: 0.5 }),
    retryAfterSeconds: checkedNumber("retryAfterSeconds", opts.retryAfterSeconds ?? 1, { min: 1, max: 3_600 }),
  };
}
