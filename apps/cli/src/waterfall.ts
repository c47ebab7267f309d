/** A trace as a picture: its spans as a tree with a bar each, and its log lines where they were written. Pure. */
import type { StoredLine, StoredSpan } from "@holdfast/cluster";
import { lineText, oneLine, toneOfLevel } from "./log-words.ts";
import type { Paint, Tone } from "./paint.ts";
import { cut, duration, list, plural } from "./words.ts";

export interface StoredTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  /** In the order in which they were written. */
  readonly lines: readonly StoredLine[];
}

interface Row {
  service: string;
  /** How deep it stands in the tree. */
  depth: number;
  text: string;
  tone: Tone;
  /** From the trace's first moment, in ms. */
  startMs: number;
  /** Undefined for what is a moment: a log line. */
  tookMs: number | undefined;
}

/** Beyond it a bar tells no more. */
const WIDEST_BAR = 60;
/** Below it a bar tells nothing. */
const NARROWEST_BAR = 12;
/** Where the reader has no columns, nothing is cut. */
const BAR_WITHOUT_END = 40;
const ENOUGH_TEXT = 30;
const TEXT_SHARE = 0.6;
const HEAD_CHARS = "SPAN".length;
const LONGEST_SERVICE = 20;
/** A trace of one moment has a width all the same. */
const SHORTEST_MS = 0.001;
const GAP = "  ";
const BAR = "█";
const MOMENT = "•";

/** Within `width` columns, or as wide as it gets where that is Infinity. */
export function waterfallLines(trace: StoredTrace, opts: { width: number; paint: Paint }): string[] {
  const { paint, width } = opts;
  const rows = rowsOf(trace);
  if (rows.length === 0) return [];
  const columns = columnsOf(rows, width);
  const head = [
    "SERVICE".padEnd(columns.service),
    "SPAN".padEnd(columns.text),
    ...(columns.start > 0 ? ["START".padStart(columns.start)] : []),
    "TOOK".padStart(columns.took),
  ];
  return [head.join(GAP), ...rows.map((row) => rowLine(row, { columns, paint }))];
}

/** "catalogue and stock: 3 spans, 2 log lines, 12 ms". */
export function traceSummary(trace: StoredTrace): string {
  const rows = rowsOf(trace);
  const services = [...new Set(rows.map(({ service }) => service))];
  const failed = trace.spans.filter(({ error }) => error).length;
  return `${list(services)}: ${[
    plural(trace.spans.length, "span"),
    plural(trace.lines.length, "log line"),
    duration(Math.max(0, ...rows.map(endOf))),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(", ")}`;
}

interface Columns {
  service: number;
  text: number;
  start: number;
  took: number;
  bar: number;
  totalMs: number;
}

/** Names have up to three fifths of the room and are cut beyond, bars the rest; where that is too little, starts are left out. */
function columnsOf(rows: readonly Row[], width: number): Columns {
  const widest = (cells: readonly string[]): number => Math.max(...cells.map((cell) => cell.length));
  const service = Math.min(LONGEST_SERVICE, widest(["SERVICE", ...rows.map((row) => row.service)]));
  const took = widest(["TOOK", ...rows.map(tookOf)]);
  const start = widest(["START", ...rows.map(startOf)]);
  const text = widest(["SPAN", ...rows.map(indented)]);
  const columns = { service, took, totalMs: Math.max(SHORTEST_MS, ...rows.map(endOf)) };
  if (width === Number.POSITIVE_INFINITY) return { ...columns, text, start, bar: BAR_WITHOUT_END };
  const besideStart = width - (service + took + start + 4 * GAP.length);
  const hasStart = besideStart >= Math.min(text, ENOUGH_TEXT) + NARROWEST_BAR;
  const room = hasStart ? besideStart : besideStart + start + GAP.length;
  const bar = Math.max(NARROWEST_BAR, Math.min(WIDEST_BAR, room - Math.min(text, Math.floor(room * TEXT_SHARE))));
  return { ...columns, text: Math.max(HEAD_CHARS, Math.min(text, room - bar)), start: hasStart ? start : 0, bar };
}

function rowLine(row: Row, { columns, paint }: { columns: Columns; paint: Paint }): string {
  const cells = [
    cut(row.service, columns.service).padEnd(columns.service),
    cut(indented(row), columns.text).padEnd(columns.text),
    ...(columns.start > 0 ? [startOf(row).padStart(columns.start)] : []),
    tookOf(row).padStart(columns.took),
  ];
  const { before, bar } = barOf(row, columns);
  return `${paint(row.tone, cells.join(GAP))}${GAP}${before}${paint(row.tone === "plain" ? "key" : row.tone, bar)}`;
}

