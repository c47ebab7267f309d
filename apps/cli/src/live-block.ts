/** The picture of a running `start`, as a pure function of what is known and how much room there is. */
import type { Paint, Tone } from "./paint.ts";
import {
  toneOfState,
  type Happening,
  type LoadSnapshot,
  type ReplicaSnapshot,
  type ServiceSnapshot,
  type Snapshot,
} from "./snapshot.ts";
import { ago, count, cut, cutName, duration, failures, longDuration, rate } from "./words.ts";

export interface Room {
  columns: number;
  rows: number;
  /** Show the keys' meaning instead of what happened. */
  help: boolean;
}

/** Text of one tone; a line is made of these, so that its width is known before colours come in. */
interface Span {
  tone: Tone;
  text: string;
}

type Line = Span[];

/** Wider lines are harder to read, not richer. */
const WIDEST = 110;
const NARROWEST = 20;
const MOST_HAPPENINGS = 6;
/** What the strip looks back on. */
const STRIP_SECONDS = 60;
const INDENT = "  ";

/** Below this every row is needed for something that is read. */
const ROOMY_ROWS = 18;

/** The whole block: no line wider than the room, and fewer of them than it has rows, since one is the cursor's. */
export function drawLiveBlock(snapshot: Snapshot, opts: { room: Room; paint: Paint }): string {
  const { room, paint } = opts;
  const width = Math.min(Math.max(room.columns, NARROWEST), WIDEST);
  const blank: Line[] = room.rows < ROOMY_ROWS ? [] : [[]];
  const head = [...blank, title(snapshot, width), ...blank];
  const load = loadLines(snapshot, width);
  const keys = [...blank, keyLine(snapshot, width)];

  // The numbers and the keys always show; then what was asked for, then replicas, then what happened.
  let rows = room.rows - 1 - head.length - load.length - keys.length;
  const help = room.help ? [...blank, ...helpLines(width)].slice(0, rows) : [];
  rows -= help.length;
  const replicas = replicaLines(snapshot.services, { width, rows, blank });
  rows -= replicas.length;
  const news = happeningLines(snapshot, Math.min(rows - blank.length, room.help ? 0 : MOST_HAPPENINGS));
  if (news.length > 0) news.unshift(...blank);

  const lines = [...head, ...replicas, ...load, ...news, ...help, ...keys];
  return lines.map((line) => paintLine(line, { width, paint })).join("\n");
}

function title(snapshot: Snapshot, width: number): Line {
  const state = { starting: "starting", running: `up ${longDuration(snapshot.upMs)}`, stopping: "draining ..." }[
    snapshot.phase
  ];
  const left: Line = [span("title", `${INDENT}Holdfast`), span("plain", "  "), span("key", snapshot.url)];
  return justify(left, [span(snapshot.phase === "running" ? "quiet" : "warn", state)], width);
}

interface Column {
  head: string;
  align: "left" | "right";
  /** The order in which columns give way to a narrow terminal: 0 never. */
  givesWay: number;
  cell: (replica: ReplicaSnapshot) => Span;
}

const COLUMNS: Column[] = [
  { head: "STATE", align: "left", givesWay: 0, cell: (r) => span(toneOfState(r.state), r.state) },
  { head: "VERSION", align: "left", givesWay: 3, cell: (r) => span("plain", r.version) },
  { head: "PID", align: "right", givesWay: 4, cell: (r) => span("quiet", String(r.pid ?? "-")) },
  { head: "CONNECTIONS", align: "right", givesWay: 1, cell: (r) => span("quiet", String(r.connections ?? "-")) },
  {
    head: "RESTARTS",
    align: "right",
    givesWay: 2,
    cell: (r) => span(r.restarts ? "warn" : "quiet", String(r.restarts)),
  },
  { head: "REQUESTS", align: "right", givesWay: 5, cell: (r) => span("plain", count(r.requests)) },
];

/** A filled mark takes traffic, a half one is on its way in or out, an empty one is in trouble: readable without colours. */
const MARKS = { good: "●", warn: "◐", bad: "○" } as const;
const GAP = 2;

function replicaLines(services: ServiceSnapshot[], opts: { width: number; rows: number; blank: Line[] }): Line[] {
  const all = services.flatMap((service) => service.replicas);
  const longestName = Math.max(...services.map((s) => s.name.length), ...all.map((r) => r.name.length), 8);
  const table = fitColumns(all, { width: opts.width, longestName });
  const [first, ...others] = services.map((service) => serviceLines(service, table));
  if (!first) return [];

  // Each service keeps its name and a replica; what is left over goes to the first.
  const leastOf = (lines: Line[]): number => Math.min(lines.length, 2) + opts.blank.length;
  let rows = opts.rows - others.reduce((sum, lines) => sum + leastOf(lines), opts.blank.length);
  if (rows < 1) return [];
  first[0]?.push(...columnHeads(table));
  const shown = fitLines(first, rows);
  rows -= shown.length;
  shown.push(...opts.blank);
  for (const lines of others) {
    const fitted = fitLines(lines, rows + Math.min(lines.length, 2));
    rows -= fitted.length - Math.min(lines.length, 2);
    shown.push(...fitted, ...opts.blank);
  }
  return shown;
}

