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
  readonly name: "rollback" | "nodes" | "replicas" | "faults" | "platform" | "traffic";
  readonly ok: boolean;
  readonly found: string;
}

/** A run that was INVALID, after which it was run once more. */
export interface EarlierAttempt {
  readonly verdict: "INVALID";
  readonly reason: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly files: RunResult["files"];
}

/** A figure beside the verdict, out of the ledger. */
export interface Measured {
  /** Of the ledger's event. */
  readonly name: string;
  /** A part of a sentence. */
  readonly said: string;
  readonly [field: string]: unknown;
}

/** packages/load's verdict, with what only the lab knows. */
export interface Figures extends Verdict {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly rollback: RollbackReport;
  /** Figures that the method has brought, in the order in which it did. */
  readonly measured?: readonly Measured[];
  /** How often it was run; there only where that was more than once, since only what was INVALID is repeated. */
  readonly attempts?: number;
  readonly earlier?: readonly EarlierAttempt[];
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

/** A sentence about the attempts before this one; undefined where there were none. */
export function attemptWords({
  earlier = [],
}: {
  readonly earlier?: readonly { readonly reason: string }[];
}): string | undefined {
  if (earlier.length === 0) return undefined;
  const before = earlier.map(({ reason }, index) => `attempt ${index + 1} was INVALID (${reason.replace(/\.$/, "")})`);
  return `${before.join(", ").replace(/^a/, "A")}, so this is attempt ${earlier.length + 1}.`;
}
