/** Calls upstream: context passed on, one span and one observation an attempt. */
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { contextManager, currentIds, currentRequest } from "./context.ts";
import { NO_RESPONSE } from "./contract.ts";
import { newSpanId } from "./ids.ts";
import { exceptionAttributes } from "./request-span.ts";
import { formatTraceparent } from "./trace-context.ts";
import type { Traces } from "./traces.ts";
import type { ClientCall, Histogram, TraceIds } from "./types.ts";

/** `headers` and what makes `ids` the parent of whoever receives them. */
export function withContext(headers: Record<string, string>, ids: TraceIds | undefined): Record<string, string> {
  if (ids === undefined) return headers;
  const request = currentRequest();
  const tracestate = request?.tracestate;
  const baggage = request?.baggage;
  return {
    ...headers,
    traceparent: formatTraceparent(ids),
    ...(tracestate !== undefined && { tracestate }),
    ...(baggage !== undefined && { baggage }),
  };
}

type CallResult<T> = { status: number; value: T };
type Call<T> = (headers: Record<string, string>) => Promise<CallResult<T>>;

export interface ClientCallsOptions {
  readonly traces: Traces;
  readonly durations: Histogram<Readonly<Record<string, string>>>;
}

export function createClientCalls({
  traces,
  durations,
}: ClientCallsOptions): <T>(opts: ClientCall, call: Call<T>) => Promise<T> {
  return async function clientCall<T>(opts: ClientCall, call: Call<T>): Promise<T> {
    const parent = currentIds();
    const request = currentRequest();
    if (request !== undefined) request.attempts += 1;
    const startMs = performance.now();
    // Only a span that will be exported gets an id; else the callee's parent is the request itself, which is there.
    const recorded =
      traces.exporting && parent !== undefined && parent.sampled ? { ...parent, spanId: newSpanId() } : undefined;
    let status: number | undefined;
    let failure: unknown;
    try {
      const answer = await call(withContext({}, recorded ?? parent));
      status = answer.status;
      if (request !== undefined) request.answeredAttempts += 1;
      return answer.value;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      const endMs = performance.now();
      durations.observe(
        {
          server_address: opts.peer,
          http_request_method: opts.method,
          http_response_status_code: status === undefined ? NO_RESPONSE : String(status),
        },
        (endMs - startMs) / 1000,
      );
      if (recorded !== undefined) recordSpan({ opts, ids: recorded, startMs, endMs, status, failure });
    }
  };

  interface EndedCall {
    opts: ClientCall;
    ids: TraceIds;
    startMs: number;
    endMs: number;
    status: number | undefined;
    failure: unknown;
  }

  function recordSpan({ opts, ids, startMs, endMs, status, failure }: EndedCall): void {
    const { peer, method, route, attempt = 1 } = opts;
    const [, host = peer, port] = /^(.*?)(?::(\d+))?$/.exec(peer) ?? [];
    const failed = status === undefined || status >= 400;
    const exception = failure instanceof Error ? exceptionAttributes(failure) : undefined;
    traces.record({
      name: `${method} ${route}`,
      kind: SpanKind.CLIENT,
      traceId: ids.traceId,
      spanId: ids.spanId,
      parent: trace.getSpanContext(contextManager.active()),
      startEpochMs: performance.timeOrigin + startMs,
      endEpochMs: performance.timeOrigin + endMs,
      attributes: {
        "http.request.method": method,
        "server.address": host,
        ...(port !== undefined && { "server.port": Number(port) }),
        "url.template": route,
        ...(status !== undefined && { "http.response.status_code": status }),
        ...(attempt > 1 && { "http.request.resend_count": attempt - 1 }),
        ...(failed && { "error.type": exception?.["exception.type"] ?? String(status ?? NO_RESPONSE) }),
      },
      handlerAttributes: undefined,
      events:
        exception === undefined
          ? []
          : [{ name: "exception", attributes: exception, time: performance.timeOrigin + endMs }],
      links: [],
      status: failed ? { code: SpanStatusCode.ERROR } : undefined,
    });
  }
}
