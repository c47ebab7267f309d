/**
 * Metrics as text, in the two formats that Prometheus reads: its own (0.0.4) and OpenMetrics (1.0.0).
 *
 * Written here and not by prom-client's registry, since that renames its counters for good the first time that it is
 * asked for OpenMetrics, and refuses exemplars where the other format is served too.
 *
 * Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/
 */
import type { MetricDefinition } from "./contract.ts";
import type { Exemplar, HistogramSeries } from "./histogram.ts";

export type ExpositionFormat = "text" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

export interface Sample {
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

export type Family =
  | { readonly definition: MetricDefinition; readonly samples: readonly Sample[] }
  | { readonly definition: MetricDefinition; readonly series: readonly HistogramSeries[] };

/** The format that an Accept header asks for: OpenMetrics where it is named and liked at least as much as plain text. */
export function chooseFormat(accept: string | undefined): ExpositionFormat {
  const openmetrics = quality(accept, "application/openmetrics-text");
  return openmetrics > 0 && openmetrics >= quality(accept, "text/plain") ? "openmetrics" : "text";
}

// A scraper's Accept header has some 300 characters; a longer one is cut rather than read.
const MAX_ACCEPT_CHARS = 2048;

/** The largest q of a media type in an Accept header, 0 when it is not named (RFC 9110, 12.5.1). */
function quality(accept: string | undefined, type: string): number {
  const qualities = (accept ?? "")
    .slice(0, MAX_ACCEPT_CHARS)
    .toLowerCase()
    .split(",")
    .map((range) => range.split(";").map((part) => part.trim()))
    .filter(([name]) => name === type)
    .map(([, ...parameters]) => Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1));
  return Math.max(0, ...qualities.filter((q) => q >= 0));
}

export function writeExposition(families: readonly Family[], format: ExpositionFormat): string {
  const text = families.map((family) => writeFamily(family, format)).join("");
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

function writeFamily(family: Family, format: ExpositionFormat): string {
  const { definition } = family;
  const head = writeHead(definition, format);
  if ("series" in family) return head + family.series.map((series) => writeSeries(definition, series, format)).join("");
  return head + family.samples.map(({ labels, value }) => line(definition.name, labelText(labels), value)).join("");
}

function writeHead(definition: MetricDefinition, format: ExpositionFormat): string {
  const { help, unit } = definition;
  const [name, type] = format === "openmetrics" ? openMetricsName(definition) : [definition.name, definition.kind];
  // OpenMetrics lets a unit be said only where the name ends in it.
  const unitLine = format === "openmetrics" && name.endsWith(`_${unit}`) ? `# UNIT ${name} ${unit}\n` : "";
  return `# HELP ${name} ${escape(help)}\n# TYPE ${name} ${type}\n${unitLine}`;
}

/** In OpenMetrics a family is named without the suffix of its samples. */
function openMetricsName({ name, kind }: MetricDefinition): [string, string] {
  if (kind === "counter") return [name.replace(/_total$/, ""), "counter"];
  if (name.endsWith("_info")) return [name.replace(/_info$/, ""), "info"];
  return [name, kind];
}

function writeSeries(definition: MetricDefinition, series: HistogramSeries, format: ExpositionFormat): string {
  const { name, buckets = [] } = definition;
  const labels = labelText(series.labels);
  const separator = labels === "" ? "" : ",";
  let text = "";
  let cumulated = 0;
  for (const [index, count] of series.counts.entries()) {
    const bound = buckets[index];
    cumulated += count;
    const exemplar = format === "openmetrics" ? series.exemplars[index] : undefined;
    text += line(
      `${name}_bucket`,
      `${labels}${separator}le="${bound === undefined ? "+Inf" : boundText(bound, format)}"`,
      cumulated,
      exemplar,
    );
  }
  return `${text}${line(`${name}_sum`, labels, series.sum)}${line(`${name}_count`, labels, cumulated)}`;
}

/** OpenMetrics writes bounds as floats, which Prometheus 3 does with every bound that it stores. */
function boundText(bound: number, format: ExpositionFormat): string {
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

// eslint-disable-next-line eslint/max-params -- a sample has four parts
function line(name: string, labels: string, value: number, exemplar?: Exemplar): string {
  const sample = `${name}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}`;
  return exemplar === undefined ? `${sample}\n` : `${sample} # ${exemplarText(exemplar)}\n`;
}

function exemplarText({ traceId, spanId, value, epochMs }: Exemplar): string {
  return `{trace_id="${traceId}",span_id="${spanId}"} ${numberText(value)} ${(epochMs / 1000).toFixed(3)}`;
}

function labelText(labels: Sample["labels"]): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escape(String(value)).replaceAll('"', String.raw`\"`)}"`)
    .join(",");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", String.raw`\n`);
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
