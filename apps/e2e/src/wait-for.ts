import type { Kubectl } from "@holdfast/cluster";
import type { Meta } from "./kubernetes.ts";

export interface WaitOptions<T, R> {
  /** What is waited for, out of all objects as they are now; undefined as long as it has not come. */
  readonly until: (objects: readonly T[]) => R | undefined;
  readonly withinSeconds: number;
  /** The error to throw when it did not come; gets what was seen last. */
  readonly otherwise: (objects: readonly T[]) => Error;
  readonly signal: AbortSignal;
}

/** Waits for a state of objects by watching them, never by asking again and again. */
export async function waitFor<T, R>(
  kubectl: Pick<Kubectl, "watch">,
  opts: WaitOptions<T, R> & { args: readonly string[] },
): Promise<R> {
  const { args, until, withinSeconds, otherwise, signal } = opts;
  const seen = new Map<string, T>();
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const onAbort = () => reject(signal.reason as Error);
  const timer = setTimeout(() => reject(otherwise([...seen.values()])), withinSeconds * 1000);
  signal.addEventListener("abort", onAbort, { once: true });
  const watch = kubectl.watch<T & { metadata: Meta }>(args, {
    onEvent({ type, object }) {
      if (type === "DELETED") seen.delete(object.metadata.uid);
      else seen.set(object.metadata.uid, object);
      try {
        const found = until([...seen.values()]);
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error as Error);
      }
    },
    onEnd: (error) => reject(error ?? new Error("The watch ended before what it waited for.")),
  });
  try {
    signal.throwIfAborted();
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    await watch.stop();
  }
}
