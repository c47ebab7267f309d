/** Every metric of the contract, registered from its definition; counters and gauges live in prom-client. */
import { Counter as PromCounter, Gauge as PromGauge, Registry } from "prom-client";
import { contract, OVERFLOW, UNMATCHED_ROUTE, type MetricDefinition } from "./contract.ts";
import { TelemetryError } from "./errors.ts";
import { chooseFormat, CONTENT_TYPES, writeExposition, type Family, type Sample } from "./exposition.ts";
import { bucketOf, createHistogram, type BoundedHistogram } from "./histogram.ts";
import { createLabelBounds, everyLabelSet } from "./label-bounds.ts";
import type { Counter, Exposition, Gauge, Histogram, Metrics } from "./types.ts";

type Labels = Readonly<Record<string, string | undefined>>;

export interface MetricStoreOptions {
  readonly metrics: readonly MetricDefinition[];
  readonly upstreams: readonly string[];
}

export interface MetricStore {
  readonly facade: Metrics;
  /** The histogram itself, for who keeps series of it. */
  histogramOf(name: string): BoundedHistogram;
  /** Asks `read` for the value of a gauge or counter without labels at each scrape. */
  readAtScrape(name: string, read: () => number): void;
  /** Makes the series that alerts read exist at 0 for routes that are known before their first request. */
  expectRoutes(routes: readonly { readonly method: string; readonly route: string }[]): void;
  render(accept: string | undefined): Promise<Exposition>;
}

// What an error-ratio alert counts. A series that appears with its first error hides that error from rate().
const EXPECTED_STATUS_CODES = ["500", "503"] as const;

export function createMetricStore(opts: MetricStoreOptions): MetricStore {
  const definitions: readonly MetricDefinition[] = [...contract, ...opts.metrics];
  const registry = new Registry();
  const counters = new Map<string, Counter<Labels>>();
  const gauges = new Map<string, Gauge<Labels>>();
  const histograms = new Map<string, BoundedHistogram>();
  const readers: (() => void)[] = [];

  for (const definition of definitions) register(definition);
  for (const definition of definitions) startAtZero(definition, opts.upstreams);

  function register(definition: MetricDefinition): void {
    checkDefinition(definition);
    const { name, help, kind } = definition;
    if (counters.has(name) || gauges.has(name) || histograms.has(name)) {
      throw new TelemetryError("METRIC_TWICE", `The metric ${name} is defined twice. Rename the one that is your own.`);
    }
    if (kind === "histogram") {
      histograms.set(name, createHistogram(definition));
      return;
    }
    const bound = createLabelBounds(definition);
    const labelNames = definition.labels.map((label) => label.name);
    if (kind === "counter") {
      const counter = new PromCounter({ name, help, labelNames, registers: [registry] });
      counters.set(name, { inc: (labels, by = 1) => counter.inc(bound(labels), by) });
    } else {
      const gauge = new PromGauge({ name, help, labelNames, registers: [registry] });
      gauges.set(name, { set: (labels, value) => gauge.set(bound(labels), value) });
    }
  }

  function startAtZero(definition: MetricDefinition, upstreams: readonly string[]): void {
    if (definition.readBy === undefined) return;
    const sets = everyLabelSet(definition, { upstream: upstreams });
    for (const labels of sets) {
      counters.get(definition.name)?.inc(labels, 0);
      gauges.get(definition.name)?.set(labels, 0);
    }
  }

  function expectRoutes(routes: readonly { method: string; route: string }[]): void {
    const durations = histogramOf("http_server_request_duration_seconds");
    for (const { method, route } of [...routes, { method: "GET", route: UNMATCHED_ROUTE }]) {
      if (method === "*") continue;
      for (const code of EXPECTED_STATUS_CODES) {
        durations.series({ http_request_method: method, http_route: route, http_response_status_code: code });
      }
    }
  }

  function histogramOf(name: string): BoundedHistogram {
    const found = histograms.get(name);
    if (found === undefined) throw unknownMetric(name, "histogram");
    return found;
  }

  function readAtScrape(name: string, read: () => number): void {
    readers.push(function readMetric() {
      const metric = registry.getSingleMetric(name);
      if (metric instanceof PromGauge) metric.set(read());
      else if (metric instanceof PromCounter) {
        metric.reset();
        metric.inc(read());
      } else throw unknownMetric(name, "gauge or counter");
    });
  }

  const facade = {
    counter(name: string): Counter<Labels> {
      const found = counters.get(name);
      if (found === undefined) throw unknownMetric(name, "counter");
      return found;
    },
    gauge(name: string): Gauge<Labels> {
      const found = gauges.get(name);
      if (found === undefined) throw unknownMetric(name, "gauge");
      return found;
    },
    histogram(name: string): Histogram<Labels> {
      const found = histogramOf(name);
      const buckets = found.definition.buckets ?? [];
      return {
        observe(labels, value) {
          const series = found.series(labels);
          const index = bucketOf(buckets, value);
          series.counts[index] = (series.counts[index] ?? 0) + 1;
          series.sum += value;
        },
      };
    },
  };

  async function render(accept: string | undefined): Promise<Exposition> {
    for (const read of readers) read();
    const stored = new Map(
      (await registry.getMetricsAsJSON()).map((metric) => [metric.name, metric.values as Sample[]]),
    );
    const families: Family[] = definitions.map((definition) => {
      const histogram = histograms.get(definition.name);
      if (histogram !== undefined) return { definition, series: [...histogram.all()] };
      return { definition, samples: stored.get(definition.name) ?? [] };
    });
    const format = chooseFormat(accept);
    return { status: 200, headers: { "Content-Type": CONTENT_TYPES[format] }, body: writeExposition(families, format) };
  }

  // The facade is typed by the contract; here every name is just a string.
  return { facade: facade as unknown as Metrics, histogramOf, readAtScrape, expectRoutes, render };
}

function unknownMetric(name: string, kind: string): TelemetryError {
  return new TelemetryError(
    "METRIC_UNKNOWN",
    `There is no ${kind} named ${name} in the metric contract. Define it in the \`metrics\` option of startTelemetry, or correct the name.`,
  );
}

function checkDefinition({ name, kind, unit, buckets, labels }: MetricDefinition): void {
  const wrong =
    (kind === "counter" && !name.endsWith("_total") && "a counter's name ends in _total") ||
    (kind === "histogram" && (buckets ?? []).length === 0 && "a histogram needs buckets") ||
    ((buckets ?? []).some((bound, index, all) => index > 0 && bound <= (all[index - 1] as number)) &&
      "buckets ascend") ||
    (unit !== "1" &&
      unit !== "ratio" &&
      !name.replace(/_total$/, "").endsWith(`_${unit}`) &&
      `the unit ${unit} is part of the name`) ||
    (labels.some((label) => label.values?.includes(OVERFLOW) === false && label.values.length === 0) &&
      "a closed label has values");
  if (wrong) throw new TelemetryError("METRIC_INVALID", `The definition of the metric ${name} is wrong: ${wrong}.`);
}
