/** What a lifecycle tells: typed events, which the application binds to its own logs and metrics. */

import type { LifecycleState } from "./state.ts";

/** The phases of a drain, in the order in which they run; `ship` only where it has time. */
export type DrainPhase = "lag" | "announce" | "drain" | "close" | "flush" | "ship";

export interface StateEvent {
  readonly type: "state";
  readonly from: LifecycleState;
  readonly to: LifecycleState;
  readonly reason: string;
}

export interface ListeningEvent {
  readonly type: "listening";
  readonly server: "public" | "admin";
  readonly host: string;
  readonly port: number;
}

export interface PhaseStartEvent {
  readonly type: "phase";
  readonly phase: DrainPhase;
  readonly at: "start";
  readonly deadlineMs: number;
  /** Public requests that have no complete answer yet. */
  readonly inFlight: number;
  /** Open public sockets. */
  readonly connections: number;
}

export interface PhaseEndEvent {
  readonly type: "phase";
  readonly phase: DrainPhase;
  readonly at: "end";
  readonly tookMs: number;
  /** `deadline`: something was left when the time was over. Normal for announce (a client sat idle), a loss for the others. */
  readonly outcome: "done" | "deadline";
  /** What was left at that moment; in phase `drain` with outcome `deadline` this is what was cut. */
  readonly inFlight: number;
  readonly connections: number;
  /** One sentence for each thing that went wrong: requests that were cut, parts that did not close. Mostly empty. */
  readonly problems: readonly string[];
}

export interface SignalEvent {
  readonly type: "signal";
  readonly signal: "SIGTERM" | "SIGINT";
  /** Not the first one. At least 1 s after the first it ends the process at once, earlier it is ignored. */
  readonly repeated: boolean;
}

export interface CrashEvent {
  readonly type: "crash";
  readonly error: unknown;
  readonly origin: "uncaughtException" | "unhandledRejection";
}

export interface ExitEvent {
  readonly type: "exit";
  readonly code: number;
  readonly reason: string;
}

export type LifecycleEvent =
  | StateEvent
  | ListeningEvent
  | PhaseStartEvent
  | PhaseEndEvent
  | SignalEvent
  | CrashEvent
  | ExitEvent;

export type LifecycleListener = (event: LifecycleEvent) => void;
