/** What a run leaves behind. Its figures can be recomputed from the ledger that stands beside it. */
import type { Verdict } from "@holdfast/load";
import type { ControlPrediction } from "./experiment.ts";
import type { LeafChange } from "./system.ts";
import type { TargetName } from "./target.ts";

export type VerdictWord = Verdict["verdict"];

/** Seen after every run: a rollback that cannot show these did not happen. */
export interface RollbackReport {
  readonly verified: boolean;
  /** One sentence. */
  readonly reason: string;
  readonly checks: readonly RollbackCheck[];
  readonly seconds: number;
}

export interface RollbackCheck {
  readonly name: "rollback" | "nodes" | "replicas" | "faults" | "traffic";
  readonly ok: boolean;
  readonly found: string;
}

/** packages/load's verdict, with what only the lab knows. */
export interface Figures extends Verdict {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly rollback: RollbackReport;
}

export interface ControlReport {
  readonly name: string;
  readonly because: string;
  readonly change: LeafChange;
  readonly predict: ControlPrediction;
  /** FAIL, and every failure where, when and of the kind that was predicted. */
  readonly asPredicted: boolean;
  readonly expected: "FAIL";
}

export interface ControlFigures extends Figures, ControlReport {}

export interface RunResult extends Figures {
  readonly schemaVersion: 1;
  readonly id: string;
  readonly title: string;
  readonly hypothesis: string;
  /** The pass rule in words. */
  readonly rule: string;
  readonly target: TargetName;
  readonly versions: Readonly<Record<string, string>>;
  /** Set when this run *is* a control: FAIL as predicted, INVALID when it failed otherwise, PASS when it did not fail. */
  readonly ran?: ControlReport;
  /** The experiment's first control, once it has run. */
  readonly control?: ControlFigures;
  /** All its controls that have run, the first included. */
  readonly controls?: readonly ControlFigures[];
  /** File names beside this one. */
  readonly files: { readonly result: string; readonly ledger: string; readonly page: string; readonly logs: string };
}

/** What `./holdfast run` exits with: 0 PASS, 1 FAIL, 3 INVALID. */
export function exitCodeOf(result: Pick<RunResult, "verdict">): 0 | 1 | 3 {
  switch (result.verdict) {
    case "PASS":
      return 0;
    case "FAIL":
      return 1;
    case "INVALID":
      return 3;
  }
}
