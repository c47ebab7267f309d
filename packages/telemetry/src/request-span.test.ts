import { ROOT_CONTEXT, SpanStatusCode, createContextKey, trace } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { exceptionAttributes, RequestSpan, requestOf, type Recording } from "./request-span.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";

function requestWith(headers: Record<string, string> = {}, samplingRatio = 0): RequestSpan {
  return new RequestSpan({ headers, url: "/" } as unknown as IncomingMessage, {} as ServerResponse, samplingRatio);
}

test("a valid traceparent is continued under a span id of its own; anything else begins a trace", () => {
  const continued = requestWith({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` });
  expect(continued).toMatchObject({ traceId: TRACE_ID, parentSpanId: SPAN_ID, sampled: true });
  expect(continued.spanId).toMatch(/^(?!00f067aa0ba902b7)[\da-f]{16}$/);
  const begun = requestWith({ traceparent: `00-${TRACE_ID}-${"0".repeat(16)}-01` });
  expect(begun).toMatchObject({ parentSpanId: undefined, sampled: false });
  expect(begun.traceId).not.toBe(TRACE_ID);
  expect(begun.parentSpanContext()).toBeUndefined();
});

test("tracestate belongs to a traceparent and is nothing without a valid one; baggage stands alone", () => {
  const headers = { tracestate: "rojo=1", baggage: "user=alice" };
  expect(requestWith({ ...headers, traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }).tracestate).toBe("rojo=1");
  expect(requestWith(headers).tracestate).toBeUndefined();
  expect(requestWith(headers).baggage).toBe("user=alice");
});

test("it is the active span and the context of whoever asks OpenTelemetry's API", () => {
  const request = requestWith({}, 1);
  const key = createContextKey("key");
  expect(trace.getSpan(request)).toBe(request);
  const deeper = request.setValue(key, "value");
  expect(deeper.getValue(key)).toBe("value");
  expect([requestOf(request), requestOf(deeper)]).toEqual([request, request]);
  expect(requestOf(ROOT_CONTEXT)).toBeUndefined();
  expect(requestOf(ROOT_CONTEXT.setValue(key, "value"))).toBeUndefined();
  expect(request.spanContext()).toMatchObject({ traceId: request.traceId, spanId: request.spanId, traceFlags: 1 });
});

test("what a handler sets is kept up to the SDK's own limits: a loop does not fill memory", () => {
  const request = requestWith();
  for (let i = 0; i < 10_000; i += 1) {
    request.setAttribute(`key-${i}`, i).addEvent(`event-${i}`).addLink({ context: request.spanContext() });
  }
  request.setAttribute("key-0", "changed");
  const { attributes, events, links } = request.recording as Recording;
  expect([Object.keys(attributes).length, events.length, links.length]).toEqual([128, 128, 128]);
  expect(attributes["key-0"]).toBe("changed");
});

test("a handler cannot end the request's span; after the request it changes nothing any more", () => {
  const request = requestWith();
  request.end();
  expect(request.isRecording()).toBe(true);
  request.setStatus({ code: SpanStatusCode.OK }).setStatus({ code: SpanStatusCode.ERROR });
  expect(request.recording?.status, "OK is final, as OpenTelemetry says").toEqual({ code: SpanStatusCode.OK });
  request.done = true;
  request.updateName("late").setAttributes({ late: true });
  expect(request.isRecording()).toBe(false);
  expect(request.recording).toMatchObject({ attributes: {} });
  expect(request.recording?.name).toBeUndefined();
});

test("an exception is an event and the request's error.type: its code, else its name", () => {
  const request = requestWith();
  request.recordException(new RangeError("no"));
  expect(request.errorType).toBe("RangeError");
  request.recordException(Object.assign(new Error("no"), { code: "E_NO" }));
  expect(request.errorType).toBe("E_NO");
  expect(request.recording?.events.map(({ name }) => name)).toEqual(["exception", "exception"]);
  expect(exceptionAttributes("a text")).toEqual({ "exception.type": "Error", "exception.message": "a text" });
  // A signal that has timed out: the code of a DOMException is a number.
  const timedOut = new DOMException("The operation was aborted due to timeout", "TimeoutError");
  expect(exceptionAttributes(timedOut)["exception.type"]).toBe("TimeoutError");
  expect(exceptionAttributes({ name: "E", stack: "x".repeat(100_000) })["exception.stacktrace"]).toHaveLength(8192);
});
