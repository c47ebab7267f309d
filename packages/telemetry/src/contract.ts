/**
 * The metric contract: every metric of a service, said once. Metrics are registered from it, the README's
 * table is generated from it, and dashboards, rules and scalers are checked against it. It is data: importing
 * this file starts nothing.
 *
 * Names follow OpenTelemetry's semantic conventions in Prometheus form (dots become underscores, the unit is a
 * suffix, counters end in `_total`) and carry no product prefix, so that one dashboard serves every service.
 */
import { STATUS_CODES } from "node:http";

/** A label, and what bounds the number of its values. */
export interface LabelDefinition {
  readonly name: string;
  /** Closed: the only values there are. Any other value is counted under {@link OVERFLOW}. */
  readonly values?: readonly string[];
  /** Open: the first so many different values are kept, later ones are counted under {@link OVERFLOW}. */
  readonly maxValues?: number;
}

export interface MetricDefinition {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  /** What one unit of the value is; `1` is a plain count or a flag. */
  readonly unit: "seconds" | "bytes" | "ratio" | "1";
  readonly help: string;
  readonly labels: readonly LabelDefinition[];
  /** Histograms only: upper bounds in the metric's unit, ascending, without +Inf. */
  readonly buckets?: readonly number[];
  /** `stable`: renaming it, or a label of it, is a breaking change of the service. */
  readonly stability: "stable" | "experimental";
  /** Who reads it besides people; such series exist at 0 from the start. */
  readonly readBy?: readonly ("scaler" | "alert" | "dashboard")[];
}

/** Label value that stands for every value outside a label's bound. */
export const OVERFLOW = "_OTHER";
/** `http_route` of a request that no route matched: one label for all of them, whatever was asked. */
export const UNMATCHED_ROUTE = "_UNMATCHED";
/** `http_response_status_code` of a request whose client went away before the response was complete. */
export const ABORTED = "_ABORTED";
/** `http_response_status_code` of a call upstream that got no response at all. */
export const NO_RESPONSE = "_NONE";

/** Methods that RFC 9110, RFC 5789 and the QUERY draft define: OpenTelemetry's known methods. */
export const HTTP_METHODS = [
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
  OVERFLOW,
] as const;

/** Codes that Node knows by name, then one value for the rest of each class, so that `5..` finds every server error. */
const STATUS_VALUES: readonly string[] = [...Object.keys(STATUS_CODES), "1xx", "2xx", "3xx", "4xx", "5xx", OVERFLOW];

// From 1 ms (an answer out of memory) to 10 s (the longest allowed request). OpenTelemetry's advice for
// http.server.request.duration starts at 5 ms, where a Node service has most of its answers in one bucket.
const DURATION_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

const method = { name: "http_request_method", values: HTTP_METHODS } as const;
// An API of more than 200 routes is several services; the bound is for routes made up at run time.
const route = { name: "http_route", maxValues: 200 } as const;
const upstream = { name: "upstream", maxValues: 20 } as const;
const breakerState = { name: "state", values: ["closed", "open", "half_open"] } as const;

