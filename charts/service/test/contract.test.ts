/**
 * Whoever reads a metric by its name (rule, scaler, adapter, prose) reads one of the telemetry contract, by labels that it
 * or the platform's scrape gives: a renamed metric would leave an alert silent and a scaler blind.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { contract, type MetricDefinition } from "@holdfast/telemetry";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { chart } from "./helm.ts";
import { namesIn, selects } from "./promql.ts";
import { onlyOfKind, profiles, render, type RenderOptions } from "./render.ts";

const root = join(chart, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const metrics: readonly MetricDefinition[] = contract;

/** What Prometheus calls the series of a metric. */
function seriesOf({ name, kind }: MetricDefinition): string[] {
  return kind === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
}
const bySeries = new Map(metrics.flatMap((metric) => seriesOf(metric).map((series) => [series, metric] as const)));

/** Labels of the target, not of the metric: what a PodMonitor gives, as far as the platform's own scrape gives it too. */
const platformLabels = new Set(
  [...read("k8s/platform/prometheus/prometheus.yml").matchAll(/target_label: ([a-z]+)$/gm)].map(([, label]) => label),
);
const targetLabels = ["namespace", "pod", "container", "job"].filter((label) => platformLabels.has(label));

/** What is wrong with the names in an expression, one sentence each. */
function complaintsAbout(expression: string): string[] {
  const { selectors, grouping } = namesIn(expression);
  const known = new Set(targetLabels);
  const complaints = selectors.flatMap(({ metric: series, matches }) => {
    const metric = bySeries.get(series);
    if (metric === undefined) return [`${series} is no series of the contract`];
    for (const { name } of metric.labels) known.add(name);
    return matches.flatMap((match) => {
      if (targetLabels.includes(match.label)) return [];
      const label = metric.labels.find(({ name }) => name === match.label);
      if (label === undefined) return [`${series} has no label ${match.label}`];
      const isPossible = label.values?.some((value) => selects(match, value)) ?? true;
      return isPossible ? [] : [`no value of ${match.label} is ${match.operator} ${match.value}`];
    });
  });
  return [...complaints, ...grouping.filter((label) => !known.has(label)).map((label) => `nothing has ${label}`)];
}

const rulesOf = (opts: RenderOptions = {}) => {
  const values = { ...opts.values, prometheusRule: { enabled: true } };
  const { spec } = onlyOfKind(render({ ...opts, values }).objects, "PrometheusRule");
  return (spec?.groups ?? []).flatMap(({ rules }) => rules ?? []);
};
const queryOf = (opts: RenderOptions) => {
  const { spec } = onlyOfKind(render(opts).objects, "ScaledObject");
  const [trigger] = spec["triggers"] as { metadata: { query: string } }[];
  return trigger?.metadata.query ?? "";
};

test("the platform's own scrape gives the labels by which everything is selected", () => {
  expect(targetLabels).toEqual(["namespace", "pod", "container", "job"]);
});

describe("what is rendered names only what the contract has", () => {
  test.each([undefined, ...profiles])("rules of profile %s", (profile) => {
    const rules = rulesOf(profile === undefined ? {} : { profile });
    expect(rules.map(({ alert }) => alert)).toEqual(["ServiceErrorRatioHigh"]);
    for (const { expr } of rules) expect(complaintsAbout(String(expr))).toEqual([]);
  });

  test("the query that a rule gives to whoever looks into it", () => {
    const [{ annotations } = {}] = rulesOf();
    const [, query = ""] = /: (sum by .*)$/.exec(annotations?.["description"] ?? "") ?? [];
    expect(complaintsAbout(query)).toEqual([]);
  });

  test.each(["ha", "workshop"] as const)("KEDA's query of profile %s", (profile) => {
    expect(complaintsAbout(queryOf({ profile }))).toEqual([]);
  });

  test("as something that alerts and scalers may rely on", () => {
    const metricsOf = (expression: string) =>
      namesIn(expression).selectors.map(({ metric }) => bySeries.get(metric)?.name ?? "");
    for (const [reader, expression] of [
      ["alert", String(rulesOf()[0]?.expr)],
      ["scaler", queryOf({ profile: "ha" })],
    ] as const) {
      for (const name of metricsOf(expression)) {
        const metric = metrics.find((definition) => definition.name === name);
        expect(metric).toMatchObject({ kind: "histogram", stability: "stable" });
        expect(metric?.readBy).toContain(reader);
      }
    }
  });

  test("the alert counts every status of class 5 as failed, shed requests too, and no other", () => {
    const { selectors } = namesIn(String(rulesOf()[0]?.expr));
    const matches = selectors.flatMap((selector) => selector.matches);
    const match = matches.find(({ label }) => label === "http_response_status_code");
    const values = metrics.flatMap(({ labels }) => labels).find(({ name }) => name === match?.label)?.values ?? [];
    const failed = values.filter((value) => match !== undefined && selects(match, value));
    expect(failed).toEqual(expect.arrayContaining(["500", "503", "5xx"]));
    expect(failed).toEqual(values.filter((value) => value.startsWith("5")));
  });
});

