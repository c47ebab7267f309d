export type { Closeable } from "./drain.ts";
export type { LifecycleError, LifecycleErrorCode } from "./errors.ts";
export type {
  CrashEvent,
  DrainPhase,
  ExitEvent,
  LifecycleEvent,
  LifecycleListener,
  ListeningEvent,
  PhaseEndEvent,
  PhaseStartEvent,
  SignalEvent,
  StateEvent,
} from "./events.ts";
export { createLifecycle } from "./lifecycle.ts";
export type { Lifecycle } from "./lifecycle.ts";
export type { LifecycleOptions } from "./options.ts";
export { createProbeHandler } from "./probe-handler.ts";
export type { RunOptions } from "./run.ts";
export type { ServerOptions } from "./servers.ts";
export { PROBES } from "./state.ts";
export type { LifecycleState, ProbeName, ProbeResult, ProbeStatus } from "./state.ts";
