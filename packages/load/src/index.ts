export { LoadError, type LoadErrorCode } from "./errors.ts";
export { judge } from "./judge.ts";
export {
  FAILED_FATES,
  isFailed,
  LEDGER_SCHEMA_VERSION,
  type ClockRecord,
  type ConnectionKind,
  type FailedFate,
  type Fate,
  type Ledger,
  type LedgerEnd,
  type LedgerEvent,
  type LedgerHeader,
  type LedgerLine,
  type LedgerSeal,
  type RateRecord,
  type RequestRecord,
  type SocketRecord,
  type Spread,
} from "./ledger.ts";
export { readLedger } from "./ledger-reader.ts";
export { startLoad, type LoadOptions, type LoadRun, type MarkOptions } from "./load-run.ts";
export { parsePlan, type LoadPlan, type RequestKind, type ResolvedPlan } from "./plan.ts";
export {
  checkPrediction,
  matchesPrediction,
  MOST_STRAYS,
  type Prediction,
  type PredictionMatch,
} from "./prediction.ts";
export {
  parseRule,
  type DeadlineRule,
  type DegradedRule,
  type FailureBound,
  type PassRule,
  type SpanBound,
  type WindowRule,
} from "./rule.ts";
export { measureScheduleError, type ScheduleError } from "./schedule-error.ts";
export { type LoadStats } from "./stats.ts";
export { createTraceIds } from "./trace-ids.ts";
export { type FaultWindow, type Verdict, type VerdictCode } from "./verdict.ts";
