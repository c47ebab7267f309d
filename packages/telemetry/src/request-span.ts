/**
 * One object a request: the record that the observer keeps, the active span, and the OpenTelemetry context.
 *
 * The observer needs a record of each request, OpenTelemetry a context and a span. Making the three one object, and a span
 * for the exporter only at the end of a request that is exported, is what sampling at 0.1 is worth: nine of ten requests
 * never touch the SDK, whose own span costs 13 to 20 us. What is given up: the SDK's span processors see no `onStart` of
 * these spans. What a handler sets on the active span (attributes, events, status) is kept here until the end, and so is
 * there for a failed request that was not sampled, too.
 */
import {
  ROOT_CONTEXT,
  createContextKey,
  createTraceState,
  trace,
  TraceFlags,
  SpanStatusCode,
  type Attributes,
  type AttributeValue,
  type Context,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  type TimeInput,
} from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import { acceptBaggage, acceptTracestate, parseTraceparent } from "./trace-context.ts";
import { isNewTraceSampled, newSpanId, newTraceId } from "./ids.ts";

const REQUEST_KEY = createContextKey("holdfast request");

// As the SDK's own default limits: a loop that sets attributes or events must not fill memory.
const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
const MAX_LINKS = 128;

export interface SpanEvent {
  readonly name: string;
  readonly attributes: Attributes | undefined;
  readonly time: TimeInput;
}

/** What a handler put on the span while the request ran. */
export interface Recording {
  name?: string;
  status?: SpanStatus;
  readonly attributes: Attributes;
  readonly events: SpanEvent[];
  readonly links: Link[];
}

export class RequestSpan implements Span, Context {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly traceId: string;
  readonly spanId: string;
  /** Span id of the caller, when it sent a valid traceparent. */
  readonly parentSpanId: string | undefined;
  readonly sampled: boolean;
  /** As of `performance.now()`. */
  readonly startMs: number;
  /** The path as it was asked for: routers rewrite `req.url` while they work. */
  readonly url: string;
  done = false;
  /** Attempts at upstreams made for this request, and how many of them got a response. */
  attempts = 0;
  answeredAttempts = 0;
  /** `error.type` of the last exception that a handler recorded. */
  errorType: string | undefined = undefined;
  recording: Recording | undefined = undefined;
  #context: Context | undefined = undefined;
  #spanContext: SpanContext | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, samplingRatio: number) {
    this.req = req;
    this.res = res;
    this.startMs = performance.now();
    this.url = req.url ?? "";
    const header = req.headers["traceparent"];
    // Parsed only when it is there; most requests inside a cluster have one, most from outside have none.
    const parent = header === undefined ? undefined : parseTraceparent(header);
    if (parent === undefined) {
      this.traceId = newTraceId();
      this.parentSpanId = undefined;
      this.sampled = isNewTraceSampled(samplingRatio);
    } else {
      this.traceId = parent.traceId;
      this.parentSpanId = parent.spanId;
      this.sampled = parent.sampled;
    }
    this.spanId = newSpanId();
  }

  /** tracestate to pass on; it belongs to the caller's traceparent and is nothing without it. */
  get tracestate(): string | undefined {
    return this.parentSpanId === undefined ? undefined : acceptTracestate(this.req.headers["tracestate"]);
  }

  get baggage(): string | undefined {
    return acceptBaggage(this.req.headers["baggage"]);
  }

  // --- Span ---

  spanContext(): SpanContext {
    this.#spanContext ??= this.#makeSpanContext();
    return this.#spanContext;
  }

  #makeSpanContext(): SpanContext {
    const { tracestate } = this;
    return {
      traceId: this.traceId,
      spanId: this.spanId,
      traceFlags: this.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
    };
  }

  /** The remote parent as the SDK wants it, or undefined for a trace that begins here. */
  parentSpanContext(): SpanContext | undefined {
    if (this.parentSpanId === undefined) return undefined;
    return { ...this.spanContext(), spanId: this.parentSpanId, isRemote: true };
  }

  setAttribute(key: string, value: AttributeValue): this {
    const recording = this.#record();
    if (
      recording !== undefined &&
      (key in recording.attributes || Object.keys(recording.attributes).length < MAX_ATTRIBUTES)
    ) {
      recording.attributes[key] = value;
    }
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined) this.setAttribute(key, value);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const recording = this.#record();
    if (recording === undefined || recording.events.length >= MAX_EVENTS) return this;
    const attributes = isTimeInput(attributesOrTime) ? undefined : attributesOrTime;
    const at = isTimeInput(attributesOrTime) ? attributesOrTime : time;
    recording.events.push({ name, attributes, time: at ?? Date.now() });
    return this;
  }

  addLink(link: Link): this {
    const recording = this.#record();
    if (recording !== undefined && recording.links.length < MAX_LINKS) recording.links.push(link);
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  setStatus(status: SpanStatus): this {
    const recording = this.#record();
    if (recording !== undefined && recording.status?.code !== SpanStatusCode.OK) recording.status = status;
    return this;
  }

  updateName(name: string): this {
    const recording = this.#record();
    if (recording !== undefined) recording.name = name;
    return this;
  }

  /** The observer ends a request, when its response has ended; a handler cannot. */
  end(): void {
    return undefined;
  }

  /** Until the request is done: what is set now is exported if the request is sampled, or fails. */
  isRecording(): boolean {
    return !this.done;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes = exceptionAttributes(exception);
    this.errorType = attributes["exception.type"];
    this.addEvent("exception", attributes, time);
  }

  #record(): Recording | undefined {
    if (this.done) return undefined;
    this.recording ??= { attributes: {}, events: [], links: [] };
    return this.recording;
  }

  // --- Context ---

  getValue(key: symbol): unknown {
    return this.#inner().getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#inner().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#inner().deleteValue(key);
  }

  /** A context of the API's own making, for whoever asks: most requests never do. */
  #inner(): Context {
    this.#context ??= trace.setSpan(ROOT_CONTEXT.setValue(REQUEST_KEY, this), this);
    return this.#context;
  }
}

/** The request that `context` belongs to, also under spans and values that were added since. */
export function requestOf(context: Context): RequestSpan | undefined {
  if (context instanceof RequestSpan) return context;
  if (context === ROOT_CONTEXT) return undefined;
  const request = context.getValue(REQUEST_KEY);
  return request instanceof RequestSpan ? request : undefined;
}

function isTimeInput(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}

const MAX_STACK_CHARS = 8192;

/** An exception by OpenTelemetry's names; the stack is cut to 8192 characters. */
export function exceptionAttributes(exception: Exception): Record<string, string> & { "exception.type": string } {
  if (typeof exception === "string") return { "exception.type": "Error", "exception.message": exception };
  const { code, name, message, stack } = exception;
  return {
    // Node's codes say more than their names; numbers, such as the 23 of a timed-out signal, say nothing.
    "exception.type": typeof code === "string" ? code : (name ?? "Error"),
    ...(message !== undefined && { "exception.message": message }),
    ...(stack !== undefined && { "exception.stacktrace": stack.slice(0, MAX_STACK_CHARS) }),
  };
}
