import type { Lifecycle } from "@holdfast/lifecycle";
import type { Telemetry } from "@holdfast/telemetry";
import type { Express, Request } from "express";

import type { Faults } from "../faults/faults.ts";
import { createApp } from "../http/app.ts";
import { answerMetrics } from "./metrics.ts";
import { answerProbes } from "./probes.ts";

export interface AdminOptions {
  lifecycle: Pick<Lifecycle, "probe">;
  telemetry: Pick<Telemetry, "render">;
  /** Absent where faults are off: then there is nothing at `/faults`. */
  faults?: Pick<Faults, "routes"> | undefined;
  onError?: (error: unknown, req: Request) => void;
}

/** A fault is a few short fields. */
const BODY_LIMIT_BYTES = 4_096;

/** The admin port: for the kubelet, Prometheus and experiments, never for clients. Not counted, traced, shed or logged. */
export function createAdmin({ lifecycle, telemetry, faults, onError }: AdminOptions): Express {
  return createApp({
    routes: [...answerProbes(lifecycle), answerMetrics(telemetry), ...(faults?.routes ?? [])],
    bodyLimitBytes: BODY_LIMIT_BYTES,
    ...(onError && { onError }),
  });
}
