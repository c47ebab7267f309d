/** What `start` knows at one moment, as data: the live block, the plain lines and `status` are drawn from it alone. */
export interface Snapshot {
  name: string;
  url: string;
  pid: number;
  phase: "starting" | "running" | "stopping";
  upMs: number;
  /** Between a client and a replica, one way: what loopback lacks and every answer's time contains twice. */
  linkDelayMs: number;
  services: ServiceSnapshot[];
  load: LoadSnapshot;
  /** What just happened, the newest last. */
  happenings: Happening[];
}

export interface ServiceSnapshot {
  name: string;
  /** How many there should be. */
  wanted: number;
  /** What was done to it on purpose, in words: "broken by you". */
  note?: string | undefined;
  replicas: ReplicaSnapshot[];
}

export interface ReplicaSnapshot {
  name: string;
  state: string;
  version: string;
  pid?: number;
  port?: number;
  adminPort?: number;
  /** Open connections through the balancer. */
  connections?: number;
  restarts: number;
  /** What it says it has answered since its process started; somebody's own requests count as well. */
  requests: number;
}

export interface LoadSnapshot {
  /** What is asked for. */
  ratePerSecond: number;
  /** What was sent, per second over the last seconds. */
  sentPerSecond: number;
  sent: number;
  answered: number;
  degraded: number;
  failed: { total: number; byFate: Record<string, number>; byConnection: Record<string, number> };
  /** Of the last seconds, counted from the moment each request was due. */
  p50Ms?: number;
  p99Ms?: number;
  /** One entry a second, the newest last. */
  seconds: SecondSnapshot[];
}

export interface SecondSnapshot {
  sent: number;
  degraded: number;
  failed: number;
}

export interface Happening {
  /** On the clock of `upMs`. */
  atMs: number;
  text: string;
  tone: "good" | "warn" | "bad" | "plain";
}

/** Whether a state takes traffic, is on its way, or is in trouble. */
export function toneOfState(state: string): "good" | "warn" | "bad" {
  switch (state) {
    case "ready":
      return "good";
    case "starting":
    case "shedding":
    case "terminating":
      return "warn";
    default:
      return "bad";
  }
}
