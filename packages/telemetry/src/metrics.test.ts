import { expect, test } from "vitest";
import { contract, OVERFLOW, type MetricDefinition } from "./contract.ts";
import { everyLabelSet, maxSeries } from "./label-bounds.ts";
import { createMetricStore, type MetricStore } from "./metrics.ts";
import type { Counter, Gauge, Histogram } from "./types.ts";

const definitions: readonly MetricDefinition[] = contract;
type AnyLabels = Record<string, string>;

/** The facade without the contract's types, as a mistaken caller or plain JavaScript has it. */
interface AnyMetrics {
  counter(name: string): Counter<AnyLabels>;
  gauge(name: string): Gauge<AnyLabels>;
  histogram(name: string): Histogram<AnyLabels>;
}
const anyMetrics = (store: MetricStore): AnyMetrics => store.facade as unknown as AnyMetrics;

function createStore(opts: { metrics?: MetricDefinition[]; upstreams?: string[] } = {}): MetricStore {
  return createMetricStore({ metrics: opts.metrics ?? [], upstreams: opts.upstreams ?? [] });
}

async function textOf(store: MetricStore): Promise<string> {
  return (await store.render(undefined)).body;
}

async function samplesOf(store: MetricStore, name: string): Promise<string[]> {
  return (await textOf(store)).split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test("everything in the contract is exposed from the start, as what it says, and nothing outside of it is", async () => {
  const text = await textOf(createStore());
  expect(text.match(/^# TYPE .*/gm)).toEqual(definitions.map(({ name, kind }) => `# TYPE ${name} ${kind}`));
  expect(text.match(/^# HELP .*/gm)).toEqual(definitions.map(({ name, help }) => `# HELP ${name} ${help}`));
  const families = new Set(definitions.map(({ name }) => name));
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const foreign = samples.filter(
    (line) => !families.has((/^\w+/.exec(line)?.[0] ?? "").replace(/_(bucket|sum|count)$/, "")),
  );
  expect(foreign).toEqual([]);
});

test("every series that a scaler or an alert reads exists at 0 from the start", async () => {
  const store = createStore({ upstreams: ["stock", "tax"] });
  store.expectRoutes([]);
  const lines = (await textOf(store)).split("\n");
  const read = definitions.filter(({ readBy = [] }) => readBy.includes("scaler") || readBy.includes("alert"));
  for (const metric of read.filter(({ kind }) => kind !== "histogram")) {
    const sets = everyLabelSet(metric, { upstream: ["stock", "tax"] });
    expect(sets).not.toEqual([]);
    for (const labels of sets) {
      const text = Object.entries(labels)
        .map(([name, value]) => `${name}="${value}"`)
        .join(",");
      expect(lines).toContain(`${metric.name}${text === "" ? "" : `{${text}}`} 0`);
    }
  }
  for (const status of ["500", "503"]) {
    expect(lines).toContain(
      `http_server_request_duration_seconds_count{http_request_method="GET",http_route="_UNMATCHED",http_response_status_code="${status}"} 0`,
    );
  }
});

test("the routes of an app have their error series before their first request, and no others", async () => {
  const store = createStore();
  store.expectRoutes([
    { method: "POST", route: "/api/orders" },
    { method: "*", route: "/any" },
  ]);
  const counts = await samplesOf(store, "http_server_request_duration_seconds_count");
  expect(counts.filter((line) => line.includes('"/api/orders"'))).toEqual([
    'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/api/orders",http_response_status_code="500"} 0',
    'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/api/orders",http_response_status_code="503"} 0',
  ]);
  expect(counts.join("\n")).not.toContain("/any");
});

test("counters count, gauges are set, histograms observe", async () => {
  const store = createStore({ upstreams: ["stock"] });
  store.facade.counter("http_client_requests_total").inc({ upstream: "stock" });
  store.facade.counter("http_client_requests_total").inc({ upstream: "stock" }, 2);
  store.facade.gauge("circuit_breaker_state").set({ upstream: "stock", state: "open" }, 1);
  store.facade
    .histogram("http_client_request_duration_seconds")
    .observe({ server_address: "stock", http_request_method: "GET", http_response_status_code: "200" }, 0.01);
  expect(await samplesOf(store, "http_client_requests_total")).toEqual([
    'http_client_requests_total{upstream="stock"} 3',
  ]);
  expect(await samplesOf(store, "circuit_breaker_state")).toContain(
    'circuit_breaker_state{upstream="stock",state="open"} 1',
  );
  const labels = 'server_address="stock",http_request_method="GET",http_response_status_code="200"';
  const text = await textOf(store);
  expect(text).toContain(`http_client_request_duration_seconds_bucket{${labels},le="0.005"} 0\n`);
  expect(text).toContain(`http_client_request_duration_seconds_bucket{${labels},le="0.01"} 1\n`);
  expect(text).toContain(`http_client_request_duration_seconds_sum{${labels}} 0.01\n`);
});

test("a counter never goes down: a negative step is refused", async () => {
  const counter = createStore().facade.counter("http_server_shed_requests_total");
  expect(() => counter.inc({}, -1)).toThrow("decrease");
});

test.for(definitions.filter(({ labels }) => labels.length > 0).map((metric) => [metric.name, metric] as const))(
  "%s: 10 000 odd label values make no more series than its bound",
  async ([name, metric]) => {
    const store = createStore();
    const metrics = anyMetrics(store);
    for (let i = 0; i < 10_000; i += 1) {
      const labels = Object.fromEntries(metric.labels.map((label) => [label.name, `odd-${i}`]));
      if (metric.kind === "counter") metrics.counter(name).inc(labels);
      else if (metric.kind === "gauge") metrics.gauge(name).set(labels, 1);
      else metrics.histogram(name).observe(labels, 1);
    }
    const samples = await samplesOf(store, metric.kind === "histogram" ? `${name}_count` : name);
    expect(samples.length).toBeLessThanOrEqual(maxSeries(metric));
    expect(samples.join("\n")).toContain(`"${OVERFLOW}"`);
  },
);

test("a metric that is read at scrape time has the value of that scrape, a counter its total", async () => {
  const store = createStore();
  let value = 5;
  store.readAtScrape("http_server_active_requests", () => value);
  store.readAtScrape("log_lines_lost_total", () => value);
  await textOf(store);
  value = 7;
  expect(await samplesOf(store, "http_server_active_requests")).toEqual(["http_server_active_requests 7"]);
  expect(await samplesOf(store, "log_lines_lost_total")).toEqual(["log_lines_lost_total 7"]);
});

test("scraping in one format does not change the other", async () => {
  const store = createStore();
  const before = await textOf(store);
  const openmetrics = await store.render("application/openmetrics-text");
  expect(openmetrics.headers["Content-Type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(openmetrics.body).toMatch(/\n# EOF\n$/);
  expect(openmetrics.body).toContain("# TYPE http_server_shed_requests counter\n");
  const text = await store.render("text/plain");
  expect(text).toEqual({
    status: 200,
    headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
    body: before,
  });
});

const own = (definition: Partial<MetricDefinition>): MetricDefinition => ({
  name: "orders_total",
  kind: "counter",
  unit: "1",
  help: "Orders.",
  labels: [{ name: "kind", values: ["gift", "plain"] }],
  stability: "stable",
  ...definition,
});

test("a service's own metric is registered, bounded and exposed like the contract's", async () => {
  const store = createStore({ metrics: [own({ readBy: ["alert"] })] });
  anyMetrics(store).counter("orders_total").inc({ kind: "gift" });
  anyMetrics(store).counter("orders_total").inc({ kind: "odd" });
  expect(await samplesOf(store, "orders_total")).toEqual([
    'orders_total{kind="gift"} 1',
    'orders_total{kind="plain"} 0',
    `orders_total{kind="${OVERFLOW}"} 1`,
  ]);
});

test.for([
  ["no _total", own({ name: "orders" }), "METRIC_INVALID"],
  ["a histogram without buckets", own({ name: "order_seconds", kind: "histogram", unit: "seconds" }), "METRIC_INVALID"],
  [
    "buckets that do not ascend",
    own({ name: "order_seconds", kind: "histogram", unit: "seconds", buckets: [1, 1] }),
    "METRIC_INVALID",
  ],
  ["a unit that the name does not say", own({ name: "order_total", unit: "seconds" }), "METRIC_INVALID"],
  ["a closed label without values", own({ labels: [{ name: "kind", values: [] }] }), "METRIC_INVALID"],
  ["a name of the contract", own({ name: "fallback_total" }), "METRIC_TWICE"],
] as const)("a definition with %s is refused with a sentence that names it", ([, metric, code]) => {
  expect(() => createStore({ metrics: [metric] })).toThrow(
    expect.objectContaining({ code, name: "TelemetryError", message: expect.stringContaining(metric.name) }),
  );
});

test("two of one's own with the same name are refused", () => {
  expect(() => createStore({ metrics: [own({}), own({})] })).toThrow(expect.objectContaining({ code: "METRIC_TWICE" }));
});

test("a name that the contract does not know, or knows as another kind, is refused", () => {
  const metrics = anyMetrics(createStore());
  const unknown = expect.objectContaining({ code: "METRIC_UNKNOWN" });
  expect(() => metrics.counter("odd_total")).toThrow(unknown);
  expect(() => metrics.gauge("fallback_total")).toThrow(unknown);
  expect(() => metrics.histogram("lifecycle_state")).toThrow(unknown);
  expect(() => metrics.counter("constructor")).toThrow(unknown);
});
