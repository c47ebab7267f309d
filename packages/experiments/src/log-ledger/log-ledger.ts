/**
 * The log ledger: what the store holds, against what must be in it. Pure, so that whoever has the ledger and the stored lines
 * counts the same.
 *
 * Two things hold at once. Each answered request has the line of each service that it met, found by its trace id. And no process
 * has lost a line: its lines are numbered without a hole, and the last one says how many there are.
 */
import type { Ledger, RequestRecord } from "@holdfast/load";
import type { LogLine } from "./log-line.ts";

export interface LogLedger {
  /** Answered requests that were looked for. */
  readonly answered: number;
  /** Of these, those that have the line of each service that they met. */
  readonly joined: number;
  /** Lines that are stored, each counted once. */
  readonly stored: number;
  /** Lines that are not, by their numbers. */
  readonly missing: number;
  /** Lines that are stored once more. That is no failure: who ships lines may hand one on twice when it is killed. */
  readonly duplicated: number;
  readonly processes: number;
  /** Of these, those that have ended, so that it is known how many lines they wrote. */
  readonly ended: number;
  /** Requests for which stock was asked more than once: each attempt has a line of its own. */
  readonly retried: number;
  /** The first of each kind, as parts of a sentence. */
  readonly examples: {
    readonly missing: readonly string[];
    readonly unjoined: readonly string[];
    readonly duplicated: readonly string[];
  };
}

interface LogLedgerOptions {
  readonly lines: readonly LogLine[];
  /** ms of the ledger's clock: who ended before it must have its last line; of those that run on, lines up to it are counted. */
  readonly untilMs: number;
  /** The first so many answered requests are looked for. */
  readonly requests: number;
}

/** What one process has stored. */
interface Process {
  readonly pod: string;
  readonly process: string;
  readonly seqs: Map<number, number>;
  /** The number that its last line names. */
  lastSeq: number | undefined;
  /** The greatest number that was written until then. */
  greatestSeq: number;
}

const EXAMPLES = 5;

export function countLogLedger(
  { header, requests, events }: Pick<Ledger, "header" | "requests" | "events">,
  opts: LogLedgerOptions,
): LogLedger {
  const { lines, untilMs } = opts;
  const replicas = replicasUntil(events, untilMs);
  const ours = lines.filter(({ pod }) => replicas.has(pod));
  const processes = processesOf(ours, header.epochMs + untilMs);
  const holes = holesOf(processes, replicas);
  const cohort = requests.filter(isAnswered).slice(0, opts.requests);
  const joins = joinsOf(cohort, ours);
  const twice = processes.flatMap(({ pod, seqs }) =>
    [...seqs].flatMap(([seq, times]) => (times > 1 ? [{ pod, seq, times }] : [])),
  );
  return {
    answered: cohort.length,
    joined: cohort.length - joins.unjoined.length,
    stored: sum(processes.map(({ seqs }) => seqs.size)),
    missing: sum(holes.map(({ count }) => count)),
    duplicated: sum(twice.map(({ times }) => times - 1)),
    processes: processes.length,
    ended: processes.filter(({ lastSeq }) => lastSeq !== undefined).length,
    retried: joins.retried,
    examples: {
      missing: holes.slice(0, EXAMPLES).map(({ said }) => said),
      unjoined: joins.unjoined.slice(0, EXAMPLES),
      duplicated: twice.slice(0, EXAMPLES).map(({ pod, seq, times }) => `line ${seq} of ${pod}, ${times} times`),
    },
  };
}

export function isComplete({ answered, joined, missing, processes }: LogLedger): boolean {
  return answered > 0 && joined === answered && missing === 0 && processes > 0;
}

/** A part of a sentence. */
export function logLedgerWords(ledger: LogLedger): string {
  const { answered, joined, stored, missing, duplicated, processes, ended, examples } = ledger;
  const unjoined = answered - joined;
  const first = ([example]: readonly string[]) => (example === undefined ? "" : ` (first: ${example})`);
  return [
    unjoined === 0
      ? `each of ${answered} answered requests has its line of each service that it met`
      : `${unjoined} of ${answered} answered requests lack a line${first(examples.unjoined)}`,
    `${stored} lines of ${processes} processes are stored, of which ${ended} have ended`,
    missing === 0 ? "none is missing" : `${missing} are missing${first(examples.missing)}`,
    duplicated === 0 ? "none is stored twice" : `${duplicated} are stored once more${first(examples.duplicated)}`,
  ].join("; ");
}

function isAnswered({ fate }: RequestRecord): boolean {
  return fate === "answered" || fate === "degraded";
}

