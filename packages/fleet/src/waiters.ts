/** Promises that resolve when a condition on shared state has come true; `check` is asked at every change. */
export interface Waiters {
  /** Resolves when `check` returns true; rejects with what it throws, or with what `rejectAll` is given. */
  until(check: () => boolean): { done: Promise<void>; cancel: (error: Error) => void };
  changed(): void;
  rejectAll(error: Error): void;
}

export function createWaiters(): Waiters {
  const waiting = new Set<{ check: () => boolean; resolve: () => void; reject: (error: unknown) => void }>();

  function changed(): void {
    for (const waiter of waiting) {
      try {
        if (!waiter.check()) continue;
        waiter.resolve();
      } catch (error) {
        waiter.reject(error);
      }
      waiting.delete(waiter);
    }
  }

  return {
    until(check) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter = { check, resolve, reject };
      waiting.add(waiter);
      changed();
      return {
        done: promise,
        cancel(error) {
          waiting.delete(waiter);
          reject(error);
        },
      };
    },
    changed,
    rejectAll(error) {
      for (const waiter of waiting) waiter.reject(error);
      waiting.clear();
    },
  };
}

/** Deadlines that begin anew whenever something got further, as a Deployment's progressDeadlineSeconds. */
export interface ProgressClocks {
  start(deadlineMs: number, expired: () => void): { stop(): void };
  rearm(): void;
}

export function createProgressClocks(): ProgressClocks {
  const running = new Set<NodeJS.Timeout>();
  return {
    start(deadlineMs, expired) {
      const timer = setTimeout(expired, deadlineMs);
      running.add(timer);
      return {
        stop() {
          clearTimeout(timer);
          running.delete(timer);
        },
      };
    },
    rearm() {
      for (const timer of running) timer.refresh();
    },
  };
}
