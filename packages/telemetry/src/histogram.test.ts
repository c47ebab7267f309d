import { Histogram as PromHistogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { OVERFLOW, type MetricDefinition } from "./contract.ts";
import { writeExposition } from "./exposition.ts";
import { bucketOf, createHistogram } from "./histogram.ts";

const BUCKETS = [0.005, 0.01, 0.1, 1, 10];
const DEFINITION: MetricDefinition = {
  name: "job_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time of a job.",
  labels: [
    { name: "queue", maxValues: 50 },
    { name: "outcome", values: ["done", "failed"] },
  ],
  buckets: BUCKETS,
  stability: "stable",
};

test("a value on a bound is in that bound's bucket, one above it in the next, the rest in +Inf", () => {
  expect(
    [-1, 0, 0.005, 0.005_000_1, 0.01, 9.99, 10, 10.000_1, Infinity].map((value) => bucketOf(BUCKETS, value)),
  ).toEqual([0, 0, 0, 1, 1, 4, 4, 5, 5]);
  expect(bucketOf([], 1)).toBe(0);
});

test("the text is prom-client's own, number by number, for the same observations", async () => {
  const registry = new Registry();
  const theirs = new PromHistogram({
    name: DEFINITION.name,
    help: DEFINITION.help,
    labelNames: ["queue", "outcome"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const ours = createHistogram(DEFINITION);
  for (let i = 0; i < 2000; i += 1) {
    const labels = {
      queue: ["mail", 'with "quotes"', "back\\slash", "line\nbreak"][i % 4] as string,
      outcome: i % 7 === 0 ? "failed" : "done",
    };
    // All magnitudes from 0.0005 to 50, the bounds among them.
    const value = i % 10 === 0 ? (BUCKETS[i % BUCKETS.length] as number) : 0.0005 * 10 ** ((i % 101) / 20.2);
    theirs.observe(labels, value);
    const series = ours.series(labels);
    const bucket = bucketOf(BUCKETS, value);
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
  }
  const text = writeExposition([{ definition: DEFINITION, series: [...ours.all()] }], "text");
  expect(normalize(text)).toEqual(normalize(await registry.metrics()));
  expect(normalize(text)).toHaveLength(2 + 8 * (BUCKETS.length + 3));
});

/** Sorted lines, with each line's labels sorted: their order means nothing. */
function normalize(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, name = line, labels = "", rest = ""] = /^(\w+)\{(.*)\}( .*)$/.exec(line) ?? [];
      return `${name}{${(labels.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []).sort().join(",")}}${rest}`;
    })
    .sort();
}

test("the same labels are the same series, at 0 when it is new", () => {
  const histogram = createHistogram(DEFINITION);
  const series = histogram.series({ queue: "mail", outcome: "done" });
  expect([...series.counts]).toEqual([0, 0, 0, 0, 0, 0]);
  expect([series.sum, series.exemplars.filter(Boolean)]).toEqual([0, []]);
  expect(histogram.series({ outcome: "done", queue: "mail" })).toBe(series);
  expect(histogram.series({ queue: "mail", outcome: "failed" })).not.toBe(series);
  expect([...histogram.all()]).toHaveLength(2);
});

test("label values that hold a line break do not merge two series into one", () => {
  const histogram = createHistogram({
    ...DEFINITION,
    labels: [
      { name: "from", maxValues: 9 },
      { name: "to", maxValues: 9 },
    ],
  });
  const first = histogram.series({ from: "a\nb", to: "c" });
  const second = histogram.series({ from: "a", to: "b\nc" });
  expect(second).not.toBe(first);
});

test("the product of the labels is bounded as well: what comes after 2000 series is counted in one", () => {
  const histogram = createHistogram({
    ...DEFINITION,
    labels: [
      { name: "from", maxValues: 100 },
      { name: "to", maxValues: 100 },
    ],
  });
  const first = histogram.series({ from: "f0", to: "t0" });
  for (let i = 0; i < 10_000; i += 1) {
    const series = histogram.series({ from: `f${i % 100}`, to: `t${Math.floor(i / 100)}` });
    series.counts[0] = (series.counts[0] ?? 0) + 1;
  }
  const all = [...histogram.all()];
  expect(all).toHaveLength(2001);
  expect(
    all.reduce((sum, { counts }) => sum + (counts[0] ?? 0), 0),
    "nothing is lost",
  ).toBe(10_000);
  expect(all.at(-1)).toMatchObject({ labels: { from: OVERFLOW, to: OVERFLOW }, counts: { 0: 8000 } });
  expect(histogram.series({ from: "f0", to: "t0" })).toBe(first);
});
