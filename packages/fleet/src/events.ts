import type { Exit } from "./process.ts";

/** What one event carries besides its time. Names follow Kubernetes' words where it has one. */
export type FleetEventBody =
  /** A process was started for this replica: at its birth and at each restart. */
  | {
      type: "replica.starting";
      replica: string;
      version: string;
      pid: number | undefined;
      port: number;
      adminPort: number;
      restarts: number;
    }
  | { type: "replica.ready"; replica: string; version: string; tookMs: number }
  | { type: "replica.unready"; replica: string; version: string; reason: string }
  /** One failed probe; only `failureThreshold` of them in a row have a consequence. */
  | {
      type: "replica.probe-failed";
      replica: string;
      version: string;
      probe: ProbeName;
      reason: string;
      failures: number;
      threshold: number;
    }
  | { type: "replica.startup-failed"; replica: string; version: string; failures: number; reason: string }
  | { type: "replica.liveness-failed"; replica: string; version: string; failures: number; reason: string }
  /** Deleted: its endpoint goes and SIGTERM is sent at this moment, in parallel. */
  | { type: "replica.ending"; replica: string; version: string; reason: EndReason }
  /** The process of a deleted replica has exited; `killed` when the grace ran out and SIGKILL ended it. */
  | { type: "replica.ended"; replica: string; version: string; exit: Exit | undefined; killed: boolean; tookMs: number }
  /** The process of a replica that nobody deleted has exited, at this very moment. */
  | { type: "replica.exited"; replica: string; version: string; exit: Exit; pid: number | undefined }
  /** The kubelet stand-in has seen that exit, up to `exitNoticeMs` later: only now the endpoint goes and a restart is planned. */
  | { type: "replica.exit-noticed"; replica: string; version: string; tookMs: number }
  /** CrashLoopBackOff: the next start waits. */
  | { type: "replica.backoff"; replica: string; version: string; delayMs: number; restarts: number }
  | { type: "replica.restarted"; replica: string; version: string; restarts: number }
  | { type: "replica.signalled"; replica: string; version: string; signal: NodeJS.Signals }
  /** The truth about endpoints changed; the balancer learns it `endpointLagMs` later. */
  | { type: "endpoints"; generation: number; ready: string[]; terminating: string[] }
  /** The balancer now chooses among these for every new connection. */
  | { type: "endpoints.applied"; generation: number; backends: string[] }
  | { type: "scale"; from: number; to: number }
  | { type: "rollout.start"; revision: number; version: string; from: string; rollback: boolean }
  | { type: "rollout.end"; revision: number; version: string; outcome: RolloutOutcome; tookMs: number }
  | { type: "balancer.started"; pid: number; port: number }
  /** Somebody else listens on the Service's port; it is tried again until it is free. */
  | { type: "balancer.port-taken"; message: string }
  | { type: "balancer.exited"; exit: Exit; lastWords: string }
  | { type: "fleet.started"; tookMs: number }
  | { type: "fleet.stopping" }
  | { type: "fleet.stopped"; tookMs: number };

export type ProbeName = "startup" | "readiness" | "liveness";
export type EndReason = "rollout" | "scale" | "stop";
export type RolloutOutcome = "complete" | "deadline" | "aborted" | "superseded" | "stopped" | "failed";

/** `atMs` is `performance.timeOrigin + performance.now()`: milliseconds on a monotonic clock that other processes of this machine share. */
export type FleetEvent = FleetEventBody & { readonly atMs: number };

export type FleetListener = (event: FleetEvent) => void;

/** The clock of all events, in ms: monotonic, and the same in every process of this machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export interface Emitter {
  on(listener: FleetListener): () => void;
  /** @param atMs when it happened, if another process says so; now otherwise */
  emit(event: FleetEventBody, atMs?: number): void;
}

export function createEmitter(): Emitter {
  const listeners = new Set<FleetListener>();
  return {
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    emit(event, atMs = nowMs()) {
      for (const listener of listeners) {
        try {
          listener({ ...event, atMs });
        } catch (error) {
          // A listener's mistake must surface, but not in the middle of ending a replica.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
