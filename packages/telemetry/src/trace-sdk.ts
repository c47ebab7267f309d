/**
 * The OpenTelemetry SDK, started with every option said: left to its defaults it would send metrics and logs, too, and
 * all of it to localhost:4318. Loaded by traces.ts, and by nobody else, when there is an endpoint.
 */
import {
  SamplingDecision,
  SpanStatusCode,
  TraceFlags,
  trace,
  context,
  diag,
  DiagLogLevel,
  propagation,
  type Context,
  type Link,
  type SamplingResult,
} from "@opentelemetry/api";
import {
  cleanAttributes,
  CompositePropagator,
  ExportResultCode,
  hrTimeDuration,
  millisToHrTime,
  timeInputToHrTime,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
  type ExportResult,
} from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type Sampler,
  type Span,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { contextManager } from "./context.ts";
import { isSampled, newSpanId, newTraceId } from "./ids.ts";
import type { EndedSpan } from "./traces.ts";

export interface TraceSdkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly samplingRatio: number;
  /** A batch leaves after this, or when it is full. */
  readonly exportDelayMs: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly log: Logger;
}

export interface StartedSdk {
  record(span: EndedSpan): void;
  readonly lostSpans: number;
  close(deadlineMs: number): Promise<void>;
}

// Queue and batch are the SDK's defaults: 2048 spans are 10 s of 2000 requests/s at 0.1.
const MAX_QUEUED_SPANS = 2048;
const MAX_BATCH_SPANS = 512;
// Retries included. Longer would only hold spans back that the queue has no room for.
const EXPORT_TIMEOUT_MS = 5000;

const SPAN_LIMITS = {
  // A longer value is a document; log lines are for those.
  attributeValueLengthLimit: 4096,
  attributeCountLimit: 128,
  eventCountLimit: 128,
  linkCountLimit: 128,
  attributePerEventCountLimit: 128,
  attributePerLinkCountLimit: 128,
};

const SCOPE = { name: "@holdfast/telemetry" };

