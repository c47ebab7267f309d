/**
 * Spans, from the moment when they have ended. The SDK is loaded only when there is an endpoint, and after the start-up:
 * spans that end before it is there wait for it.
 */
import type { Attributes, Link, SpanContext, SpanKind, SpanStatus } from "@opentelemetry/api";
import { TelemetryError } from "./errors.ts";
import type { SpanEvent } from "./request-span.ts";
import type { StartedSdk } from "./trace-sdk.ts";
import type { Logger } from "pino";
import type { TracesOptions } from "./types.ts";

/** A span whose ids, parent and times are settled: what is left to do is to export it. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: SpanContext | undefined;
  /** Unix time in ms, with fractions. */
  readonly startEpochMs: number;
  readonly endEpochMs: number;
  readonly attributes: Attributes;
  /** What the service's own code set; checked and bounded before it is exported. */
  readonly handlerAttributes: Attributes | undefined;
  readonly events: readonly SpanEvent[];
  readonly links: readonly Link[];
  readonly status: SpanStatus | undefined;
}

export interface Traces {
  /** False where no endpoint is configured: then no span need be put together. */
  readonly exporting: boolean;
  readonly samplingRatio: number;
  readonly ready: Promise<void>;
  readonly lostSpans: number;
  record(span: EndedSpan): void;
  /** Delivers what is waiting, for at most `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

export interface StartTracesOptions {
  readonly traces: TracesOptions;
  readonly resource: Readonly<Record<string, string>>;
  readonly log: Logger;
}

// OpenTelemetry's default is to record everything, which costs 13 to 20 us a request; one in ten shows the same picture.
const DEFAULT_SAMPLING_RATIO = 0.1;

// As many as the batch processor holds. The SDK is loaded in well under a second, in which no service has more.
const MAX_WAITING_SPANS = 2048;

// The SDK's default is five seconds: a trace is looked for right after its request, and a SIGKILL loses less.
const DEFAULT_EXPORT_DELAY_MS = 1000;

// Loading the SDK takes some 40 ms of the event loop. Right after the start they would delay the first answer; a little
// later nobody waits for them, since a replica is sent requests only after a readiness probe has found it.
const LOAD_AFTER_MS = 100;

export function startTraces(opts: StartTracesOptions): Traces {
  const { traces, resource, log } = opts;
  const samplingRatio = checkedRatio(traces.samplingRatio ?? DEFAULT_SAMPLING_RATIO);
  if (traces.endpoint === undefined) return silentTraces(samplingRatio);
  const url = tracesUrl(traces.endpoint);

  let sdk: StartedSdk | undefined;
  let waiting: EndedSpan[] = [];
  let lostSpans = 0;
  let closedEarly = false;
  const due = Promise.withResolvers<void>();
  const timer = setTimeout(due.resolve, LOAD_AFTER_MS);
  const ready = load();

  async function load(): Promise<void> {
    await due.promise;
    if (closedEarly) return;
    try {
      const { startTraceSdk } = await import("./trace-sdk.ts");
      const { headers = {}, exportDelayMs = DEFAULT_EXPORT_DELAY_MS } = traces;
      sdk = startTraceSdk({ url, headers, samplingRatio, exportDelayMs, resource, log });
      for (const span of waiting) sdk.record(span);
    } catch (error) {
      // A service without traces is worth more than no service.
      lostSpans += waiting.length;
      log.error(error, "Traces are off: the OpenTelemetry SDK could not be started");
    }
    waiting = [];
  }

  function record(span: EndedSpan): void {
    if (sdk !== undefined) sdk.record(span);
    else if (waiting.length < MAX_WAITING_SPANS) waiting.push(span);
    else lostSpans += 1;
  }

  async function close(deadlineMs: number): Promise<void> {
    clearTimeout(timer);
    // Nothing was recorded, so nothing has to be loaded for it.
    closedEarly = sdk === undefined && waiting.length === 0;
    due.resolve();
    await ready;
    await sdk?.close(deadlineMs);
  }

  return {
    exporting: true,
    samplingRatio,
    ready,
    record,
    close,
    get lostSpans() {
      return lostSpans + (sdk?.lostSpans ?? 0);
    },
  };
}

function silentTraces(samplingRatio: number): Traces {
  return { exporting: false, samplingRatio, ready: Promise.resolve(), lostSpans: 0, record() {}, async close() {} };
}

function checkedRatio(ratio: number): number {
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new TelemetryError(
    "TRACES_OPTION_INVALID",
    `traces.samplingRatio is ${ratio}; it is a share of traces, from 0 to 1.`,
  );
}

/** OTLP/HTTP: the endpoint is a base URL, each signal has its path below it. */
function tracesUrl(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TelemetryError(
      "TRACES_OPTION_INVALID",
      `traces.endpoint is "${endpoint}"; it must be the base URL of an OTLP/HTTP receiver, for example http://collector:4318.`,
    );
  }
  return `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}
