/** Retries as a share of requests. Without it, `maxAttempts` 3 turns a dead upstream's load into three times itself. */

export interface RetryBudgetOptions {
  /** Retries per request, e.g. 0.2. `Infinity` switches the budget off. */
  ratio: number;
  /** Length of the sliding window in ms. */
  windowMs: number;
}

export interface RetryBudget {
  /** A request's first attempt is about to be made. */
  request(): void;
  /** Takes one retry if there is one to take. */
  spend(): boolean;
}

/** The window moves in tenths of itself: fine enough to forget evenly, coarse enough to cost nothing. */
const SLOTS = 10;

interface Slot {
  epoch: number;
  requests: number;
  retries: number;
}

/**
 * A sliding window rather than a bucket of tokens: what a burst of failures may spend then grows with the traffic, and
 * a service that was quiet for a while has saved nothing up. It starts empty, so attempts / requests <= 1 + ratio holds
 * from the first request on and at every moment: windows end to end cover the past, and each holds it by itself.
 */
export function createRetryBudget(opts: RetryBudgetOptions): RetryBudget {
  const slotMs = opts.windowMs / SLOTS;
  const slots = Array.from({ length: SLOTS }, (): Slot => ({ epoch: -1, requests: 0, retries: 0 }));

  function currentSlot(): Slot {
    const epoch = Math.floor(performance.now() / slotMs);
    const slot = slots[epoch % SLOTS] as Slot;
    if (slot.epoch !== epoch) {
      slot.epoch = epoch;
      slot.requests = 0;
      slot.retries = 0;
    }
    return slot;
  }

  function request(): void {
    currentSlot().requests += 1;
  }

  function spend(): boolean {
    const current = currentSlot();
    let requests = 0;
    let retries = 0;
    for (const slot of slots) {
      if (slot.epoch <= current.epoch - SLOTS) continue;
      requests += slot.requests;
      retries += slot.retries;
    }
    if (retries + 1 > opts.ratio * requests) return false;
    current.retries += 1;
    return true;
  }

  return { request, spend };
}
