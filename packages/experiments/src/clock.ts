import { setTimeout as sleep } from "node:timers/promises";

/** ms on the one clock that the ledger, the fleet and the lab share: monotonic, and the same in every process of a machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Rejects with the signal's reason when it is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Rejects with the signal's reason when it is aborted first; the work is then left to itself. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Whatever it still does is its own; it must not end the process.
    work.catch(() => {});
  }
}
