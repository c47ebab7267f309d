/**
 * That a replica is ready is known to the API server before each node's kube-proxy. Kept-alive connections that are opened
 * in between all go to the others, and the replica would hold none of them in a whole run.
 */
import { nowMs, pause } from "../clock.ts";
import { ExperimentError } from "../errors.ts";

interface AllMetOptions {
  /** Who is to be met. */
  readonly names: () => readonly string[];
  /** One request through the Service, over a connection of its own. */
  readonly ask: () => Promise<{ readonly servedBy?: string }>;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

const ASK_AGAIN_MS = 20;

/** Asks until every replica has answered. @throws ExperimentError TARGET_FAILED, with those that have not */
export async function untilAllMet({ names, ask, withinMs, signal }: AllMetOptions): Promise<void> {
  const met = new Set<string | undefined>();
  const giveUpMs = nowMs() + withinMs;
  for (;;) {
    const missing = names().filter((name) => !met.has(name));
    if (missing.length === 0) return;
    if (nowMs() >= giveUpMs) {
      throw new ExperimentError(
        "TARGET_FAILED",
        `Within ${Math.round(withinMs / 1000)} s no request through the Service came to ${missing.join(", ")}.`,
      );
    }
    const answer = await ask().catch(() => undefined);
    met.add(answer?.servedBy);
    await pause(ASK_AGAIN_MS, signal);
  }
}
