import { expect, test } from "vitest";
import { contract, HTTP_METHODS, OVERFLOW, type MetricDefinition } from "./contract.ts";

const definitions: readonly MetricDefinition[] = contract;
const labelNames = (metric: MetricDefinition): string[] => metric.labels.map(({ name }) => name);

// The names that dashboards, alert rules and scalers of the whole system are written with. Renaming one is breaking.
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  http_server_request_duration_seconds: ["http_request_method", "http_route", "http_response_status_code"],
  http_server_active_requests: [],
  http_server_shed_requests_total: [],
  http_server_aborted_requests_total: [],
  http_client_request_duration_seconds: ["server_address", "http_request_method", "http_response_status_code"],
  http_client_attempts_total: ["upstream", "outcome"],
  http_client_requests_total: ["upstream"],
  circuit_breaker_state: ["upstream", "state"],
  circuit_breaker_transitions_total: ["upstream", "state"],
  retry_budget_exhausted_total: ["upstream"],
  fallback_total: ["upstream", "kind"],
  lifecycle_state: ["state"],
  lifecycle_drain_phase: ["phase"],
  lifecycle_drain_phase_duration_seconds: ["phase"],
  faults_active: ["fault"],
  log_lines_lost_total: [],
  trace_spans_lost_total: [],
  nodejs_eventloop_utilization: [],
  nodejs_heap_size_used_bytes: [],
  nodejs_heap_size_total_bytes: [],
  process_cpu_seconds_total: [],
  process_resident_memory_bytes: [],
  process_start_time_seconds: [],
  target_info: ["service_name", "service_version", "service_instance_id"],
};

test.for(Object.entries(PROMISED))("%s is in the contract, with its labels", ([name, labels]) => {
  const metric = definitions.find((definition) => definition.name === name);
  expect(metric && labelNames(metric)).toEqual(labels);
});

test("no metric is named twice", () => {
  const names = definitions.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.for(definitions.map((metric) => [metric.name, metric] as const))(
  "%s keeps Prometheus' rules of naming",
  ([name, metric]) => {
    expect(name).toMatch(/^[a-z][a-z\d]*(_[a-z\d]+)*$/);
    expect(["counter", "gauge", "histogram"]).toContain(metric.kind);
    expect(name.endsWith("_total"), "a counter, and nothing else, ends in _total").toBe(metric.kind === "counter");
    expect(name, "suffixes that a histogram's own samples carry").not.toMatch(/_(bucket|count|sum|created)$/);
    // One dashboard serves every service: names begin with what is measured, never with who measures it.
    expect(name).toMatch(/^(http|circuit|retry|fallback|lifecycle|faults|log|trace|nodejs|process|target)_/);
    const unit = /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1];
    expect(unit, "the base unit is the last part of the name").toBe(
      ["seconds", "bytes"].includes(metric.unit) ? metric.unit : undefined,
    );
    expect(metric.help).toMatch(/^[A-Z\d].*\.$/);
    expect(metric.help).not.toContain("\n");
  },
);

test.for(definitions.map((metric) => [metric.name, metric] as const))(
  "%s bounds each of its labels, by its values or by their number",
  ([, metric]) => {
    expect(new Set(labelNames(metric)).size).toBe(metric.labels.length);
    for (const label of metric.labels) {
      expect(label.name).toMatch(/^[a-z][a-z\d]*(_[a-z\d]+)*$/);
      expect(label.name).not.toBe("le");
      expect([label.values, label.maxValues].filter((bound) => bound !== undefined)).toHaveLength(1);
      const { values = [], maxValues = values.length } = label;
      expect(maxValues).toBeGreaterThan(0);
      expect(new Set(values).size).toBe(values.length);
    }
  },
);

test("histograms, and no others, have buckets: positive, ascending, without +Inf", () => {
  for (const { name, kind, buckets } of definitions) {
    expect([name, buckets !== undefined]).toEqual([name, kind === "histogram"]);
    if (buckets === undefined) continue;
    expect([...new Set(buckets)].sort((a, b) => a - b)).toEqual(buckets);
    expect(buckets[0]).toBeGreaterThan(0);
    expect(buckets.every(Number.isFinite)).toBe(true);
    // The longest allowed request, 10 s, must not vanish in +Inf.
    expect(buckets).toContain(10);
  }
});

test("what a scaler or an alert reads is stable, unless it is about telemetry itself", () => {
  const read = definitions.filter(({ readBy = [] }) => readBy.includes("scaler") || readBy.includes("alert"));
  expect(read.length).toBeGreaterThan(0);
  const unstable = read.filter(({ stability }) => stability !== "stable").map(({ name }) => name);
  expect(unstable.every((name) => /^(log|trace)_/.test(name))).toBe(true);
});

test("every class of status codes is closed, so that 5.. finds every server error", () => {
  const metric = definitions.find(({ name }) => name === "http_server_request_duration_seconds");
  const values = metric?.labels.find(({ name }) => name === "http_response_status_code")?.values ?? [];
  expect(values).toEqual(
    expect.arrayContaining(["200", "404", "500", "503", "1xx", "2xx", "3xx", "4xx", "5xx", OVERFLOW]),
  );
  expect(HTTP_METHODS).toEqual(
    expect.arrayContaining(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OVERFLOW]),
  );
});