/** As many lines as there is room for, the last of them saying how many there are not. */
function fitLines(lines: Line[], rows: number): Line[] {
  if (lines.length <= rows) return [...lines];
  const shown = lines.slice(0, Math.max(1, rows - 1));
  return rows < 2 ? shown : [...shown, [span("quiet", `${INDENT}  and ${lines.length - shown.length} more`)]];
}

interface Table {
  columns: FittedColumn[];
  nameWidth: number;
}

/** Its name, then a line for each replica, and what was done to it. */
function serviceLines(service: ServiceSnapshot, table: Table): Line[] {
  const { replicas, note } = service;
  return [
    [span("quiet", `${INDENT}  ${service.name.toUpperCase().padEnd(table.nameWidth)}`)],
    ...replicas.map((replica) => replicaLine(replica, table)),
    ...(replicas.length === 0
      ? [[span("bad", `${INDENT}${MARKS.bad} none`), span("warn", note ? `  ${note}` : "")]]
      : []),
    ...(replicas.length > 0 && note ? [[span("warn", `${INDENT}  ${note}`)]] : []),
  ];
}

/** Said once: the columns of all services stand below each other. */
function columnHeads({ columns }: Table): Line {
  return columns.map(({ column, width }) => span("quiet", gap() + pad(column.head, width, column.align)));
}

interface FittedColumn {
  column: Column;
  width: number;
}

function fitColumns(replicas: ReplicaSnapshot[], opts: { width: number; longestName: number }): Table {
  let columns = COLUMNS.map((column) => ({
    column,
    // A floor for what grows while one looks, so that the table does not jump.
    width: Math.max(
      column.head.length,
      ...replicas.map((replica) => column.cell(replica).text.length),
      column.head === "STATE" ? 11 : 0,
    ),
  }));
  const room = (): number =>
    opts.width - INDENT.length * 2 - columns.reduce((sum, column) => sum + column.width + GAP, 0) - opts.longestName;
  while (room() < 0) {
    const next = columns.filter((c) => c.column.givesWay > 0).sort((a, b) => a.column.givesWay - b.column.givesWay)[0];
    if (!next) break;
    columns = columns.filter((c) => c !== next);
  }
  const nameWidth = Math.max(8, opts.longestName + Math.min(0, room()));
  return { columns, nameWidth };
}

function replicaLine(replica: ReplicaSnapshot, opts: Table): Line {
  const tone = toneOfState(replica.state);
  return [
    span(tone, `${INDENT}${MARKS[tone]} `),
    span("plain", cutName(replica.name, opts.nameWidth).padEnd(opts.nameWidth)),
    ...opts.columns.map(({ column, width }) => {
      const cell = column.cell(replica);
      return span(cell.tone, gap() + pad(cell.text, width, column.align));
    }),
  ];
}

function loadLines({ load, linkDelayMs }: Snapshot, width: number): Line[] {
  const remark = width >= 70 ? [span("quiet", `   over ${linkDelayMs} ms of network each way`)] : [];
  const numbers: Line = [
    span("plain", `${INDENT}${rate(load.sentPerSecond)} requests/s`),
    span("quiet", "   p50 "),
    span("plain", load.p50Ms === undefined ? "-" : duration(load.p50Ms)),
    span("quiet", "   p99 "),
    span("plain", load.p99Ms === undefined ? "-" : duration(load.p99Ms)),
    ...remark,
  ];
  const totals = [
    [span("plain", `${count(load.sent)} sent`)],
    [span("good", `${count(load.answered)} answered`)],
    [span(load.degraded ? "warn" : "quiet", `${count(load.degraded)} degraded`)],
    [span(load.failed.total ? "bad" : "quiet", failures(load.failed))],
  ];
  return [strip(load, width), ...totalLines(totals, width), numbers];
}

/** On one line, or where that is too narrow, what went well on one and what did not on the next: no failure is cut off first. */
function totalLines(totals: Line[], width: number): Line[] {
  const joined = (parts: Line[]): Line => [span("plain", INDENT), ...joinSpans(parts, " · ")];
  const line = joined(totals);
  return lengthOf(line) <= width ? [line] : [joined(totals.slice(0, 2)), joined(totals.slice(2))];
}