export function startTraceSdk(opts: TraceSdkOptions): StartedSdk {
  const { url, samplingRatio, log } = opts;
  // Spans that were queued and are not answered for yet, so that none is dropped without being counted.
  let pendingSpans = 0;
  let lostSpans = 0;
  let lostBeforeOutage = 0;
  let failing = false;

  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...opts.headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    concurrencyLimit: 2,
    keepAlive: true,
  });

  /** Says once that the endpoint fails, and once that it is back; the SDK would say it for every batch, or not at all. */
  const reportingExporter: SpanExporter = {
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      exporter.export(spans, function reportResult(result) {
        pendingSpans -= spans.length;
        if (result.code === ExportResultCode.SUCCESS) sayRecovered();
        else sayFailing(spans.length, result.error);
        // The failure is dealt with here; handed on, the batch processor would throw it at the global error handler.
        done({ code: ExportResultCode.SUCCESS });
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };

  function sayFailing(spans: number, error: Error | undefined): void {
    if (!failing) {
      lostBeforeOutage = lostSpans;
      log.warn(
        { "server.address": url, "error.type": errorCode(error) },
        `Traces are not delivered to ${url}: ${errorText(error)}. Requests are served as before, their spans are dropped until it answers`,
      );
    }
    failing = true;
    lostSpans += spans;
  }

  function sayRecovered(): void {
    if (failing)
      log.info(
        { "server.address": url, spans_lost: lostSpans - lostBeforeOutage },
        `Traces are delivered to ${url} again`,
      );
    failing = false;
  }

  const batches = new BatchSpanProcessor({
    exporter: reportingExporter,
    scheduledDelayMillis: opts.exportDelayMs,
    maxQueueSize: MAX_QUEUED_SPANS,
    maxExportBatchSize: MAX_BATCH_SPANS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS + 1000,
  });

  /** Keeps the queue's length itself: the batch processor drops what is too much without a word. */
  const processor: SpanProcessor = {
    onStart: (span: Span, parent: Context) => batches.onStart(span, parent),
    onEnd(span: ReadableSpan) {
      if (pendingSpans >= MAX_QUEUED_SPANS) {
        lostSpans += 1;
        return;
      }
      pendingSpans += 1;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };

  /** For spans that a handler starts; those of requests and calls were decided when the request began. */
  const sampler: Sampler = {
    shouldSample(parent: Context, traceId: string): SamplingResult {
      const parentSpan = trace.getSpanContext(parent);
      const sampled = parentSpan === undefined ? isSampled(traceId, samplingRatio) : (parentSpan.traceFlags & 1) === 1;
      return { decision: sampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
    },
    toString: () => `ParentOrRatio{${samplingRatio}}`,
  };

  const resource = defaultResource().merge(resourceFromAttributes(opts.resource));
  const sdk = new NodeSDK({
    autoDetectResources: false,
    resourceDetectors: [],
    resource,
    contextManager,
    textMapPropagator: new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
    sampler,
    idGenerator: { generateTraceId: newTraceId, generateSpanId: newSpanId },
    spanProcessors: [processor],
    spanLimits: SPAN_LIMITS,
    instrumentations: [],
    metricReaders: [],
    views: [],
    logRecordProcessors: [],
  });
  diag.setLogger(diagLogger(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  sdk.start();

  /**
   * Hands a span to the processor that is whole already. A tracer would make the same in 13 us of which this takes 1,
   * and would have to be talked into the ids, the decision and the times that are settled here. What is given up: the
   * span limits hold only for what handlers set, since the rest is bounded where it is made.
   */
  function record(ended: EndedSpan): void {
    const { traceId, spanId, parent, links, status = { code: SpanStatusCode.UNSET } } = ended;
    // Sampled, whatever the request's own flag says: a span that is handed over is to be exported.
    const spanContext = {
      traceId,
      spanId,
      traceFlags: TraceFlags.SAMPLED,
      ...(parent?.traceState && { traceState: parent.traceState }),
    };
    const startTime = millisToHrTime(ended.startEpochMs);
    const endTime = millisToHrTime(ended.endEpochMs);
    const set =
      ended.handlerAttributes === undefined ? undefined : cleanAttributes(ended.handlerAttributes, SPAN_LIMITS);
    processor.onEnd({
      name: ended.name,
      kind: ended.kind,
      spanContext: () => spanContext,
      ...(parent !== undefined && { parentSpanContext: parent }),
      startTime,
      endTime,
      duration: hrTimeDuration(startTime, endTime),
      status,
      attributes: set === undefined ? ended.attributes : { ...ended.attributes, ...set.attributes },
      droppedAttributesCount: set?.droppedAttributesCount ?? 0,
      events: ended.events.map(({ name, attributes, time }) => ({
        name,
        time: timeInputToHrTime(time),
        ...cleanAttributes(attributes, SPAN_LIMITS),
      })),
      droppedEventsCount: 0,
      links: links.map(cleanLink),
      droppedLinksCount: 0,
      ended: true,
      resource,
      instrumentationScope: SCOPE,
    });
  }

  async function close(deadlineMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<"deadline">((resolve) => {
      timer = setTimeout(resolve, deadlineMs, "deadline");
    });
    const outcome = await Promise.race([sdk.shutdown().catch((error: Error) => error), deadline]);
    clearTimeout(timer);
    if (outcome !== undefined && pendingSpans > 0) {
      log.warn(
        { spans_lost: pendingSpans },
        `${pendingSpans} spans were not delivered to ${url} within ${deadlineMs} ms of the end`,
      );
    }
    // The next one who starts telemetry in this process (a test) finds the API as it was.
    trace.disable();
    context.disable();
    propagation.disable();
    diag.disable();
  }

  return {
    record,
    close,
    get lostSpans() {
      return lostSpans;
    },
  };
}

function cleanLink(link: Link): Link {
  return { context: link.context, ...cleanAttributes(link.attributes, SPAN_LIMITS) };
}

/** What the SDK says about itself: useful to whoever looks for it, noise to everybody else. */
function diagLogger(log: Logger): Parameters<typeof diag.setLogger>[0] {
  const say = (message: string): void => log.debug({ "otel.scope.name": "opentelemetry" }, message);
  return { error: say, warn: say, info: say, debug: say, verbose: say };
}

function errorCode(error: Error | undefined): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === undefined ? (error?.name ?? "Error") : String(code);
}

function errorText(error: Error | undefined): string {
  const code = errorCode(error);
  const message = error?.message ?? "no answer";
  // Node's AggregateError (both address families refused) has a code and no message.
  if (message === "") return code;
  return message.includes(code) ? message : `${message} (${code})`;
}
