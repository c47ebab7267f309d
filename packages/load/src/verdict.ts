import type { ConnectionKind, FailedFate, Spread } from "./ledger.ts";

/** Which check decided. Stable. */
export type VerdictCode =
  | "pass"
  // FAIL
  | "failures"
  | "failures-over-bound"
  | "failures-too-late"
  | "failures-outside-windows"
  | "degraded-outside-windows"
  | "deadline-missed"
  // INVALID
  | "ledger-damaged"
  | "voided"
  | "plan-not-as-ruled"
  | "clock-uncertain"
  | "schedule-lag"
  | "generator-limit"
  | "no-fault"
  | "fault-not-as-ruled"
  | "window-unclosed"
  | "baseline-short"
  | "baseline-unhealthy"
  | "after-short"
  | "too-few-sent"
  | "too-few-in-windows"
  | "too-few-sockets"
  | "victim-without-sockets"
  | "fault-without-effect";

/** A time in which the fault worked. */
export interface FaultWindow {
  name: string;
  subject?: string;
  fromMs: number;
  toMs: number;
  /** Nothing closed it; it was taken to last until the ledger's end. */
  unclosed?: true;
  /** Requests scheduled inside. */
  scheduled: number;
  /** Failed ones that were under way at some time inside. */
  failed: number;
  degraded: number;
}

export interface Verdict {
  verdict: "PASS" | "FAIL" | "INVALID";
  code: VerdictCode;
  /** One sentence. */
  reason: string;
  /** What to do or to look at next. */
  hint: string;
  /** Every check that did not hold, the deciding one first; empty for PASS. */
  findings: { code: VerdictCode; reason: string }[];
  sent: number;
  answered: number;
  degraded: number;
  failed: {
    total: number;
    byFate: Record<FailedFate, number>;
    byConnection: Record<ConnectionKind, number>;
    /** How many the rule allows. */
    allowed: number;
    /** End of the last one, ms since the ledger's epoch. */
    lastMs?: number;
  };
  /** From the first to the last scheduled request. */
  seconds: number;
  /** Requests scheduled while at least one window was open, and how long that was in all. */
  sentDuringFault: number;
  faultSeconds: number;
  baseline: { seconds: number; sent: number };
  windows: FaultWindow[];
  victims: { subject: string; atMs: number; sockets: number }[];
  /** `decided`: the load went on long enough to tell. */
  deadlines: {
    name: string;
    subject?: string;
    withinMs: number;
    tookMs?: number;
    met: boolean;
    decided: boolean;
    /** Why it did not happen, where an event tells: a part of a sentence. */
    because?: string;
  }[];
  /** Persistent sockets open when the evidence starts. */
  persistentSockets: number;
  /** From the scheduled time, answered and degraded ones only. */
  latency: Spread;
  /** Of all requests, failed ones included. */
  slowestMs: number;
  /** The generator's own. */
  scheduleLag: Spread;
}
