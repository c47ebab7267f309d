/** Signals and uncaught errors of the process. */

export type StopSignal = "SIGTERM" | "SIGINT";
export type CrashOrigin = "uncaughtException" | "unhandledRejection";

/** What a shell reports for a program that a signal ended: 128 + the signal's number. */
export const SIGNAL_EXIT_CODE: Record<StopSignal, number> = { SIGTERM: 143, SIGINT: 130 };

export interface ProcessWatch {
  readonly onSignal: (signal: StopSignal) => void;
  readonly onCrash: (error: unknown, origin: CrashOrigin) => void;
}

/** Starts watching and returns the function that ends it. */
export function watchProcess({ onSignal, onCrash }: ProcessWatch): () => void {
  const onException = (error: unknown): void => onCrash(error, "uncaughtException");
  const onRejection = (reason: unknown): void => onCrash(reason, "unhandledRejection");

  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("uncaughtException", onException);
  process.on("unhandledRejection", onRejection);
  return () => {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
    process.off("uncaughtException", onException);
    process.off("unhandledRejection", onRejection);
  };
}
