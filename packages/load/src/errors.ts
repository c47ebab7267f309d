/** Every way in which this package refuses or breaks off. None of them is a verdict: a run that ends in one of these could not run. */
export type LoadErrorCode =
  /** The plan is not one that can be run. */
  | "LOAD_PLAN_INVALID"
  /** The pass rule is not one that can be judged by. */
  | "LOAD_RULE_INVALID"
  /** The prediction for a control is not one that can be checked. */
  | "LOAD_PREDICTION_INVALID"
  /** Neither the caller nor the ledger says by which rule to judge. */
  | "LOAD_RULE_MISSING"
  /** The ledger file cannot be written: no space, no permission, no such folder. */
  | "LOAD_LEDGER_WRITE"
  /** The ledger file cannot be read, or is not a ledger. */
  | "LOAD_LEDGER_READ"
  /** The agent could not be started, or ended before it was told to. */
  | "LOAD_AGENT_DIED"
  /** The agent did not end in time after it was told to. */
  | "LOAD_AGENT_STUCK"
  /** No answer came from the target in time. */
  | "LOAD_NOT_READY"
  /** The caller's signal broke the run off. */
  | "LOAD_ABORTED";

/** An error that is a sentence for whoever must act, with a stable `code`. */
export class LoadError extends Error {
  readonly code: LoadErrorCode;

  constructor(code: LoadErrorCode, sentence: string, opts: ErrorOptions = {}) {
    super(sentence, opts);
    this.name = "LoadError";
    this.code = code;
  }
}
