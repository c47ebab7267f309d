import { Agent, request } from "undici";
import type { ProbeOptions } from "./options.ts";

export type ProbeAnswer = { ok: true } | { ok: false; reason: string };

export interface Prober {
  /** Asks at once (after `initialDelayMs`) and then every `periodMs`; a question that outlasts its period delays none of the later ones. */
  probe(opts: { port: number; probe: ProbeOptions; answered: (answer: ProbeAnswer) => void }): { stop(): void };
  close(): Promise<void>;
}

/** httpGet probes as the kubelet sends them: a new connection each, 200..399 is a success. */
export function createProber(): Prober {
  // Without pipelining undici keeps no connection: a kept one would still work where new ones no longer do.
  const agent = new Agent({ pipelining: 0 });

  async function ask(port: number, probe: ProbeOptions, stopped: AbortSignal): Promise<ProbeAnswer> {
    try {
      const response = await request(`http://127.0.0.1:${port}${probe.path}`, {
        dispatcher: agent,
        headers: { "user-agent": "kube-probe/holdfast", accept: "*/*" },
        signal: AbortSignal.any([stopped, AbortSignal.timeout(probe.timeoutMs)]),
      });
      // An answer that is cut off is none; dump() would call it one.
      await response.body.text();
      const ok = response.statusCode >= 200 && response.statusCode < 400;
      return ok ? { ok } : { ok, reason: `${probe.path} answered ${response.statusCode}` };
    } catch (error) {
      return { ok: false, reason: `${probe.path}: ${failure(error, probe)}` };
    }
  }

  return {
    probe({ port, probe, answered }) {
      const stopped = new AbortController();
      const firstMs = performance.now() + probe.initialDelayMs;
      let timer: NodeJS.Timeout | undefined;

      async function tick(): Promise<void> {
        const answer = await ask(port, probe, stopped.signal);
        if (stopped.signal.aborted) return;
        arm();
        answered(answer);
      }
      function arm(): void {
        const ticks = Math.floor((performance.now() - firstMs) / probe.periodMs) + 1;
        timer = setTimeout(tick, Math.max(0, firstMs + ticks * probe.periodMs - performance.now()));
      }
      if (probe.initialDelayMs > 0) timer = setTimeout(tick, probe.initialDelayMs);
      else void tick();

      return {
        stop() {
          stopped.abort();
          clearTimeout(timer);
        },
      };
    },
    close: () => agent.destroy(),
  };
}

function failure(error: unknown, probe: ProbeOptions): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `no answer within ${probe.timeoutMs} ms`;
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNREFUSED" ? "connection refused" : (code ?? error.message);
}