/** The replicas of both services that the ledger has seen until then, and whether they had ended by then. */
export function replicasUntil(events: Ledger["events"], untilMs: number): ReadonlyMap<string, { ended: boolean }> {
  const replicas = new Map<string, { ended: boolean }>();
  for (const { name, subject, atMs } of events) {
    const [, what] = /^(?:stock\.)?replica\.(present|starting|ended)$/.exec(name) ?? [];
    if (what === undefined || subject === undefined || atMs > untilMs) continue;
    replicas.set(subject, { ended: what === "ended" || (replicas.get(subject)?.ended ?? false) });
  }
  return replicas;
}

function processesOf(lines: readonly LogLine[], untilEpochMs: number): Process[] {
  const processes = new Map<string, Process>();
  for (const { pod, process, seq, time, lastSeq } of lines) {
    const key = `${pod}/${process}`;
    const found = processes.get(key) ?? { pod, process, seqs: new Map(), lastSeq: undefined, greatestSeq: 0 };
    processes.set(key, found);
    found.seqs.set(seq, (found.seqs.get(seq) ?? 0) + 1);
    // What is logged after a last line makes another one due, and the last of these counts.
    if (lastSeq !== undefined) found.lastSeq = Math.max(found.lastSeq ?? 0, lastSeq);
    if (Date.parse(time) <= untilEpochMs) found.greatestSeq = Math.max(found.greatestSeq, seq);
  }
  return [...processes.values()];
}

/** Lines that are missing in a row. */
interface Hole {
  readonly count: number;
  readonly said: string;
}

function holesOf(processes: readonly Process[], replicas: ReadonlyMap<string, { ended: boolean }>): Hole[] {
  const holes = processes.flatMap(numberHoles);
  for (const [pod, { ended }] of replicas) {
    // Its newest process: an earlier one of the same replica was killed, and nobody knows its end.
    const newest = processes
      .filter((process) => process.pod === pod)
      .toSorted((a, b) => a.process.localeCompare(b.process, "en"))
      .at(-1);
    if (!newest) holes.push({ count: 1, said: `every line of ${pod}` });
    else if (ended && newest.lastSeq === undefined) holes.push({ count: 1, said: `the last line of ${pod}` });
  }
  return holes;
}

function numberHoles({ pod, seqs, lastSeq, greatestSeq }: Process): Hole[] {
  const upTo = lastSeq ?? greatestSeq;
  const holes: Hole[] = [];
  let from: number | undefined;
  for (let seq = 1; seq <= upTo + 1; seq += 1) {
    const there = seq > upTo || seqs.has(seq);
    if (!there) from ??= seq;
    else if (from !== undefined) {
      const to = seq - 1;
      holes.push({ count: seq - from, said: `${from === to ? `line ${to}` : `lines ${from} to ${to}`} of ${pod}` });
      from = undefined;
    }
  }
  return holes;
}

/** Which requests lack a line, in words. */
function joinsOf(cohort: readonly RequestRecord[], lines: readonly LogLine[]) {
  const byTrace = new Map<string, Map<string, LogLine>>();
  for (const line of lines) {
    if (line.access === undefined || line.traceId === undefined) continue;
    const found = byTrace.get(line.traceId) ?? new Map<string, LogLine>();
    byTrace.set(line.traceId, found);
    // What is stored twice is one line all the same.
    found.set(`${line.pod}/${line.process}/${line.seq}`, line);
  }
  const unjoined: string[] = [];
  let retried = 0;
  for (const request of cohort) {
    const found = [...(byTrace.get(request.traceId)?.values() ?? [])];
    const own = found.filter(({ service }) => service === "catalogue");
    const atStock = found.filter(({ service }) => service === "stock");
    const { least, most } = attemptsOf(request, own[0]);
    if (own.length !== 1) unjoined.push(lacking(request, `${own.length} lines of catalogue`));
    else if (atStock.length < least || atStock.length > most) {
      unjoined.push(
        lacking(
          request,
          `${atStock.length} lines of stock for ${least === most ? most : `${least} to ${most}`} attempts`,
        ),
      );
    }
    if (atStock.length > 1) retried += 1;
  }
  return { unjoined, retried };
}

/** How many lines of stock there must be: one for each attempt, though one that was never answered may not have come there. */
function attemptsOf({ request, fate }: RequestRecord, own: LogLine | undefined): { least: number; most: number } {
  // An answer about a product that is not degraded knows the stock, so somebody was asked.
  const met = request === "product" && fate === "answered" ? 1 : 0;
  if (own?.attempts === undefined) return { least: met, most: met === 0 ? 0 : Number.POSITIVE_INFINITY };
  return { least: Math.max(met, own.attempts - (own.unanswered ?? 0)), most: own.attempts };
}

function lacking({ i, request, traceId }: RequestRecord, found: string): string {
  return `request ${i}, ${request}, trace ${traceId}: ${found}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
