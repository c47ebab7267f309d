/** Faults that are switched on for a while, to see what holds. They exist only where `FAULTS_ENABLED` says so. */
import type { RequestHandler } from "express";

import type { Route } from "../http/route.ts";
import { Problem } from "../problem.ts";
import type { ActiveFault, FaultName, FaultRequest } from "../schemas/fault.ts";
import { disturbRequests, disturbUpstream } from "./disturb.ts";
import { manageFaults } from "./routes.ts";
import { effects, type Disturbance, type Effect, type FaultTarget } from "./effects.ts";

export interface FaultEvent {
  fault: FaultName;
  active: boolean;
  reason: "started" | "expired" | "cleared" | "replaced";
}

export interface Faults {
  readonly disturbance: Readonly<Disturbance>;
  /** `/faults` of the admin port. */
  readonly routes: readonly Route[];
  /** For the API: makes requests wait and fail. */
  readonly disturbRequest: RequestHandler;
  /** For clients of upstreams: makes an attempt fail, or hang until its signal is aborted. */
  readonly disturbAttempt: (signal: AbortSignal) => Promise<void>;
  on(listener: (event: FaultEvent) => void): void;
  /** Switches a fault on, in the place of one of the same name. Throws `CONFLICT` where it cannot work. */
  start(request: FaultRequest): ActiveFault;
  list(): ActiveFault[];
  /** Switches one fault off, or all. */
  clear(fault?: FaultName): void;
  /** Start-up that takes longer; ends early when the signal is aborted. */
  slowStart(ms: number, signal: AbortSignal): Promise<void>;
}

interface Running {
  request: FaultRequest;
  endsAtMs: number;
  timer: NodeJS.Timeout;
  undo: () => void;
}

export interface FaultsOptions extends FaultTarget {
  hasUpstream: boolean;
  /** No request is made to wait for longer. */
  longestDelayMs: number;
}

export function createFaults(opts: FaultsOptions): Faults {
  const disturbance: Disturbance = { delayMs: 0, errorRatio: 0, upstream: undefined, ignoreSignals: false };
  const running = new Map<FaultName, Running>();
  const listeners: ((event: FaultEvent) => void)[] = [];

  function emit(event: FaultEvent): void {
    for (const listener of listeners) listener(event);
  }

  function end(fault: FaultName, reason: "expired" | "cleared" | "replaced"): void {
    const found = running.get(fault);
    if (found === undefined) return;
    running.delete(fault);
    clearTimeout(found.timer);
    found.undo();
    emit({ fault, active: false, reason });
  }

  function begin(request: FaultRequest): () => void {
    if (request.fault === "slow-start") {
      throw new Problem(
        "CONFLICT",
        "This replica has started already: set FAULT_SLOW_START_SECONDS and start another.",
      );
    }
    if (request.fault === "dependency-failure" && !opts.hasUpstream) {
      throw new Problem("CONFLICT", "This replica has no upstream: STOCK_URL is not set.");
    }
    const effect = effects[request.fault] as Effect<FaultName>;
    return effect(request, { target: opts, disturbance });
  }

  function describe({ request, endsAtMs }: Running): ActiveFault {
    return { ...request, remainingSeconds: Math.max(0, Math.round(endsAtMs - performance.now()) / 1000) };
  }

  const faults: Faults = {
    disturbance,
    routes: [],
    disturbRequest: disturbRequests(disturbance, opts),
    disturbAttempt: disturbUpstream(disturbance),
    on: (listener) => void listeners.push(listener),
    start(request) {
      const { fault, ttlSeconds } = request;
      end(fault, "replaced");
      const undo = begin(request);
      const timer = setTimeout(end, ttlSeconds * 1000, fault, "expired").unref();
      const started = { request, endsAtMs: performance.now() + ttlSeconds * 1000, timer, undo };
      running.set(fault, started);
      emit({ fault, active: true, reason: "started" });
      return describe(started);
    },
    list: () => [...running.values()].map(describe),
    clear(fault) {
      for (const name of fault === undefined ? [...running.keys()] : [fault]) end(name, "cleared");
    },
    async slowStart(ms, signal) {
      if (ms === 0) return;
      emit({ fault: "slow-start", active: true, reason: "started" });
      await waitUntil(ms, signal);
      emit({ fault: "slow-start", active: false, reason: "expired" });
    },
  };
  return { ...faults, routes: manageFaults(faults) };
}

function waitUntil(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(function wait(resolve) {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", function onAbort() {
      clearTimeout(timer);
      resolve();
    });
  });
}