const STRIP = {
  good: { mark: "▁", means: "all answered" },
  warn: { mark: "▄", means: "some degraded" },
  bad: { mark: "█", means: "some failed" },
} as const;

/** One mark a second: low where every answer was whole, middle where some were degraded, full where some failed. */
function strip(load: LoadSnapshot, width: number): Line {
  const legend = `  ${STRIP.good.mark} ${STRIP.good.means}  ${STRIP.warn.mark} degraded  ${STRIP.bad.mark} failed`;
  const withLegend = width >= INDENT.length + 24 + legend.length;
  const room = Math.min(STRIP_SECONDS, width - INDENT.length - (withLegend ? legend.length : 0));
  const marks = load.seconds.slice(-room).map((second) => {
    if (second.failed > 0) return span("bad", STRIP.bad.mark);
    if (second.degraded > 0) return span("warn", STRIP.warn.mark);
    return second.sent > 0 ? span("good", STRIP.good.mark) : span("quiet", " ");
  });
  const missing = " ".repeat(Math.max(0, room - marks.length));
  return [span("plain", INDENT + missing), ...marks, ...(withLegend ? [span("quiet", legend)] : [])];
}

function happeningLines(snapshot: Snapshot, rows: number): Line[] {
  return rows < 1 ? [] : snapshot.happenings.slice(-rows).map((happening) => happeningLine(happening, snapshot.upMs));
}

function happeningLine(happening: Happening, nowMs: number): Line {
  return [
    span("quiet", `${INDENT}${ago(nowMs - happening.atMs).padStart(10)}  `),
    span(happening.tone, happening.text),
  ];
}

/** The keys, in the order of the line at the bottom. */
export const KEYS = [
  { key: "r", word: "roll out", does: "roll out a new version, one replica at a time (./holdfast rollout)" },
  { key: "k", word: "kill", does: "kill a replica of the catalogue with SIGKILL (./holdfast kill)" },
  { key: "+ -", word: "scale", does: "one replica more, one less (./holdfast scale N)" },
  { key: "b", word: "break", does: "take the upstream away (./holdfast break)" },
  { key: "h", word: "heal", does: "bring the upstream back (./holdfast heal)" },
  { key: "o", word: "overload", does: "more than the replicas can do, for 15 s (./holdfast overload)" },
  { key: "?", word: "help", does: "show or hide this" },
  { key: "q", word: "quit", does: "drain and end; Ctrl-C does the same (./holdfast stop)" },
] as const;

function keyLine(snapshot: Snapshot, width: number): Line {
  if (snapshot.phase === "stopping") {
    return [span("quiet", `${INDENT}draining; Ctrl-C again ends it at once`)];
  }
  const words = KEYS.map((entry) => [span("key", entry.key), span("quiet", ` ${entry.word}`)]);
  const full = joinSpans(words, "  ");
  if (INDENT.length + lengthOf(full) <= width) return [span("plain", INDENT), ...full];
  // Too narrow for the words: the letters, and ? explains them.
  return [
    span("plain", INDENT),
    ...joinSpans(
      KEYS.map((entry) => [span("key", entry.key)]),
      " ",
    ),
  ];
}

function helpLines(width: number): Line[] {
  return KEYS.map((entry) => [
    span("key", `${INDENT}${entry.key.padEnd(4)}`),
    span("plain", cut(entry.does, width - INDENT.length - 4)),
  ]);
}

function paintLine(line: Line, opts: { width: number; paint: Paint }): string {
  let room = opts.width;
  let text = "";
  for (const [index, part] of line.entries()) {
    const isLast = index === line.length - 1;
    const piece = cut(part.text, room);
    room -= piece.length;
    // Trailing blanks would only be wrapped by the next resize.
    text += opts.paint(part.tone, isLast ? piece.trimEnd() : piece);
    if (room <= 0) break;
  }
  return text;
}

function justify(left: Line, right: Line, width: number): Line {
  const free = width - lengthOf(left) - lengthOf(right);
  return free >= 2 ? [...left, span("plain", " ".repeat(free)), ...right] : left;
}

function joinSpans(groups: Span[][], joint: string): Line {
  return groups.flatMap((group, index) => (index === 0 ? group : [span("quiet", joint), ...group]));
}

function lengthOf(line: Line): number {
  return line.reduce((sum, part) => sum + part.text.length, 0);
}

function pad(text: string, width: number, align: "left" | "right"): string {
  return align === "left" ? text.padEnd(width) : text.padStart(width);
}

function gap(): string {
  return " ".repeat(GAP);
}

function span(tone: Tone, text: string): Span {
  return { tone, text };
}
