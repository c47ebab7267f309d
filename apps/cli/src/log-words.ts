/** Stored log lines for people. Pure. */
import type { StoredLine } from "@holdfast/cluster";
import type { Paint, Tone } from "./paint.ts";
import { table } from "./table.ts";
import { cutName, duration } from "./words.ts";

/** As a table, one line each; stacks and identities are left to `-o json`. */
export function logLines(lines: readonly StoredLine[], opts: { paint: Paint; nowMs: number }): string[] {
  if (lines.length === 0) return [];
  const { paint } = opts;
  const today = new Date(opts.nowMs).toISOString().slice(0, 10);
  const time = lines.every((line) => isoTime(line).startsWith(today))
    ? (line: StoredLine) => isoTime(line).slice(11, 23)
    : (line: StoredLine) => isoTime(line);
  const rows = lines.map((line) => [
    time(line),
    line.service ?? line.container,
    cutName(line.pod, LONGEST_POD),
    line.level ?? "-",
    lineText(line),
  ]);
  const [head = "", ...body] = table([["TIME (UTC)", "SERVICE", "POD", "LEVEL", "MESSAGE"], ...rows]);
  return [head, ...body.map((text, index) => paint(toneOfLevel(lines[index]?.level), text))];
}

/** Kubernetes' own names have 20 to 40; what tells one from its siblings is the end. */
const LONGEST_POD = 40;

/**
 * "request GET /api/products/:id 200 12 ms", or a message with the fields that were logged with it. Always one line.
 * `brief` where it stands below the span that says which request: "request 200 12 ms".
 */
export function lineText(line: StoredLine, { brief = false }: { brief?: boolean } = {}): string {
  const { fields } = line;
  const request = requestWords(fields, brief);
  const taken = request === "" ? isOfEveryLine : (name: string) => isOfEveryLine(name) || isOfRequest(name);
  const rest = Object.entries(fields).flatMap(([name, value]) =>
    taken(name) || value === "" || value === line.message ? [] : [`${name}=${quoted(value)}`],
  );
  return oneLine([line.message, request, ...rest].filter(Boolean).join(" "));
}

export function toneOfLevel(level: string | undefined): Tone {
  const word = level?.toLowerCase() ?? "";
  if (word === "error" || word === "fatal") return "bad";
  return word.startsWith("warn") ? "warn" : "plain";
}

function requestWords(fields: StoredLine["fields"], brief: boolean): string {
  const method = fields["http.request.method"];
  const ms = fields["http.server.request.duration_ms"];
  if (method === undefined || ms === undefined) return "";
  const route = fields["http.route"] ?? fields["url.path"] ?? "";
  const status = fields["http.response.status_code"];
  const error = fields["error.type"];
  const what = brief ? [] : [method, route];
  const how = [status, duration(Number(ms)), error === undefined || error === status ? "" : `(${error})`];
  return [...what, ...how].filter(Boolean).join(" ");
}

/** What is the same for every line of a process, stands in a column of its own, or is the store's. */
function isOfEveryLine(name: string): boolean {
  return (
    /^(_|k8s\.|service\.|process\.|scope\.|holdfast\.|log\.|exception\.stacktrace)/.test(name) ||
    OF_EVERY_LINE.has(name)
  );
}

const OF_EVERY_LINE = new Set([
  "trace_id",
  "span_id",
  "trace_flags",
  "flags",
  "seq",
  "level",
  "severity",
  "severity_text",
  "severity_number",
  "time",
  "logtag",
  "log_shipping",
]);

/** What an access line says of its request. */
function isOfRequest(name: string): boolean {
  return /^(http|url|network|client|user_agent|error)\./.test(name);
}

function quoted(value: string): string {
  return /[\s"=]/.test(value) || value === "" ? JSON.stringify(value) : value;
}

/** Whoever writes to a log may put line feeds and escapes into it; a terminal must not obey them. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) =>
    character === "\n" ? String.raw`\n` : String.raw`\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function isoTime({ time }: StoredLine): string {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? time : new Date(ms).toISOString();
}
