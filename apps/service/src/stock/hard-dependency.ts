import { startDeadline, type CallOutcome, type Upstream } from "@holdfast/resilience";

export interface HardDependencyOptions {
  upstream: Pick<Upstream, "name" | "on">;
  /** Failed calls in a row after which the replica is unready. */
  afterFailures: number;
  setUnready: (source: string, reason: string | undefined) => void;
  /** Asks the upstream once, in the way that requests do. */
  ask: (opts: { deadline: ReturnType<typeof startDeadline>; signal: AbortSignal }) => Promise<unknown>;
  /** How often it is asked while nobody else does, in ms: an unready replica gets no requests. */
  probeEveryMs: number;
}

/** What says that the upstream is not to be had; a caller who left or ran out of time says nothing about it. */
const FAILED: ReadonlySet<CallOutcome> = new Set(["UPSTREAM_OPEN", "UPSTREAM_TIMEOUT", "UPSTREAM_FAILED"]);

/**
 * Makes the replica unready while an upstream is gone. Off unless asked for: an upstream that all replicas share takes
 * them all out at once, and then nobody answers, not even degraded. Returns the function that ends it.
 */
export function watchHardDependency(opts: HardDependencyOptions): () => void {
  const { upstream, afterFailures, setUnready, probeEveryMs } = opts;
  const stop = new AbortController();
  let failures = 0;
  let probing: NodeJS.Timeout | undefined;

  function probe(): void {
    // What it finds comes back as an event of the upstream.
    void opts.ask({ deadline: startDeadline(probeEveryMs), signal: stop.signal }).catch(() => undefined);
  }

  function recover(): void {
    failures = 0;
    if (probing === undefined) return;
    clearInterval(probing);
    probing = undefined;
    setUnready(upstream.name, undefined);
  }

  const off = upstream.on(function onUpstream(event) {
    if (event.type !== "call") return;
    if (event.outcome === "success") recover();
    if (!FAILED.has(event.outcome)) return;
    failures += 1;
    if (failures < afterFailures || probing !== undefined) return;
    setUnready(upstream.name, `${failures} calls in a row failed`);
    probing = setInterval(probe, probeEveryMs).unref();
  });

  return function end() {
    off();
    clearInterval(probing);
    stop.abort();
  };
}