export const contract = [
  {
    name: "http_server_request_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time from a request's headers to the last byte of its response, by route; shed requests are in it as 503.",
    labels: [method, route, { name: "http_response_status_code", values: [...STATUS_VALUES, ABORTED] }],
    buckets: DURATION_BUCKETS,
    stability: "stable",
    readBy: ["scaler", "alert", "dashboard"],
  },
  {
    name: "http_server_active_requests",
    kind: "gauge",
    unit: "1",
    help: "Requests whose response is not complete yet.",
    labels: [],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "http_server_shed_requests_total",
    kind: "counter",
    unit: "1",
    help: "Requests refused with 503 because the event loop was too busy.",
    labels: [],
    stability: "stable",
    readBy: ["scaler", "alert", "dashboard"],
  },
  {
    name: "http_server_aborted_requests_total",
    kind: "counter",
    unit: "1",
    help: "Requests whose connection closed before the response was complete.",
    labels: [],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "http_client_request_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time of one attempt at an upstream; _NONE is an attempt without a response.",
    labels: [
      { name: "server_address", maxValues: 20 },
      method,
      { name: "http_response_status_code", values: [...STATUS_VALUES, NO_RESPONSE] },
    ],
    buckets: DURATION_BUCKETS,
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "http_client_requests_total",
    kind: "counter",
    unit: "1",
    help: "Logical calls of an upstream, however many attempts each took.",
    labels: [upstream],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "http_client_attempts_total",
    kind: "counter",
    unit: "1",
    help: "Attempts at an upstream by outcome; attempts / requests stays at or below 1.2 (the retry budget).",
    labels: [upstream, { name: "outcome", values: ["success", "failure", "timeout", "aborted"] }],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "circuit_breaker_state",
    kind: "gauge",
    unit: "1",
    help: "1 for the state that the upstream's breaker is in, 0 for the others.",
    labels: [upstream, breakerState],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "circuit_breaker_transitions_total",
    kind: "counter",
    unit: "1",
    help: "Times that the upstream's breaker went into a state.",
    labels: [upstream, breakerState],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "retry_budget_exhausted_total",
    kind: "counter",
    unit: "1",
    help: "Retries not made because the upstream's retry budget was used up.",
    labels: [upstream],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "fallback_total",
    kind: "counter",
    unit: "1",
    help: "Answers given without the upstream: from stale data, or saying that it is unknown.",
    labels: [upstream, { name: "kind", values: ["stale", "unknown"] }],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "lifecycle_state",
    kind: "gauge",
    unit: "1",
    help: "1 for the state that the process is in, 0 for the others.",
    labels: [{ name: "state", values: ["starting", "ready", "shedding", "unready", "draining", "stopped"] }],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "lifecycle_drain_phase",
    kind: "gauge",
    unit: "1",
    help: "1 for the phase that the drain is in, 0 for the others.",
    labels: [{ name: "phase", values: ["lag", "announce", "drain", "close", "flush", "ship"] }],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "lifecycle_drain_phase_duration_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "How long a phase of the drain took; 0 until it has ended.",
    labels: [{ name: "phase", values: ["lag", "announce", "drain", "close", "flush", "ship"] }],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "faults_active",
    kind: "gauge",
    unit: "1",
    help: "1 for each fault that is switched on.",
    labels: [
      {
        name: "fault",
        values: [
          "latency",
          "error-rate",
          "readiness-off",
          "event-loop-block",
          "cpu-burn",
          "memory-leak",
          "exit",
          "dependency-failure",
          "ignore-sigterm",
          "slow-start",
        ],
      },
    ],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "log_lines_lost_total",
    kind: "counter",
    unit: "1",
    help: "Log lines that stdout or the log files refused for good; their seq is missing there.",
    labels: [],
    stability: "experimental",
    readBy: ["alert"],
  },
  {
    name: "trace_spans_lost_total",
    kind: "counter",
    unit: "1",
    help: "Spans that could not be delivered to the trace endpoint.",
    labels: [],
    stability: "experimental",
    readBy: ["alert"],
  },
  {
    name: "nodejs_eventloop_utilization",
    kind: "gauge",
    unit: "ratio",
    help: "Share of the last whole interval in which the event loop was busy, 0 to 1.",
    labels: [],
    stability: "stable",
    readBy: ["scaler", "alert", "dashboard"],
  },
  {
    name: "nodejs_heap_size_used_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Bytes of V8's heap in use.",
    labels: [],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "nodejs_heap_size_total_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Bytes that V8 has reserved for its heap.",
    labels: [],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "process_cpu_seconds_total",
    kind: "counter",
    unit: "seconds",
    help: "CPU time, user and system, since the process started.",
    labels: [],
    stability: "stable",
    readBy: ["dashboard"],
  },
  {
    name: "process_resident_memory_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "Resident memory.",
    labels: [],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "process_start_time_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Unix time at which the process started.",
    labels: [],
    stability: "stable",
    readBy: ["alert", "dashboard"],
  },
  {
    name: "target_info",
    kind: "gauge",
    unit: "1",
    help: "Always 1; its labels say what is scraped here.",
    labels: [
      { name: "service_name", maxValues: 1 },
      { name: "service_version", maxValues: 1 },
      { name: "service_instance_id", maxValues: 1 },
    ],
    stability: "stable",
    readBy: ["dashboard"],
  },
] as const satisfies readonly MetricDefinition[];

/** One metric of the contract, as a type that knows its literal name and labels. */
export type ContractMetric = (typeof contract)[number];
