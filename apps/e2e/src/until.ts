/** For what cannot be watched, such as a store's answers: asked again and again. Objects of Kubernetes are watched instead (wait-for.ts). */
import { setTimeout as pause } from "node:timers/promises";

/** Twice a second: a grep through the spans costs a busy node more than it is worth to know sooner. */
const EVERY_MS = 500;

/** Asks until the answer is the wanted one or the time is over. @returns the last answer, for a judgement to look at */
export async function until<T>(
  ask: () => Promise<T>,
  opts: { holds: (answer: T) => boolean; withinSeconds: number; signal: AbortSignal; everyMs?: number },
): Promise<T> {
  const { holds, withinSeconds, signal, everyMs = EVERY_MS } = opts;
  const overMs = performance.now() + withinSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (holds(answer) || performance.now() >= overMs) return answer;
    await pause(everyMs, undefined, { signal });
  }
}
