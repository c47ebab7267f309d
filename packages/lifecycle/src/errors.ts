/** Every error of this package: a sentence for the person who must act, and a code that stays. */

export type LifecycleErrorCode =
  | "INVALID_OPTIONS"
  | "ALREADY_RUN"
  | "PREPARE_FAILED"
  | "PORT_TAKEN"
  | "PORT_FORBIDDEN"
  | "HOST_UNAVAILABLE"
  | "LISTEN_FAILED";

export interface LifecycleError extends Error {
  readonly code: LifecycleErrorCode;
  /** What a program should exit with: 2 for a wrong use, 4 for something that could not run. */
  readonly exitCode: 2 | 4;
}

interface ErrorOptions {
  readonly code: LifecycleErrorCode;
  readonly exitCode: 2 | 4;
  readonly cause?: unknown;
}

export function lifecycleError(message: string, opts: ErrorOptions): LifecycleError {
  const error = new Error(message, opts.cause === undefined ? undefined : { cause: opts.cause });
  error.name = "LifecycleError";
  return Object.assign(error, { code: opts.code, exitCode: opts.exitCode });
}

/** Says in one sentence why a server cannot listen and what to do about it. */
export function listenError(
  error: unknown,
  opts: { server: string; host: string | undefined; port: number },
): LifecycleError {
  const code = (error as NodeJS.ErrnoException).code;
  const place = `port ${opts.port} of ${opts.host ?? "all addresses"}`;
  const tried = `The ${opts.server} server cannot listen on ${place}`;
  switch (code) {
    case "EADDRINUSE":
      return lifecycleError(
        `${tried}: another program has it (EADDRINUSE). Stop that program or choose another port.`,
        { code: "PORT_TAKEN", exitCode: 4, cause: error },
      );
    case "EACCES":
      return lifecycleError(`${tried}: the system does not allow it (EACCES). Choose a port above 1023.`, {
        code: "PORT_FORBIDDEN",
        exitCode: 4,
        cause: error,
      });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return lifecycleError(
        `${tried}: this machine has no such address (${code}). Use one of its own, 0.0.0.0 for all.`,
        { code: "HOST_UNAVAILABLE", exitCode: 4, cause: error },
      );
    default:
      return lifecycleError(`${tried}: ${sentence(error)}.`, {
        code: "LISTEN_FAILED",
        exitCode: 4,
        cause: error,
      });
  }
}

/** What an unknown thrown value says, without a closing full stop. */
export function sentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\.$/, "");
}
