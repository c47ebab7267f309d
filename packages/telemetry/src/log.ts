/** The service's log: pino in front, the destination with its ledger behind, and the lines that are written by hand. */
import { pino, type Logger } from "pino";
import { writeSync } from "node:fs";
import { createLogDestination, IN_FILES } from "./log-destination.ts";
import { openLogFiles } from "./log-files.ts";
import { exceptionAttributes } from "./request-span.ts";
import { isoTime, jsonString } from "./json-text.ts";
import type { LogFilesOptions, LogLevel, TraceIds } from "./types.ts";

export interface LogOptions {
  readonly level: LogLevel;
  /** Fields of every line: which service, which replica, which process. */
  readonly base: Readonly<Record<string, string>>;
  readonly target: number | NodeJS.WritableStream;
  /** Files that get every line, too. */
  readonly files?: LogFilesOptions | undefined;
  readonly redact: readonly string[];
  /** Ids of the request that a line belongs to. */
  readonly current: () => TraceIds | undefined;
}

export interface ServiceLog {
  readonly log: Logger;
  /**
   * Writes one line by hand, past pino's formatting but not past its level: `fields` is JSON text that begins with a
   * comma and may hold no `level`, `time`, `msg` or `seq`.
   */
  writeLine(level: "info" | "warn" | "error", fields: string, msg: string): void;
  /** False when pino would drop a line of this level, so that nobody builds it in vain. */
  writes(level: "info" | "warn" | "error"): boolean;
  readonly lostLines: number;
  /** Writes what is gathered, then the last line. */
  end(deadlineMs: number): void;
}

/** What a log line shows in place of a redacted value. */
export const REDACTED = "[redacted]";

// Credentials that a handler may log by accident together with a request or its headers.
const ALWAYS_REDACTED = [
  "authorization",
  "cookie",
  "password",
  "token",
  "headers.authorization",
  "headers.cookie",
  "req.headers.authorization",
  "req.headers.cookie",
  'res.headers["set-cookie"]',
];

// At exit nothing else is left to do, but a reader that never reads must not keep the process.
const EXIT_FLUSH_MS = 2000;

// Logs whose last line may still be due, for the one `exit` listener of the process.
const open = new Set<ServiceLog>();
let listening = false;

function endOpenLogs(): void {
  for (const log of open) log.end(EXIT_FLUSH_MS);
}

export function createLog(opts: LogOptions): ServiceLog {
  const { level, target, current } = opts;
  const base = { ...opts.base, ...(opts.files && IN_FILES) };
  const baseText = Object.entries(base)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join("");
  const files = opts.files && openLogFiles(opts.files, { onFailing: sayFilesFail, onRecovered: sayFilesWork });
  const destination = createLogDestination({ target, files, identity: baseText, onLost: sayLost });
  // seq that the last `telemetry.end` line named; a line after it makes another one due.
  let endedSeq = 0;

  const log = pino(
    {
      level,
      base,
      timestamp: () => `,"time":"${isoTime(Date.now())}"`,
      formatters: { level: (label) => ({ level: label }), log: flattenException },
      redact: { paths: [...ALWAYS_REDACTED, ...opts.redact.flatMap(redactPaths)], censor: REDACTED },
      mixin: traceFields,
      // The request's own ids win over fields of the same name in what is logged, else a line could claim another trace.
      mixinMergeStrategy: (fields: object, ids: object) => ({ ...fields, ...ids }),
    },
    { write: takeLine },
  );

  function takeLine(line: string): void {
    destination.write(line);
    if (endedSeq !== 0) open.add(serviceLog);
  }

  function traceFields(): object {
    const ids = current();
    if (ids === undefined) return {};
    return { trace_id: ids.traceId, span_id: ids.spanId, trace_flags: ids.sampled ? "01" : "00" };
  }

  function writes(lineLevel: "info" | "warn" | "error"): boolean {
    return log.isLevelEnabled(lineLevel);
  }

  function writeLine(lineLevel: "info" | "warn" | "error", fields: string, msg: string): void {
    if (!log.isLevelEnabled(lineLevel)) return;
    takeLine(lineText(lineLevel, fields, msg));
  }

  function lineText(lineLevel: string, fields: string, msg: string): string {
    return `{"level":"${lineLevel}","time":"${isoTime(Date.now())}"${baseText}${fields},"msg":"${msg}"}\n`;
  }

  /** A line about the log itself, which no level but silent keeps back. */
  function sayOfLog(lineLevel: "info" | "error", fields: object, msg: string): void {
    if (log.level === "silent") return;
    takeLine(lineText(lineLevel, `,${JSON.stringify(fields).slice(1, -1)}`, JSON.stringify(msg).slice(1, -1)));
  }

  function sayFilesFail({ code, name, message }: NodeJS.ErrnoException): void {
    sayOfLog(
      "error",
      { "event.name": "log.files.failing", "error.type": code ?? name, "file.directory": opts.files?.dir },
      `The log files in ${opts.files?.dir} cannot be written: ${message}. Requests are served as before, and lines go to stdout alone until it works again`,
    );
  }

  function sayFilesWork(lostLines: number): void {
    sayOfLog(
      "info",
      { "event.name": "log.files.recovered", "log.lines_lost": lostLines, "file.directory": opts.files?.dir },
      `The log files in ${opts.files?.dir} are written again; ${lostLines} lines are not in them`,
    );
  }

  function end(deadlineMs: number): void {
    // A log that says nothing needs no line that says how much it said.
    if (log.level !== "silent" && destination.lastSeq !== endedSeq) {
      endedSeq = destination.lastSeq + 1;
      destination.write(lineText("info", `,"event.name":"telemetry.end","last_seq":${endedSeq}`, "telemetry.end"));
    }
    // First, since what the destination says of itself while it flushes makes another last line due.
    open.delete(serviceLog);
    destination.flush(deadlineMs);
  }

  const serviceLog: ServiceLog = {
    log,
    writeLine,
    writes,
    end,
    get lostLines() {
      return destination.lostLines;
    },
  };
  if (!listening) {
    listening = true;
    process.on("exit", endOpenLogs);
  }
  open.add(serviceLog);
  return serviceLog;
}

/** pino reads a dot as a step into an object; the names of OpenTelemetry are flat keys with dots in them. Both are meant. */
function redactPaths(path: string): string[] {
  return /^[\w-]+(\.[\w-]+)+$/.test(path) ? [path, `["${path}"]`] : [path];
}

/** `log.error(error)` and `log.error({ err })` by OpenTelemetry's names, instead of pino's nested `err`. */
function flattenException(fields: Record<string, unknown>): Record<string, unknown> {
  const { err, ...rest } = fields;
  if (!(err instanceof Error)) return fields;
  return { ...rest, ...exceptionAttributes(err) };
}

/** stdout is broken, so stderr is what is left to say so; when that is broken too, nobody is there to hear it. */
function sayLost(error: Error): void {
  const text = `Log lines are being lost: writing them failed (${error.message}). They are missing from the log by their seq.\n`;
  try {
    writeSync(2, text);
  } catch {
    return;
  }
}

// A path longer than this is an attack or a mistake; the beginning tells which.
const MAX_PATH_CHARS = 1024;
// Real user agents have 100 to 200 characters.
const MAX_USER_AGENT_CHARS = 256;

/** The path of a request's target as JSON text, without its query (which may hold secrets). */
export function pathText(url: string): string {
  const query = url.indexOf("?");
  return jsonString(query === -1 ? url : url.slice(0, query), MAX_PATH_CHARS);
}

export function userAgentText(userAgent: string): string {
  return jsonString(userAgent, MAX_USER_AGENT_CHARS);
}
