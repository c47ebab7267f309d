import type { LifecycleOptions } from "../options.ts";

/** What the test program is told on its command line. */
export interface ProgramPlan {
  readonly lifecycle?: LifecycleOptions;
  /** `hang`: start-up work that never ends; `fail`: that fails. */
  readonly prepare?: "hang" | "fail";
  /** A dependency, or telemetry, that never closes. */
  readonly hangingClose?: boolean;
  readonly hangingFlush?: boolean;
  readonly ignoreSignals?: boolean;
  /** A listener that throws at every event. */
  readonly brokenListener?: boolean;
}
