import { EXIT } from "@holdfast/experiments/exit-codes";

/** An error for the person at the terminal: one sentence that says what to do, and the code to exit with. */
export class CliError extends Error {
  /** Stable, for `-o json` and for tests. */
  readonly code: string;
  readonly exitCode: number;

  constructor(message: string, opts: { code: string; exitCode?: number; cause?: unknown }) {
    super(message, opts.cause === undefined ? {} : { cause: opts.cause });
    this.name = "CliError";
    this.code = opts.code;
    this.exitCode = opts.exitCode ?? EXIT.couldNotRun;
  }
}

/** What was typed cannot be meant. Exit code 2. */
export function usageError(message: string, code = "USAGE"): CliError {
  return new CliError(message, { code, exitCode: EXIT.usage });
}

const FILE_TROUBLE: Record<string, string> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of that path is a file",
  EEXIST: "there is a file of that name",
  EISDIR: "that is a directory",
  ENOENT: "there is no such file or directory",
  EMFILE: "too many files are open",
};

/** What the operating system said about a file, in words: "the disk is full". */
export function fileTrouble(error: unknown): string {
  const code = errorCode(error);
  return (code && FILE_TROUBLE[code]) || messageOf(error);
}

/** The stable code of an error, ours or the operating system's. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/** The sentence of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
