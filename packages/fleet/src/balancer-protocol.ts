import type { Endpoint } from "./kube-proxy.ts";

/** What the fleet tells its balancer process. */
export type ToBalancer =
  | { type: "start"; port: number; lagMs: number; linkDelayMs: number; graceMs: number }
  | { type: "endpoints"; generation: number; endpoints: Endpoint[] }
  /** This process must not outlive us. Answered with `watching`; the process runs only then. */
  | { type: "watch"; pid: number }
  | { type: "unwatch"; pid: number }
  | { type: "stop" };

/** What the balancer process tells the fleet. `atMs` as in events. */
export type FromBalancer =
  | { type: "started" }
  | { type: "watching"; pid: number }
  | { type: "applied"; generation: number; backends: string[]; atMs: number }
  | { type: "port-taken"; message: string }
  | { type: "connections"; open: Record<string, number> };
