/** Follows state metrics on every replica while the run goes on, and writes each change into the ledger. */
import { pause } from "./clock.ts";
import type { MetricWatch } from "./experiment.ts";
import type { Mark } from "./lab.ts";
import type { MetricSample, Target } from "./target.ts";

/** Returns when the signal is aborted. A replica that does not answer (it died, say) is asked again. */
export async function watchMetric(
  watch: MetricWatch,
  opts: { target: Target; mark: Mark; signal: AbortSignal },
): Promise<void> {
  const { target, mark, signal } = opts;
  const known = new Map<string, string>();

  async function look(replica: Awaited<ReturnType<Target["replicas"]>>[number]): Promise<void> {
    const samples = await target.metrics(replica).catch((): MetricSample[] => []);
    const state = samples.find(({ name, value }) => name === watch.metric && value === 1)?.labels[watch.label];
    if (state === undefined || signal.aborted || known.get(replica.name) === state) return;
    known.set(replica.name, state);
    mark(`${watch.event}.${state}`, { subject: replica.name });
  }

  while (!signal.aborted) {
    const replicas = await target.replicas(watch.service);
    await Promise.all(replicas.filter(({ ready }) => ready).map(look));
    await pause(watch.everyMs, signal).catch(() => {});
  }
}
