/**
 * What an experiment may do to the place it runs on. One shape for processes on this machine and for a cluster: an
 * experiment never learns which it is.
 */
import type { System } from "./system.ts";
import type { TargetPlatform } from "./target-platform.ts";

export type TargetName = "fleet" | "kind";
export type ServiceName = "catalogue" | "stock";

export interface Replica {
  readonly service: ServiceName;
  /** Unique in the target's life, a pod's name on a cluster. */
  readonly name: string;
  readonly version: string;
  /** In Kubernetes' words as far as it has one: starting, ready, unready, terminating, backoff ... */
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** Connections that clients hold to it, where the target can tell. */
  readonly connections?: number;
  /** pid of a process, or undefined where there is none to show. */
  readonly pid?: number;
  /** The node and the zone it runs in, where the target has them. */
  readonly node?: string;
  readonly zone?: string;
}

/** A machine that replicas run on, and that an experiment may take away. */
export interface TargetNode {
  readonly name: string;
  readonly zone?: string;
  /** As the control plane sees it: late. */
  readonly ready: boolean;
  readonly schedulable: boolean;
  /** Taken away by `loseNode` and not yet returned. */
  readonly paused: boolean;
}

export interface TargetEvent {
  /** ms of the wall clock that `performance.timeOrigin + performance.now()` gives. */
  readonly atMs: number;
  /** `replica.starting`, `replica.ready`, `replica.ending`, `replica.ended`, `rollout.start`, `scaler.desired`, `node.paused` ... */
  readonly type: string;
  /** Absent where it is about a node. */
  readonly service?: ServiceName;
  readonly replica?: string;
  readonly node?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What POST /faults takes: a fault, its time to live and its parameters. */
export interface FaultRequest {
  readonly fault: string;
  readonly ttlSeconds: number;
  readonly [parameter: string]: string | number | boolean;
}

export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Target {
  readonly name: TargetName;
  /** Where the load goes and which program sends it (absent: the agent of packages/load, here). */
  readonly load: { readonly url: string; readonly command?: readonly string[] };
  /** Brings the system up. Resolves when every replica is ready. */
  start(opts: { signal: AbortSignal }): Promise<void>;
  replicas(service: ServiceName): Promise<readonly Replica[]>;
  /** A new version, replica by replica. Resolves as `rollout status` does: old replicas may still be ending. */
  rollOut(service: ServiceName, opts: { version: string; signal: AbortSignal }): Promise<void>;
  /** Resolves when there are as many replicas of the service as are wanted, by its scaler if it has one, each is ready and none is ending. Throws after `withinMs`. */
  settled(service: ServiceName, opts: { withinMs: number; signal: AbortSignal }): Promise<void>;
  /** Refused where a scaler owns the number. */
  scale(service: ServiceName, replicas: number): Promise<void>;
  /** SIGKILL from outside, without a word. */
  kill(replica: Replica): Promise<void>;
  /** Asks it to end, as Kubernetes does when a pod is deleted; another takes its place. Resolves when it has been asked. */
  end(replica: Replica): Promise<void>;
  /** Those that replicas may run on; none where the target has no nodes. */
  nodes(): Promise<readonly TargetNode[]>;
  /** The node freezes: it answers nobody and nothing on it goes on. */
  loseNode(node: string): Promise<void>;
  /** It goes on where it stopped. */
  returnNode(node: string): Promise<void>;
  fault(replica: Replica, fault: FaultRequest): Promise<void>;
  /** Names of the faults that work on a replica now. */
  faults(replica: Replica): Promise<readonly string[]>;
  clearFaults(replica: Replica): Promise<void>;
  metrics(replica: Replica): Promise<readonly MetricSample[]>;
  /** Where logs are stored, alerts made ...; processes on one machine have none. */
  readonly platform?: TargetPlatform;
  /** One request as a client would send it, through the Service. */
  ask(path: string): Promise<{ status: number; degraded: boolean; servedBy?: string }>;
  on(listener: (event: TargetEvent) => void): () => void;
  /** What ran: `service`, `node`, `kubernetes` ... */
  versions(): Promise<Readonly<Record<string, string>>>;
  /** Undoes what a run may have left: as many replicas as the system says, each alive, no fault. */
  repair(opts: { signal: AbortSignal }): Promise<void>;
  /** Ends what `start` began, or cuts its start short. On a cluster, where others look on, it may leave the system running. */
  stop(): Promise<void>;
  /** After the end: every replica's log is in `logDir`, one file each, when it resolves. */
  collectLogs(): Promise<void>;
}

export interface TargetFactory {
  readonly name: TargetName;
  /** Nothing is started yet. Logs go into `logDir`, which is there and empty; `note` tells whoever watches what was found or takes its time. */
  create(opts: { system: System; logDir: string; note?: (sentence: string) => void }): Promise<Target>;
}
