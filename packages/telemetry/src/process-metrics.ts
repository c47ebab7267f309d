/** What Node knows about its own process, in the few numbers that a service's dashboard shows. */
import type { MetricStore } from "./metrics.ts";

// A whole second, whenever the scrape comes: a gauge that each scrape resets would show two scrapers half the truth.
const UTILIZATION_INTERVAL_MS = 1000;

export interface ProcessMetricsOptions {
  readonly store: MetricStore;
  readonly eventLoopUtilization: (() => number) | undefined;
}

/** Binds the process metrics of the contract; returns what stops measuring. */
export function bindProcessMetrics({ store, eventLoopUtilization }: ProcessMetricsOptions): () => void {
  const startEpochSeconds = Math.round(performance.timeOrigin) / 1000;
  const { read, stop } =
    eventLoopUtilization === undefined ? measureUtilization() : { read: eventLoopUtilization, stop: () => undefined };
  store.readAtScrape("nodejs_eventloop_utilization", read);
  store.readAtScrape("nodejs_heap_size_used_bytes", () => process.memoryUsage().heapUsed);
  store.readAtScrape("nodejs_heap_size_total_bytes", () => process.memoryUsage().heapTotal);
  store.readAtScrape("process_resident_memory_bytes", () => process.memoryUsage.rss());
  store.readAtScrape("process_start_time_seconds", () => startEpochSeconds);
  store.readAtScrape("process_cpu_seconds_total", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  return stop;
}

function measureUtilization(): { read: () => number; stop: () => void } {
  let previous = performance.eventLoopUtilization();
  let utilization = 0;
  const timer = setInterval(function measure() {
    const now = performance.eventLoopUtilization();
    ({ utilization } = performance.eventLoopUtilization(now, previous));
    previous = now;
  }, UTILIZATION_INTERVAL_MS);
  timer.unref();
  return { read: () => utilization, stop: () => clearInterval(timer) };
}
