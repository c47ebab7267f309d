/** Ctrl-C and SIGTERM, counted as a person presses them: npm, and a command that starts another, hand each Ctrl-C on. */

/** Signals closer together than this are one wish. */
const ONE_WISH_MS = 1_000;

export interface Interrupts {
  /** As if a signal had come: Ctrl-C is only a key while keys are read. */
  raise(): void;
  /** Back to Node's own handling. */
  dispose(): void;
}

/** Calls `onInterrupt` with 1, 2, 3 ... for each wish to end. */
export function watchInterrupts(onInterrupt: (times: number) => void): Interrupts {
  let times = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

  function raise(): void {
    const nowMs = performance.now();
    const isEcho = nowMs - lastMs < ONE_WISH_MS;
    if (isEcho) return;
    lastMs = nowMs;
    times += 1;
    onInterrupt(times);
  }

  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, raise);
  return {
    raise,
    dispose() {
      for (const signal of signals) process.off(signal, raise);
    },
  };
}
