import { ExponentialBackoff, fullJitterGenerator } from "cockatiel";

export interface BackoffOptions {
  baseDelayMs: number;
  maxDelayMs: number;
}

/**
 * Delays in ms before retry 1, 2, 3 ...: random from 0 to `baseDelayMs` x 2^n, at most `maxDelayMs`. Full jitter
 * spreads the retries of many callers furthest (Brooker, "Exponential Backoff And Jitter", AWS 2015).
 */
export function createBackoff(opts: BackoffOptions): () => number {
  let backoff = new ExponentialBackoff<number>({
    generator: fullJitterGenerator,
    initialDelay: opts.baseDelayMs,
    maxDelay: opts.maxDelayMs,
  }).next();
  return function nextDelayMs() {
    const delayMs = backoff.duration;
    backoff = backoff.next(undefined);
    return delayMs;
  };
}
