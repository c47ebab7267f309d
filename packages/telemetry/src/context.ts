/** The one place that knows which request is being served: OpenTelemetry's own context manager, held by all of this package. */
import { trace, type SpanContext } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { RequestSpan, requestOf } from "./request-span.ts";
import type { TraceIds } from "./types.ts";

export const contextManager = new AsyncLocalStorageContextManager();
contextManager.enable();

/** The request being served here, also inside of spans that a handler started. */
export function currentRequest(): RequestSpan | undefined {
  return requestOf(contextManager.active());
}

/** Ids of the innermost span: the request's, or that of a span a handler started in it. */
export function currentIds(): TraceIds | undefined {
  const active = contextManager.active();
  if (active instanceof RequestSpan) return active;
  const span = trace.getSpanContext(active);
  return span === undefined ? undefined : toTraceIds(span);
}

function toTraceIds({ traceId, spanId, traceFlags }: SpanContext): TraceIds {
  return { traceId, spanId, sampled: (traceFlags & 1) === 1 };
}
