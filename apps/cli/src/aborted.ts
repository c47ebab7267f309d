import { errorCode } from "./cli-error.ts";

/** Rejects with the signal's reason once it is aborted; never resolves. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

/** What stops being awaited by a signal, in the words of whoever was asked. */
const CODES_OF_ABORT = new Set(["FLEET_START_ABORTED", "FLEET_STOPPED", "LOAD_ABORTED", "ABORTED"]);

/** Whether an error only says that it was ended, as somebody wished. */
export function isOfAbort(error: unknown, signal: AbortSignal): boolean {
  if (error === signal.reason || CODES_OF_ABORT.has(errorCode(error) ?? "")) return true;
  return error instanceof Error && error.name === "AbortError";
}
