/** What each fault does to the process. An effect begins when it is called and ends by the function that it returns. */
import type { Lifecycle } from "@holdfast/lifecycle";

import type { Fault, FaultName } from "../schemas/fault.ts";

/** The parts of the service that faults act upon. */
export interface FaultTarget {
  lifecycle: Pick<Lifecycle, "setUnready">;
  /** Ends the process. */
  exit(code: number): void;
}

/** What faults do to requests, attempts and signals, which ask here each time. */
export interface Disturbance {
  delayMs: number;
  errorRatio: number;
  upstream: "error" | "hang" | undefined;
  ignoreSignals: boolean;
}

export type Effect<Name extends FaultName> = (
  fault: Fault<Name>,
  on: { target: FaultTarget; disturbance: Disturbance },
) => () => void;

/** The answer to the request that switches a fault on leaves before a fault that would keep it from leaving. */
const ANSWER_MS = 20;
/** Short beside a second, so that the burn is even; long beside a timer's own millisecond. */
const BURN_SLICE_MS = 50;
const LEAK_STEP_MS = 100;
const MEBIBYTE = 1_048_576;

export const effects: { [Name in Exclude<FaultName, "slow-start">]: Effect<Name> } = {
  latency({ delayMs }, { disturbance }) {
    disturbance.delayMs = delayMs;
    return () => void (disturbance.delayMs = 0);
  },

  "error-rate"({ ratio }, { disturbance }) {
    disturbance.errorRatio = ratio;
    return () => void (disturbance.errorRatio = 0);
  },

  "readiness-off"(_fault, { target }) {
    target.lifecycle.setUnready("fault", "readiness-off is switched on");
    return () => target.lifecycle.setUnready("fault", undefined);
  },

  "event-loop-block"({ ttlSeconds, stallMs = ttlSeconds * 1000, pauseMs }) {
    const endsAtMs = performance.now() + ttlSeconds * 1000;
    function stall(): void {
      // Sleeps: a loop that is stuck need not be busy. The last stall ends with the fault.
      sleepBlocking(Math.min(stallMs, endsAtMs - performance.now()));
      timer = setTimeout(stall, pauseMs);
    }
    let timer = setTimeout(stall, ANSWER_MS);
    return () => clearTimeout(timer);
  },

  "cpu-burn"({ share }) {
    function burn(): void {
      const endsAtMs = performance.now() + BURN_SLICE_MS * share;
      while (performance.now() < endsAtMs);
      timer = setTimeout(burn, BURN_SLICE_MS * (1 - share));
    }
    let timer = setTimeout(burn, 0);
    return () => clearTimeout(timer);
  },

  "memory-leak"({ mebibytesPerSecond, limitMebibytes }) {
    const leaked: Buffer[] = [];
    let bytes = 0;
    const timer = setInterval(function leak() {
      const step = Math.min(mebibytesPerSecond * MEBIBYTE * (LEAK_STEP_MS / 1000), limitMebibytes * MEBIBYTE - bytes);
      if (step < 1) return;
      // Filled, since pages that nobody touched are no memory.
      leaked.push(Buffer.alloc(step, 1));
      bytes += step;
    }, LEAK_STEP_MS);
    return () => {
      clearInterval(timer);
      leaked.length = 0;
    };
  },

  exit({ how, code }, { target }) {
    const timer = setTimeout(function end() {
      if (how === "exit") target.exit(code);
      else if (how === "rejection") void Promise.reject(new Error("fault exit: a rejection that nobody handles"));
      else throw new Error("fault exit: an error that nobody catches");
    }, ANSWER_MS);
    return () => clearTimeout(timer);
  },

  "dependency-failure"({ how }, { disturbance }) {
    disturbance.upstream = how;
    return () => void (disturbance.upstream = undefined);
  },

  "ignore-sigterm"(_fault, { disturbance }) {
    disturbance.ignoreSignals = true;
    return () => void (disturbance.ignoreSignals = false);
  },
};

function sleepBlocking(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, ms));
}
