/** What bounds the series of a metric: a value outside its label's definition is counted under `_OTHER`. */
import { OVERFLOW, type LabelDefinition, type MetricDefinition } from "./contract.ts";

export type LabelValues = Readonly<Record<string, string>>;

// A label that says neither its values nor their number is held to few.
const DEFAULT_MAX_VALUES = 20;

/** Bounds the values of one label; an open label learns its first `maxValues` values. */
function createValueBound(label: LabelDefinition): (value: string | undefined) => string {
  const { values, maxValues = DEFAULT_MAX_VALUES } = label;
  const known = new Set(values);
  return function boundValue(value) {
    if (value === undefined) return OVERFLOW;
    if (known.has(value)) return value;
    if (values !== undefined || known.size >= maxValues) return OVERFLOW;
    known.add(value);
    return value;
  };
}

/** Bounds the labels of one metric, in the order of its definition. */
export function createLabelBounds(
  metric: MetricDefinition,
): (labels: Readonly<Record<string, string | undefined>>) => LabelValues {
  const bounds = metric.labels.map((label) => [label.name, createValueBound(label)] as const);
  return function boundLabels(labels) {
    const bounded: Record<string, string> = {};
    for (const [name, boundValue] of bounds) bounded[name] = boundValue(labels[name]);
    return bounded;
  };
}

/** How many series a metric has at most (of a histogram: label sets, not buckets). */
export function maxSeries(metric: MetricDefinition): number {
  return metric.labels.reduce((product, label) => product * seriesOf(label), 1);
}

function seriesOf(label: LabelDefinition): number {
  const { values, maxValues = DEFAULT_MAX_VALUES } = label;
  if (values === undefined) return maxValues + 1;
  return values.includes(OVERFLOW) ? values.length : values.length + 1;
}

/** Every combination of closed values, with the given values for the open labels that have any. */
export function everyLabelSet(
  metric: MetricDefinition,
  open: Readonly<Record<string, readonly string[]>>,
): LabelValues[] {
  let sets: LabelValues[] = [{}];
  for (const label of metric.labels) {
    const values = label.values?.filter((value) => value !== OVERFLOW) ?? open[label.name] ?? [];
    sets = sets.flatMap((set) => values.map((value) => Object.assign({}, set, { [label.name]: value })));
  }
  return sets;
}
