/** What a run tells whoever watches it. */
import type { LoadStats } from "@holdfast/load";
import type { RunResult } from "./result.ts";
import type { Replica, TargetEvent } from "./target.ts";

export type Phase = "start" | "sockets" | "baseline" | "method" | "settle" | "rollback" | "verdict";

export type Progress =
  | {
      readonly type: "run";
      readonly id: string;
      readonly title: string;
      readonly hypothesis: string;
      readonly control?: { readonly name: string; readonly because: string; readonly change: string };
    }
  | { readonly type: "phase"; readonly phase: Phase; readonly sentence: string; readonly elapsedMs: number }
  | {
      readonly type: "tick";
      readonly stats: LoadStats;
      readonly replicas: readonly Replica[];
      readonly elapsedMs: number;
    }
  | { readonly type: "event"; readonly event: TargetEvent; readonly sentence: string; readonly elapsedMs: number }
  | { readonly type: "mark"; readonly name: string; readonly sentence: string; readonly elapsedMs: number }
  | { readonly type: "result"; readonly result: RunResult }
  /** The result was INVALID, and it is run once more. `attempt` is the one that begins, of at most `attempts`. */
  | { readonly type: "again"; readonly result: RunResult; readonly attempt: number; readonly attempts: number };
