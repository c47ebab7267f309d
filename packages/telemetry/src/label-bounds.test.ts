import { expect, test } from "vitest";
import { contract, OVERFLOW, type LabelDefinition, type MetricDefinition } from "./contract.ts";
import { createLabelBounds, everyLabelSet, maxSeries } from "./label-bounds.ts";

function metricWith(...labels: LabelDefinition[]): MetricDefinition {
  return { name: "jobs_total", kind: "counter", unit: "1", help: "Jobs.", labels, stability: "stable" };
}

/** How many different label sets come out when every label gets 10 000 different values. */
function countSets(metric: MetricDefinition): number {
  const bound = createLabelBounds(metric);
  const sets = new Set<string>();
  for (let i = 0; i < 10_000; i += 1) {
    sets.add(JSON.stringify(bound(Object.fromEntries(metric.labels.map(({ name }) => [name, `odd-${i}`])))));
  }
  return sets.size;
}

test("10 000 odd values of a closed label are one: _OTHER", () => {
  const metric = metricWith({ name: "kind", values: ["a", "b"] });
  expect(countSets(metric)).toBe(1);
  expect(createLabelBounds(metric)({ kind: "c" })).toEqual({ kind: OVERFLOW });
  expect(createLabelBounds(metric)({ kind: "b" })).toEqual({ kind: "b" });
});

test("10 000 odd values of an open label are the bound and _OTHER; the first ones are kept", () => {
  const metric = metricWith({ name: "queue", maxValues: 7 });
  expect(countSets(metric)).toBe(8);
  const bound = createLabelBounds(metric);
  for (let i = 0; i < 7; i += 1) expect(bound({ queue: `q${i}` })).toEqual({ queue: `q${i}` });
  expect(bound({ queue: "q7" })).toEqual({ queue: OVERFLOW });
  expect(bound({ queue: "q3" }), "a value that was kept goes on being itself").toEqual({ queue: "q3" });
});

test("a label that says no bound has one all the same", () => {
  const metric = metricWith({ name: "queue" });
  expect(countSets(metric)).toBe(maxSeries(metric));
  expect(maxSeries(metric)).toBeLessThanOrEqual(50);
});

test("metrics of one definition learn apart, and so do labels of one metric", () => {
  const metric = metricWith({ name: "from", maxValues: 1 }, { name: "to", maxValues: 1 });
  const [first, second] = [createLabelBounds(metric), createLabelBounds(metric)];
  expect(first({ from: "a", to: "b" })).toEqual({ from: "a", to: "b" });
  expect(second({ from: "b", to: "a" })).toEqual({ from: "b", to: "a" });
  expect(first({ from: "b", to: "a" })).toEqual({ from: OVERFLOW, to: OVERFLOW });
});

test("a label that is missing is _OTHER, and one that the metric does not have is dropped", () => {
  const bound = createLabelBounds(metricWith({ name: "kind", values: ["a"] }));
  expect(bound({})).toEqual({ kind: OVERFLOW });
  expect(bound({ kind: "a", user: "4711" })).toEqual({ kind: "a" });
});

test("names of Object.prototype are values like any other", () => {
  const bound = createLabelBounds(metricWith({ name: "kind", values: ["a"] }, { name: "queue", maxValues: 2 }));
  expect(bound({ kind: "constructor", queue: "__proto__" })).toEqual({ kind: OVERFLOW, queue: "__proto__" });
});

test.for((contract as readonly MetricDefinition[]).map((metric) => [metric.name, metric] as const))(
  "%s: 10 000 odd values stay within maxSeries",
  ([, metric]) => {
    expect(countSets(metric)).toBeLessThanOrEqual(maxSeries(metric));
  },
);

test("maxSeries is the product of the labels' bounds, _OTHER counted once", () => {
  expect(maxSeries(metricWith())).toBe(1);
  expect(maxSeries(metricWith({ name: "kind", values: ["a", "b"] }, { name: "queue", maxValues: 4 }))).toBe(3 * 5);
  expect(maxSeries(metricWith({ name: "kind", values: ["a", OVERFLOW] }))).toBe(2);
});

test("everyLabelSet combines closed values with the known open ones, without _OTHER", () => {
  const metric = metricWith(
    { name: "upstream", maxValues: 20 },
    { name: "state", values: ["open", "closed", OVERFLOW] },
  );
  expect(everyLabelSet(metric, { upstream: ["stock", "tax"] })).toEqual([
    { upstream: "stock", state: "open" },
    { upstream: "stock", state: "closed" },
    { upstream: "tax", state: "open" },
    { upstream: "tax", state: "closed" },
  ]);
  expect(everyLabelSet(metric, {})).toEqual([]);
  expect(everyLabelSet(metricWith(), {})).toEqual([{}]);
});
