/** What the package promises, apart from how it keeps it. */
import type { IncomingMessage, RequestListener } from "node:http";
import type { Logger } from "pino";
import type { ContractMetric, LabelDefinition, MetricDefinition } from "./contract.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface TracesOptions {
  /** OTLP/HTTP base URL, for example `http://collector:4318`; absent: nothing is exported and nothing is loaded for it. */
  readonly endpoint?: string;
  /** Share of new traces that are recorded, 0..1, default 0.1; a caller's decision always wins over it. */
  readonly samplingRatio?: number;
  /** Headers of every export request, for example an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long a span waits for company before it leaves, in ms, default 1000. Less costs more requests to the receiver. */
  readonly exportDelayMs?: number;
}

export interface LogFilesOptions {
  /** A directory that exists; the files are `<dir>/service-NNNNNN.log`. */
  readonly dir: string;
  /** A file that would grow beyond this is closed, and the next one begins. From 512 KiB, default 8 MiB. */
  readonly maxBytes?: number;
  /** How many files there are at most, the one that is being written included. From 2, default 4. */
  readonly files?: number;
}

export interface TelemetryOptions<Extra extends readonly MetricDefinition[] = readonly MetricDefinition[]> {
  readonly serviceName: string;
  readonly serviceVersion: string;
  /** The replica's name: `service.instance.id` on log lines, spans and metrics. */
  readonly instanceId: string;
  /** Default `info`. */
  readonly logLevel?: LogLevel;
  readonly traces?: TracesOptions;
  /** Further attributes of the resource that spans carry. */
  readonly resourceAttributes?: Readonly<Record<string, string>>;
  /** Where log lines go: a file descriptor or a stream; default 1 (stdout), written synchronously. */
  readonly destination?: number | NodeJS.WritableStream;
  /**
   * Files that get the same lines beside the destination, for a log shipper that runs next to the process. Lines that are
   * in a file carry `"log_shipping":"sidecar"`, by which the node's log agent knows that they are not for it.
   */
  readonly logFiles?: LogFilesOptions | undefined;
  /** The service's own metrics, in the contract's form: registered, bounded and exposed like the contract's. */
  readonly metrics?: Extra;
  /** Names of the upstreams that the service has, so that their series exist at 0 before the first call. */
  readonly upstreams?: readonly string[];
  /** Fields of a log line whose values are never written, for example `client.address`; paths as pino's `redact` takes them. */
  readonly redact?: readonly string[];
  /** Source of `nodejs_eventloop_utilization`, 0..1, asked at each scrape (a shedder knows it); default: measured here over whole seconds. */
  readonly eventLoopUtilization?: () => number;
}

type LabelValue<L extends LabelDefinition> = L extends { readonly values: readonly (infer V)[] } ? V : string;

/** The labels of a metric: closed ones as a union of their values. */
type LabelsOf<M extends MetricDefinition> = { readonly [L in M["labels"][number] as L["name"]]: LabelValue<L> };

type Named<D extends MetricDefinition, K extends MetricDefinition["kind"], N> = Extract<D, { kind: K; name: N }>;
type NameOf<D extends MetricDefinition, K extends MetricDefinition["kind"]> = Extract<D, { kind: K }>["name"];

export interface Counter<Labels> {
  /** Adds `by` (default 1, never negative). */
  inc(labels: Labels, by?: number): void;
}
export interface Gauge<Labels> {
  set(labels: Labels, value: number): void;
}
export interface Histogram<Labels> {
  /** @param value in the metric's unit (seconds for durations). */
  observe(labels: Labels, value: number): void;
}

/** Metrics by their contract names: a name or label that the contract does not know fails to compile, and throws `METRIC_UNKNOWN` at run time. */
export interface Metrics<D extends MetricDefinition = ContractMetric> {
  counter<N extends NameOf<D, "counter">>(name: N): Counter<LabelsOf<Named<D, "counter", N>>>;
  gauge<N extends NameOf<D, "gauge">>(name: N): Gauge<LabelsOf<Named<D, "gauge", N>>>;
  histogram<N extends NameOf<D, "histogram">>(name: N): Histogram<LabelsOf<Named<D, "histogram", N>>>;
}

export interface ObserveOptions {
  /**
   * The pattern of the route that answered, for frameworks other than Express; asked once, when the response is complete.
   * It must return patterns (`/users/:id`), never paths.
   */
  readonly route?: (req: IncomingMessage) => string | undefined;
  /** The client's address behind a trusted proxy; default: the connection's peer. */
  readonly clientAddress?: (req: IncomingMessage) => string | undefined;
}

export interface ClientCall {
  /** Host, or host:port, of the upstream; a label, so a name and not an address that changes. */
  readonly peer: string;
  readonly method: string;
  /** The pattern of the path that is called, for example `/api/stock/:id`. */
  readonly route: string;
  /** Which attempt this is, from 1; a span attribute from the second on. */
  readonly attempt?: number;
}

export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface Exposition {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Telemetry<D extends MetricDefinition = ContractMetric> {
  /** pino; each line carries `seq`, and `trace_id`, `span_id` inside a request. */
  readonly log: Logger;
  readonly metrics: Metrics<D>;
  /** Settles when spans can be exported (at once without an endpoint); never rejects. Spans ended before it are kept. */
  readonly ready: Promise<void>;
  /** Wraps an app: context, span, metrics and the access line of each request. Its routes know nothing of it. */
  observe(app: RequestListener, opts?: ObserveOptions): RequestListener;
  /** `headers` with traceparent, tracestate and baggage of the current request added; the same object outside of one. */
  propagate(headers: Record<string, string>): Record<string, string>;
  /** Runs a call upstream as a client span, measured in `http_client_request_duration_seconds`. Rethrows what `call` throws. */
  clientCall<T>(
    opts: ClientCall,
    call: (headers: Record<string, string>) => Promise<{ status: number; value: T }>,
  ): Promise<T>;
  /** The current request's ids; undefined outside of one. */
  current(): TraceIds | undefined;
  /** `/metrics`: OpenMetrics with exemplars where the scraper asks for it, the Prometheus text format else. */
  render(req: Pick<IncomingMessage, "headers">): Promise<Exposition>;
  /** Delivers spans (at most 2 s), then writes the last line: `telemetry.end`, whose `last_seq` is its own seq. */
  close(): Promise<void>;
}