test("prometheus-adapter's rules: the platform's, and those of the README", () => {
  interface Rule {
    seriesQuery: string;
    metricsQuery: string;
    name: { as: string };
  }
  const adapter = parse(read("k8s/platform/prometheus-adapter/prometheus-adapter.yml")) as { rules: Rule[] };
  const [, example = ""] = /```yaml\n(rules:\n[\s\S]*?)```/.exec(read("charts/service/README.md")) ?? [];
  const rules = [...adapter.rules, ...(parse(example) as { rules: Rule[] }).rules];
  expect(rules.length).toBeGreaterThanOrEqual(2);
  for (const { seriesQuery, metricsQuery } of rules) {
    expect(complaintsAbout(seriesQuery)).toEqual([]);
    const { metric = "" } = namesIn(seriesQuery).selectors[0] ?? {};
    // The adapter puts the series and the labels of one object in place of these.
    const query = metricsQuery.replace("<<.Series>>{<<.LabelMatchers>>}", `${metric}{namespace="a",pod="b"}`);
    expect(complaintsAbout(query.replace("<<.GroupBy>>", "pod"))).toEqual([]);
  }
  // One name in prose, values and platform, or the README's example would not scale on the platform.
  expect(new Set(rules.map(({ name }) => name.as)).size).toBe(1);
});

describe("prose", () => {
  /** Made by prometheus-adapter, or of another image in an example. */
  const notOurs = new Set(["http_requests_per_second", "my_requests_total"]);
  const ends = /_(total|seconds|bytes|ratio|count|sum|bucket|info|utilization|state|requests|phase|active|per_second)$/;
  /** Whatever looks like the name of a metric, in code or in a table. */
  const metricsIn = (text: string) =>
    [
      ...new Set([...text.matchAll(/(?<![\w.$-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w(])/g)].map(([name]) => name)),
    ].filter((name) => ends.test(name));
  const unknownIn = (text: string) =>
    metricsIn(text).filter(
      (name) => !bySeries.has(name) && !metrics.some((one) => one.name === name) && !notOurs.has(name),
    );

  test.each([
    "charts/service/README.md",
    "charts/service/values.schema.json",
    "charts/service/values.yaml",
    "k8s/README.md",
  ])("%s names no metric that is not there", (path) => {
    expect(unknownIn(read(path))).toEqual([]);
  });

  test("there is something to check", () => {
    expect(metricsIn(read("charts/service/README.md"))).toContain("http_server_request_duration_seconds_count");
  });

  test("what is not there would be found", () => {
    expect(unknownIn("see `http_server_shed_total`, http_server_request_duration_seconds_count")).toEqual([
      "http_server_shed_total",
    ]);
  });
});

describe("what the contract has not is found", () => {
  test.each([
    ["a metric", "rate(http_requests_total[1m])", "http_requests_total is no series of the contract"],
    ["a histogram without its suffix", 'http_server_request_duration_seconds{pod="a"}', "is no series"],
    ["a label", 'log_lines_lost_total{route="/"}', "log_lines_lost_total has no label route"],
    [
      "a value",
      'http_server_request_duration_seconds_count{http_response_status_code=~"6.."}',
      "no value of http_response_status_code is =~ 6..",
    ],
    ["a group", "sum by (route) (rate(log_lines_lost_total[1m]))", "nothing has route"],
    ["a label that only a PodMonitor gives", 'log_lines_lost_total{endpoint="a"}', "has no label endpoint"],
  ])("%s", (_what, expression, words) => {
    expect(complaintsAbout(expression).join()).toContain(words);
  });

  test("an expression that reads nothing", () => {
    expect(() => complaintsAbout("vector(1)")).toThrow("No metric");
  });
});
