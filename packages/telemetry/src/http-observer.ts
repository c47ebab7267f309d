/**
 * Observes an app's requests from outside of its router: context, span, histogram, access line. The app is handed each
 * request as it came, and knows nothing of this.
 */
import { SpanKind, SpanStatusCode, type Attributes } from "@opentelemetry/api";
import { STATUS_CODES, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { contextManager } from "./context.ts";
import { ABORTED, HTTP_METHODS, OVERFLOW, UNMATCHED_ROUTE } from "./contract.ts";
import { bucketOf, type BoundedHistogram, type HistogramSeries } from "./histogram.ts";
import { createRouteNames, rememberMountPaths, type RouteNames } from "./http-route.ts";
import { pathText, REDACTED, userAgentText, type ServiceLog } from "./log.ts";
import { RequestSpan } from "./request-span.ts";
import type { Traces } from "./traces.ts";
import type { ObserveOptions } from "./types.ts";

export interface HttpObserverOptions {
  readonly log: ServiceLog;
  readonly traces: Traces;
  readonly durations: BoundedHistogram;
  readonly onAborted: () => void;
  readonly onRoutes: (routes: ReturnType<RouteNames["list"]>) => void;
  readonly redact: readonly string[];
}

export interface HttpObserver {
  readonly activeRequests: number;
  observe(app: RequestListener, opts?: ObserveOptions): RequestListener;
}

/** What is the same for every request of one route, method and status: the bounded table that keeps the metric bounded. */
interface Endpoint {
  readonly series: HistogramSeries;
  /** JSON text of its fields of the access line. */
  readonly fields: string;
}

/** What is the same for every request of a connection. */
interface Connection {
  /** Requests without an end yet; more than one only when they are pipelined. */
  readonly open: Set<RequestSpan>;
  clientText: string;
  userAgent: string | undefined;
  userAgentText: string;
}

// A failed request that was not sampled gets a span all the same, but not without end: under overload every shed request
// is a failed one, and a span each, 10 us with its export, would make the overload worse.
const MAX_UNSAMPLED_SPANS_PER_SECOND = 100;

const METHOD_INDEX = new Map<string, number>(HTTP_METHODS.map((method, index) => [method, index]));
const OTHER_METHOD = HTTP_METHODS.indexOf(OVERFLOW);

// A status code by its place in a table of the label's values; see STATUS_VALUES in contract.ts.
const MAX_STATUS = 1000;
const statusLabels = Array.from({ length: MAX_STATUS }, (_, code) => statusLabel(code));
const ABORTED_STATUS = MAX_STATUS;

function statusLabel(code: number): string {
  if (STATUS_CODES[code] !== undefined) return String(code);
  return code >= 100 && code < 600 ? `${Math.floor(code / 100)}xx` : OVERFLOW;
}

export function createHttpObserver(opts: HttpObserverOptions): HttpObserver {
  const { log, traces, durations, onAborted, onRoutes } = opts;
  const { buckets = [] } = durations.definition;
  const { exporting, samplingRatio } = traces;
  const hidden = new Set(opts.redact.map(flatKey));
  const hiddenText = `"${REDACTED}"`;
  const connections = new WeakMap<Socket, Connection>();
  // By route, then by status and method; both bounded, since what is outside a bound shares an entry.
  const endpoints = new Map<string, Map<number, Endpoint>>();
  let activeRequests = 0;
  let unsampledSpans = 0;
  let unsampledSecond = 0;

  function observe(app: RequestListener, observeOpts: ObserveOptions = {}): RequestListener {
    const routes = createRouteNames(app);
    const { clientAddress } = observeOpts;
    const routeOf = observeOpts.route ?? routes.nameOf;
    rememberMountPaths(app);
    onRoutes(routes.list());

    return function observedListener(req: IncomingMessage, res: ServerResponse): void {
      const request = new RequestSpan(req, res, samplingRatio);
      const connection = connections.get(req.socket) ?? openConnection(req);
      connection.open.add(request);
      activeRequests += 1;
      res.on("close", () => endRequest(request));
      // `run` and not `enterWith`: that saves 0.1 of 90 us and leaves the context to whatever runs next in this turn, on a
      // pipelined socket the next request (pipelining.process.test.ts).
      contextManager.with(request, app, undefined, req, res);
    };

    function openConnection(req: IncomingMessage): Connection {
      const { socket } = req;
      const connection: Connection = {
        open: new Set(),
        clientText: hidden.has("client.address") ? hiddenText : JSON.stringify(addressOf(socket)),
        userAgent: undefined,
        userAgentText: "",
      };
      connections.set(socket, connection);
      // Pipelined responses that were not at their turn yet never hear of the connection's end: they are told here.
      socket.on("close", function endOpenRequests() {
        for (const request of connection.open) endRequest(request);
      });
      return connection;
    }

    /** At `close` of the response or of its connection, whichever is first. */
    function endRequest(request: RequestSpan): void {
      if (request.done) return;
      const endMs = performance.now();
      const { req, res } = request;
      request.done = true;
      activeRequests -= 1;
      const connection = connections.get(req.socket);
      connection?.open.delete(request);
      // Node takes the socket off a response whose last byte is written, and off no other (`response.socket`).
      const aborted = !(res.writableFinished && res.socket === null);
      const durationMs = endMs - request.startMs;
      const route = routeOf(req);
      const endpoint = endpointOf(route, req.method ?? "", aborted ? ABORTED_STATUS : res.statusCode);
      count(endpoint.series, request, durationMs / 1000);
      if (aborted) onAborted();
      const failed = aborted || res.statusCode >= 500;
      const level = aborted ? "warn" : failed ? "error" : "info";
      if (log.writes(level)) {
        log.writeLine(level, accessFields({ request, connection, endpoint, aborted, failed, durationMs }), "request");
      }
      if (exporting && (request.sampled || (failed && mayRecordUnsampled(endMs)))) {
        recordSpan({ request, route, aborted, failed, endMs });
      }
    }

    function accessFields(end: {
      request: RequestSpan;
      connection: Connection | undefined;
      endpoint: Endpoint;
      aborted: boolean;
      failed: boolean;
      durationMs: number;
    }): string {
      const { request, connection, endpoint, aborted, failed, durationMs } = end;
      const { req, res } = request;
      const status = wasAnswered(res, aborted) ? `,"http.response.status_code":${res.statusCode}` : "";
      const error = failed ? `,"error.type":${JSON.stringify(errorType(request, aborted))}` : "";
      const client = clientAddress === undefined ? (connection?.clientText ?? '""') : customClientText(req);
      const path = hidden.has("url.path") ? hiddenText : pathText(request.url);
      return `${endpoint.fields}${status}${error},"http.server.request.duration_ms":${Math.round(durationMs)},"url.path":${path},"network.protocol.version":"${req.httpVersion}","client.address":${client}${agentFields(req, connection)},"trace_id":"${request.traceId}","span_id":"${request.spanId}","trace_flags":"${request.sampled ? "01" : "00"}"${attemptFields(request)}`;
    }

    function customClientText(req: IncomingMessage): string {
      return hidden.has("client.address") ? hiddenText : JSON.stringify(clientAddress?.(req) ?? "");
    }
  }

  function attemptFields({ attempts, answeredAttempts }: RequestSpan): string {
    if (attempts === 0) return "";
    const unanswered = attempts - answeredAttempts;
    return `,"http.client.attempts":${attempts}${unanswered === 0 ? "" : `,"http.client.unanswered":${unanswered}`}`;
  }

  function agentFields(req: IncomingMessage, connection: Connection | undefined): string {
    const userAgent = req.headers["user-agent"];
    if (userAgent === undefined) return "";
    if (connection === undefined || connection.userAgent !== userAgent) {
      const text = `,"user_agent.original":${hidden.has("user_agent.original") ? hiddenText : userAgentText(userAgent)}`;
      if (connection === undefined) return text;
      connection.userAgent = userAgent;
      connection.userAgentText = text;
    }
    return connection.userAgentText;
  }

  function endpointOf(route: string | undefined, method: string, status: number): Endpoint {
    const methodIndex = METHOD_INDEX.get(method) ?? OTHER_METHOD;
    const key = status * HTTP_METHODS.length + methodIndex;
    const name = route ?? UNMATCHED_ROUTE;
    const found = endpoints.get(name)?.get(key);
    return found ?? makeEndpoint(name, methodIndex, status);
  }

  function makeEndpoint(name: string, methodIndex: number, status: number): Endpoint {
    const label = status === ABORTED_STATUS ? ABORTED : (statusLabels[status] ?? OVERFLOW);
    const method = HTTP_METHODS[methodIndex] ?? OVERFLOW;
    const series = durations.series({
      http_request_method: method,
      http_route: name,
      http_response_status_code: label,
    });
    const routeField = name === UNMATCHED_ROUTE ? "" : `,"http.route":${JSON.stringify(name)}`;
    const endpoint: Endpoint = { series, fields: `,"http.request.method":"${method}"${routeField}` };
    // Kept only where the metric keeps it: a route beyond the bound is made again for each request, and not remembered.
    if (series.labels["http_route"] === name) {
      const byStatus = endpoints.get(name) ?? new Map<number, Endpoint>();
      endpoints.set(name, byStatus);
      byStatus.set(status * HTTP_METHODS.length + methodIndex, endpoint);
    }
    return endpoint;
  }

  function count(series: HistogramSeries, request: RequestSpan, seconds: number): void {
    const index = bucketOf(buckets, seconds);
    series.counts[index] = (series.counts[index] ?? 0) + 1;
    series.sum += seconds;
    if (exporting && request.sampled) {
      // Only a trace that was sampled can be found where the exemplar points to.
      series.exemplars[index] = {
        traceId: request.traceId,
        spanId: request.spanId,
        value: seconds,
        epochMs: Date.now(),
      };
    }
  }

  function mayRecordUnsampled(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== unsampledSecond) {
      unsampledSecond = second;
      unsampledSpans = 0;
    }
    unsampledSpans += 1;
    return unsampledSpans <= MAX_UNSAMPLED_SPANS_PER_SECOND;
  }

  function recordSpan(end: {
    request: RequestSpan;
    route: string | undefined;
    aborted: boolean;
    failed: boolean;
    endMs: number;
  }): void {
    const { request, route, aborted, failed, endMs } = end;
    const { recording, startMs } = request;
    const method = METHOD_INDEX.has(request.req.method ?? "") ? (request.req.method ?? "") : "HTTP";
    traces.record({
      name: recording?.name ?? (route === undefined ? method : `${method} ${route}`),
      kind: SpanKind.SERVER,
      traceId: request.traceId,
      spanId: request.spanId,
      parent: request.parentSpanContext(),
      startEpochMs: performance.timeOrigin + startMs,
      endEpochMs: performance.timeOrigin + endMs,
      attributes: {
        ...serverAttributes({ request, route, aborted }),
        ...(failed && { "error.type": errorType(request, aborted) }),
      },
      handlerAttributes: recording?.attributes,
      events: recording?.events ?? [],
      links: recording?.links ?? [],
      status: recording?.status ?? (failed ? { code: SpanStatusCode.ERROR } : undefined),
    });
  }

  return {
    observe,
    get activeRequests() {
      return activeRequests;
    },
  };
}

