import type { Telemetry } from "@holdfast/telemetry";
import type { Request } from "express";

/** An error of ours that a request met: the client learns nothing of it, so the log must. */
export function reportErrors({ log }: Pick<Telemetry, "log">): (error: unknown, req: Request) => void {
  return function report(error, req) {
    log.error(
      { "event.name": "request.error", err: error, "http.request.method": req.method },
      "a request failed by an error of this service",
    );
  };
}
