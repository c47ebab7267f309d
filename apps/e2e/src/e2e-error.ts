import { EXIT } from "@holdfast/experiments/exit-codes";

/** One sentence for the person at the terminal, and the code to exit with. */
export class E2eError extends Error {
  readonly exitCode: number;

  constructor(message: string, opts: { exitCode?: number; cause?: unknown } = {}) {
    super(message, opts.cause === undefined ? {} : { cause: opts.cause });
    this.name = "E2eError";
    this.exitCode = opts.exitCode ?? EXIT.couldNotRun;
  }
}

/** The sentence of whatever was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