/** `["client.address"]` is pino's way to name a flat key with a dot in it; the access line has flat keys only. */
function flatKey(path: string): string {
  return /^\["(.+)"\]$/.exec(path)?.[1] ?? path;
}

/**
 * Whether any of the response reached its connection: a pipelined one that was cut before its turn has its headers made,
 * and no socket, and its client never saw a status.
 */
function wasAnswered(res: ServerResponse, aborted: boolean): boolean {
  return res.headersSent && !(aborted && res.socket === null);
}

function errorType(request: RequestSpan, aborted: boolean): string {
  if (aborted) return "aborted";
  return request.errorType ?? String(request.res.statusCode);
}

const MAX_ATTRIBUTE_CHARS = 1024;

function serverAttributes(end: { request: RequestSpan; route: string | undefined; aborted: boolean }): Attributes {
  const { request, route, aborted } = end;
  const { req, res, url } = request;
  const method = req.method ?? "";
  const known = METHOD_INDEX.has(method);
  const query = url.indexOf("?");
  const path = (query === -1 ? url : url.slice(0, query)).slice(0, MAX_ATTRIBUTE_CHARS);
  const userAgent = req.headers["user-agent"];
  return {
    "http.request.method": known ? method : OVERFLOW,
    ...(!known && { "http.request.method_original": method }),
    ...(route !== undefined && { "http.route": route }),
    ...(wasAnswered(res, aborted) && { "http.response.status_code": res.statusCode }),
    "url.path": path,
    "url.scheme": "encrypted" in req.socket ? "https" : "http",
    "network.protocol.version": req.httpVersion,
    ...(req.socket.remoteAddress !== undefined && { "client.address": addressOf(req.socket) }),
    ...(userAgent !== undefined && { "user_agent.original": userAgent.slice(0, 256) }),
  };
}

/** A client that speaks IPv4 has an IPv4 address: a socket that serves both shows it as `::ffff:192.0.2.1`. */
function addressOf({ remoteAddress = "" }: Socket): string {
  return remoteAddress.startsWith("::ffff:") ? remoteAddress.slice("::ffff:".length) : remoteAddress;
}
