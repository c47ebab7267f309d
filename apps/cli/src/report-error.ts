import { EXIT } from "@holdfast/experiments/exit-codes";
import { CommanderError } from "commander";
import { CliError, errorCode, messageOf } from "./cli-error.ts";
import { createPaint } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

/** The stable codes of other rooms that do not mean "could not run". */
const EXIT_OF_CODE: Record<string, number> = {
  EXPERIMENT_UNKNOWN: EXIT.usage,
  BAD_OPTIONS: EXIT.usage,
  ABORTED: EXIT.interrupted,
  INTERRUPTED: EXIT.interrupted,
};

/** Says one sentence about an error on stderr, and returns the exit code. The stack shows only when asked for. */
export function reportError(thrown: unknown, opts: { terminal: Pick<Terminal, "stderr">; verbose: boolean }): number {
  // When the clean-up fails as well, what was wrong first is what must be known.
  const error: unknown = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
  // Help and version have been printed.
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  const { stderr } = opts.terminal;
  const tail = isForeseen(error) || opts.verbose ? "" : " (This was not foreseen: --verbose shows where it came from.)";
  stderr.write(`${createPaint(stderr)("bad", "holdfast:")} ${sentenceOf(error)}${tail}\n`);
  if (opts.verbose && error instanceof Error) stderr.write(`${stackOf(error)}\n`);
  return exitCodeOfError(error);
}

function exitCodeOfError(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (isAbort(error)) return EXIT.interrupted;
  return EXIT_OF_CODE[errorCode(error) ?? ""] ?? EXIT.couldNotRun;
}

/** Ours, or of another room: those have a stable code and a sentence for people. Node's own have neither. */
function isForeseen(error: unknown): boolean {
  if (error instanceof CliError || isAbort(error)) return true;
  const code = errorCode(error);
  return (
    code !== undefined &&
    /^[A-Z]+(_[A-Z]+)*$/.test(code) &&
    !code.startsWith("ERR_") &&
    !(error instanceof Error && "syscall" in error)
  );
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function sentenceOf(error: unknown): string {
  if (isAbort(error)) return "Interrupted.";
  const hint = error instanceof Error && "hint" in error && typeof error.hint === "string" ? ` ${error.hint}` : "";
  return `${messageOf(error)}${hint}`;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
