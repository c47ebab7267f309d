/** Ctrl-C, counted as a person presses it: npm and the command line hand each on once more. */

/** Signals closer together than this are one wish. */
const ONE_WISH_MS = 1_000;
/** This many wishes end it at once, with whatever stands. */
const AT_ONCE = 3;

/** A signal that aborts with the first Ctrl-C, SIGTERM or SIGHUP. */
export function watchInterrupts({ onFirst, atOnce }: { onFirst: () => void; atOnce: () => void }): AbortSignal {
  const abort = new AbortController();
  let times = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  function raise(): void {
    const nowMs = performance.now();
    if (nowMs - lastMs < ONE_WISH_MS) return;
    lastMs = nowMs;
    times += 1;
    if (times === 1) onFirst();
    if (times === AT_ONCE) atOnce();
    abort.abort();
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, raise);
  return abort.signal;
}
