/** What the log ledger keeps of a stored line, and how it stands in a file beside the ledger. */
import type { StoredLine } from "@holdfast/cluster";

export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  /** Which service wrote it: catalogue, stock. */
  readonly service: string;
  /** The replica. */
  readonly pod: string;
  /** When its process began: a replica's name outlives a restart, `seq` does not. */
  readonly process: string;
  /** 1, 2, 3 ... in each process. */
  readonly seq: number;
  readonly traceId?: string;
  /** Written at a request's end: one for each request that the service was sent. */
  readonly access?: true;
  /** Of an access line: attempts at upstreams that were made for the request, and how many of them were never answered. */
  readonly attempts?: number;
  readonly unanswered?: number;
  /** Of a process's last line: its own number. */
  readonly lastSeq?: number;
}

/** Of the file beside the ledger, among the run's logs. */
export const STORED_FILE = "stored.jsonl";

/** What has to be asked of a line for `logLineOf`. Names are packages/telemetry's. */
export const LOG_FIELDS = [
  "_time",
  "_msg",
  "k8s.pod.name",
  "service.name",
  "process.creation.time",
  "seq",
  "trace_id",
  "event.name",
  "last_seq",
  "http.client.attempts",
  "http.client.unanswered",
] as const;

/** Undefined where the line has no number: it is not the service's own, such as the last words of a runtime that crashed. */
export function logLineOf({ time, message, pod, service, seq, traceId, fields }: StoredLine): LogLine | undefined {
  const process = fields["process.creation.time"];
  if (seq === undefined || service === undefined || !process) return undefined;
  const event = fields["event.name"];
  const optional = {
    traceId: traceId || undefined,
    access: message === "request" && !event ? (true as const) : undefined,
    attempts: numberOf(fields["http.client.attempts"]),
    unanswered: numberOf(fields["http.client.unanswered"]),
    lastSeq: event === "telemetry.end" ? numberOf(fields["last_seq"]) : undefined,
  };
  return { time, service, pod, process, seq, ...present(optional) };
}

/** JSON lines. */
export function formatLogLines(lines: readonly LogLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** @throws SyntaxError with the number of the line that is none */
export function parseLogLines(text: string): LogLine[] {
  return text.split("\n").flatMap((json, index) => {
    if (json === "") return [];
    try {
      return JSON.parse(json) as LogLine;
    } catch (error) {
      throw new SyntaxError(`line ${index + 1} is not a stored line`, { cause: error });
    }
  });
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function present<T extends object>(optional: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
