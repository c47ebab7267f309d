import type { RequestHandler } from "express";

import { Problem } from "../problem.ts";
import type { Disturbance } from "./effects.ts";

/** With faults enabled, and only then, a request may ask for its own delay: whole ms, at most the longest request. */
const DELAY_HEADER = "x-fault-delay-ms";

/** Makes requests wait and fail as the faults, or the request itself, ask for. */
export function disturbRequests(disturbance: Readonly<Disturbance>, opts: { longestDelayMs: number }): RequestHandler {
  return function disturbRequest(req, res, next) {
    const asked = disturbance.delayMs + askedDelayMs(req.headers[DELAY_HEADER]);
    const delayMs = Math.min(asked, opts.longestDelayMs);
    if (delayMs === 0) {
      goOn();
      return;
    }
    const timer = setTimeout(goOn, delayMs);
    res.once("close", () => clearTimeout(timer));

    function goOn(): void {
      const fails = disturbance.errorRatio > 0 && Math.random() < disturbance.errorRatio;
      if (fails) next(new Problem("FAULT_INJECTED", "The fault error-rate is switched on."));
      else next();
    }
  };
}

function askedDelayMs(header: string | string[] | undefined): number {
  return typeof header === "string" && /^\d{1,9}$/.test(header) ? Number(header) : 0;
}

/** What the fault dependency-failure does to an attempt at the upstream. */
export function disturbUpstream(disturbance: Readonly<Disturbance>): (signal: AbortSignal) => Promise<void> {
  return async function disturbAttempt(signal) {
    if (disturbance.upstream === "error") throw new Error("the fault dependency-failure is switched on");
    if (disturbance.upstream === "hang") {
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    }
  };
}