/** Where it lies in the whole: at least one mark, and never beyond the end. */
function barOf({ startMs, tookMs = 0 }: Row, { bar, totalMs }: Columns): { before: string; bar: string } {
  const from = Math.min(bar - 1, Math.floor((startMs / totalMs) * bar));
  if (tookMs === 0) return { before: " ".repeat(from), bar: MOMENT };
  const to = Math.min(bar, Math.max(from + 1, Math.round(((startMs + tookMs) / totalMs) * bar)));
  return { before: " ".repeat(from), bar: BAR.repeat(to - from) };
}

function indented({ depth, text }: Row): string {
  return `${"  ".repeat(depth)}${text}`;
}

function startOf({ startMs }: Row): string {
  return duration(startMs);
}

function tookOf({ tookMs }: Row): string {
  return tookMs === undefined ? "" : duration(tookMs);
}

function endOf({ startMs, tookMs = 0 }: Row): number {
  return startMs + tookMs;
}

/** Depth first, in order of time; a span's log lines stand among its children. */
function rowsOf({ spans, lines }: StoredTrace): Row[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const zeroMs = Math.min(...spans.map(({ startMs }) => startMs), ...lines.map(timeOf));
  const rows: Row[] = [];
  const shown = new Set<string>();

  function show(items: readonly Item[], depth: number): void {
    for (const item of [...items].sort((a, b) => a.atMs - b.atMs)) {
      if (item.span === undefined) {
        rows.push(rowOfLine(item.line, { depth, zeroMs, brief: byId.has(item.line.spanId ?? "") }));
        continue;
      }
      const { span } = item;
      // A span that names one below it as its parent must not be shown for ever.
      if (shown.has(span.spanId)) continue;
      shown.add(span.spanId);
      rows.push(rowOfSpan(span, { depth, zeroMs }));
      show(under(span.spanId), depth + 1);
    }
  }

  function under(spanId: string): Item[] {
    return [
      ...[...byId.values()].filter(({ parentSpanId }) => parentSpanId === spanId).map(itemOfSpan),
      ...lines.filter((line) => line.spanId === spanId).map(itemOfLine),
    ];
  }

  // Whose parent is not stored begins a tree: the client's own span never is.
  const roots = [...byId.values()].filter(({ parentSpanId = "" }) => !byId.has(parentSpanId)).map(itemOfSpan);
  const strays = lines.filter(({ spanId = "" }) => !byId.has(spanId)).map(itemOfLine);
  show([...roots, ...strays], 0);
  show([...byId.values()].map(itemOfSpan), 0);
  return rows;
}

type Item = { atMs: number } & ({ span: StoredSpan; line?: never } | { span?: never; line: StoredLine });

function itemOfSpan(span: StoredSpan): Item {
  return { atMs: span.startMs, span };
}

function itemOfLine(line: StoredLine): Item {
  return { atMs: timeOf(line), line };
}

function timeOf({ time }: StoredLine): number {
  return Date.parse(time);
}

function rowOfSpan(span: StoredSpan, { depth, zeroMs }: { depth: number; zeroMs: number }): Row {
  const { service, name, error, startMs, durationMs } = span;
  const text = oneLine(`${name}${outcomeOf(span)}`);
  return { service, depth, text, tone: error ? "bad" : "plain", startMs: startMs - zeroMs, tookMs: durationMs };
}

/** " 200", " FAILED (503)": an error must be seen without colours too. */
function outcomeOf({ attributes, error }: StoredSpan): string {
  const status = attributes["http.response.status_code"];
  const type = attributes["error.type"] ?? status;
  if (error) return type === undefined ? " FAILED" : ` FAILED (${type})`;
  return status === undefined ? "" : ` ${status}`;
}

function rowOfLine(line: StoredLine, { depth, zeroMs, brief }: { depth: number; zeroMs: number; brief: boolean }): Row {
  const tone = toneOfLevel(line.level);
  return {
    service: line.service ?? line.container,
    depth,
    text: `${line.level ?? "-"}: ${lineText(line, { brief })}`,
    tone: tone === "plain" ? "quiet" : tone,
    startMs: Math.max(0, timeOf(line) - zeroMs),
    tookMs: undefined,
  };
}
