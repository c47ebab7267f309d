/**
 * What can go wrong around an experiment, apart from its verdict. Every sentence says what was tried, what was found
 * and what to do; the code is stable, the wording is not.
 */
export type ExperimentErrorCode =
  /** The experiment's file breaks a rule of the lab; thrown when it is defined. */
  | "EXPERIMENT_REFUSED"
  /** No experiment or no control of that name. */
  | "EXPERIMENT_UNKNOWN"
  /** The experiment does not run on this target. */
  | "TARGET_UNSUITED"
  /** The target could not be brought up or did what nobody asked for. */
  | "TARGET_FAILED"
  /** The load could not be started. */
  | "LOAD_FAILED"
  /** Results cannot be written: no permission, no space, no directory. */
  | "OUT_UNWRITABLE"
  /** The run was interrupted; the sentence says whether the rollback was verified. */
  | "INTERRUPTED";

export class ExperimentError extends Error {
  readonly code: ExperimentErrorCode;
  /** What to do about it, where the sentence does not say so itself. */
  readonly hint: string | undefined;

  constructor(code: ExperimentErrorCode, message: string, opts: { hint?: string; cause?: unknown } = {}) {
    super(message, opts.cause === undefined ? undefined : { cause: opts.cause });
    this.name = "ExperimentError";
    this.code = code;
    this.hint = opts.hint;
  }
}

/** A sentence out of anything that was thrown, without its full stop. */
export function sentenceOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}
