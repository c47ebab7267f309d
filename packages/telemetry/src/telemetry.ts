/** Logs, metrics and traces of one process, started together and ended together. */
import { context } from "@opentelemetry/api";
import { createClientCalls, withContext } from "./client-call.ts";
import { contextManager, currentIds } from "./context.ts";
import type { ContractMetric, MetricDefinition } from "./contract.ts";
import { createHttpObserver } from "./http-observer.ts";
import { createLog } from "./log.ts";
import { createMetricStore } from "./metrics.ts";
import { bindProcessMetrics } from "./process-metrics.ts";
import { startTraces } from "./traces.ts";
import type { Telemetry, TelemetryOptions } from "./types.ts";

// What a drain's flush phase has for the whole of it (flushSeconds).
const CLOSE_DEADLINE_MS = 2000;
const STDOUT = 1;

/**
 * Starts a process's telemetry. Lines, spans and metrics name it by `serviceName`, `serviceVersion` and `instanceId`.
 *
 * @throws TelemetryError METRIC_TWICE or METRIC_INVALID for a wrong definition among `metrics`, TRACES_OPTION_INVALID for
 * an endpoint that is no URL or a ratio outside 0..1, LOG_FILES_OPTION_INVALID or LOG_FILES_UNWRITABLE for log files that
 * cannot be had. Nothing else is ever thrown at the service.
 */
export function startTelemetry<const Extra extends readonly MetricDefinition[] = readonly []>(
  opts: TelemetryOptions<Extra>,
): Telemetry<ContractMetric | Extra[number]> {
  const { serviceName, serviceVersion, instanceId, redact = [] } = opts;
  const identity = {
    "service.name": serviceName,
    "service.version": serviceVersion,
    "service.instance.id": instanceId,
  };
  const store = createMetricStore({ metrics: opts.metrics ?? [], upstreams: opts.upstreams ?? [] });
  const log = createLog({
    level: opts.logLevel ?? "info",
    // The instance's name outlives a restart, `seq` does not: the process's birth tells the ledgers of both apart.
    base: { ...identity, "process.creation.time": new Date(performance.timeOrigin).toISOString() },
    target: opts.destination ?? STDOUT,
    files: opts.logFiles,
    redact,
    current: currentIds,
  });
  const traces = startTraces({
    traces: opts.traces ?? {},
    resource: { ...opts.resourceAttributes, ...identity },
    log: log.log,
  });
  // With an endpoint the SDK registers it; without one, spans that a handler asks for still know their request.
  if (!traces.exporting) context.setGlobalContextManager(contextManager);
  const observer = createHttpObserver({
    log,
    traces,
    redact,
    durations: store.histogramOf("http_server_request_duration_seconds"),
    onAborted: () => store.facade.counter("http_server_aborted_requests_total").inc({}),
    onRoutes: store.expectRoutes,
  });
  const stopMeasuring = bindProcessMetrics({ store, eventLoopUtilization: opts.eventLoopUtilization });
  store.expectRoutes([]);
  store.readAtScrape("http_server_active_requests", () => observer.activeRequests);
  store.readAtScrape("log_lines_lost_total", () => log.lostLines);
  store.readAtScrape("trace_spans_lost_total", () => traces.lostSpans);
  store.facade
    .gauge("target_info")
    .set({ service_name: serviceName, service_version: serviceVersion, service_instance_id: instanceId }, 1);

  async function close(): Promise<void> {
    stopMeasuring();
    await traces.close(CLOSE_DEADLINE_MS);
    log.end(CLOSE_DEADLINE_MS);
  }

  return {
    log: log.log,
    metrics: store.facade as Telemetry<ContractMetric | Extra[number]>["metrics"],
    ready: traces.ready,
    observe: observer.observe,
    propagate: (headers) => withContext(headers, currentIds()),
    clientCall: createClientCalls({
      traces,
      durations: store.facade.histogram("http_client_request_duration_seconds"),
    }),
    current: () => toPlainIds(currentIds()),
    render: (req) => store.render(req.headers.accept),
    close,
  };
}

/** The ids alone: what current() returns must not keep the whole request alive. */
function toPlainIds(ids: ReturnType<typeof currentIds>): ReturnType<Telemetry["current"]> {
  return ids === undefined ? undefined : { traceId: ids.traceId, spanId: ids.spanId, sampled: ids.sampled };
}
