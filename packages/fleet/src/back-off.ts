import type { RestartBackoffOptions } from "./options.ts";

/** What the kubelet remembers of a container's last restart. Absent: never restarted. */
export interface BackOff {
  readonly delayMs: number;
  readonly startedMs: number;
}

/** A run longer than twice the longest delay wipes the slate. Source: client-go, flowcontrol/backoff.go `hasExpired`. */
function isForgotten(backOff: BackOff, exitedMs: number, opts: RestartBackoffOptions): boolean {
  return exitedMs - backOff.startedMs > 2 * opts.maxMs;
}

/**
 * How long (ms, counted from the exit) the next start of a container waits: 0 after its first exit, then `initialMs`, doubling up to
 * `maxMs`. Waiting is what `kubectl get pods` shows as CrashLoopBackOff. Source: kubelet `doBackOff`.
 */
export function restartDelayMs(backOff: BackOff | undefined, exitedMs: number, opts: RestartBackoffOptions): number {
  return backOff === undefined || isForgotten(backOff, exitedMs, opts) ? 0 : backOff.delayMs;
}

/** What to remember once the container that exited at `exitedMs` is started again at `startedMs`. */
export function afterRestart(
  backOff: BackOff | undefined,
  at: { exitedMs: number; startedMs: number },
  opts: RestartBackoffOptions,
): BackOff {
  const delayMs =
    backOff === undefined || isForgotten(backOff, at.exitedMs, opts)
      ? opts.initialMs
      : Math.min(backOff.delayMs * 2, opts.maxMs);
  return { delayMs, startedMs: at.startedMs };
}
