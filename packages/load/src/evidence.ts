import { isFailed, type Ledger, type LedgerEvent, type RequestRecord, type SocketRecord } from "./ledger.ts";
import type { ResolvedRule } from "./rule.ts";
import { contains, mergeWindows, openWindows, overlaps, type OpenedWindow } from "./windows.ts";

/** How long before it went away a victim must have answered on a socket for the socket to count as held. Source: the rules of the lab. */
const HELD_WITHIN_MS = 2_000;

/** What a ledger shows, sorted by what it shows; no judgement yet. */
export interface Evidence {
  windows: OpenedWindow[];
  /** The same without overlaps. */
  spans: { fromMs: number; toMs: number }[];
  faultSeconds: number;
  /** Undefined: no fault was seen. */
  fromMs: number | undefined;
  firstMs: number;
  lastMs: number;
  /** Scheduled before the evidence starts. */
  baseline: RequestRecord[];
  /** Scheduled while a window was open. */
  duringFault: RequestRecord[];
  /** Failed, or degraded where that is not allowed, and over before the evidence starts. */
  unhealthy: RequestRecord[];
  /** Failed afterwards. */
  failed: RequestRecord[];
  /** Degraded afterwards where that is not allowed. */
  misdegraded: RequestRecord[];
}

export function gatherEvidence(ledger: Ledger, rule: ResolvedRule): Evidence {
  const { requests, events } = ledger;
  const firstMs = requests[0]?.scheduledMs ?? 0;
  const lastMs = requests.at(-1)?.scheduledMs ?? 0;
  const windows = openWindows(events, rule, ledger.end?.atMs ?? lastMs);
  const spans = mergeWindows(windows);
  const fromMs =
    rule.evidenceFrom === undefined
      ? windows[0]?.fromMs
      : events.find((event) => event.name === rule.evidenceFrom)?.atMs;
  const startsMs = fromMs ?? Number.POSITIVE_INFINITY;
  const mayDegrade = degradedAllowed(windows, rule);
  const isBefore = (request: RequestRecord) => request.endMs < startsMs;
  const failed = requests.filter((request) => isFailed(request.fate));
  const misdegraded = requests.filter((request) => request.fate === "degraded" && !mayDegrade(request));

  return {
    windows,
    spans,
    faultSeconds: spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0) / 1_000,
    fromMs,
    firstMs,
    lastMs,
    baseline: requests.filter((request) => request.scheduledMs < startsMs),
    duringFault: requests.filter((request) => contains(spans, request.scheduledMs)),
    unhealthy: [...failed, ...misdegraded].filter(isBefore),
    failed: failed.filter((request) => !isBefore(request)),
    misdegraded: misdegraded.filter((request) => !isBefore(request)),
  };
}

function degradedAllowed(
  windows: readonly OpenedWindow[],
  { degraded }: ResolvedRule,
): (request: RequestRecord) => boolean {
  if (degraded.allowed === "anywhere") return () => true;
  if (degraded.allowed === "never") return () => false;
  const spans = windows
    .filter((window) => degraded.windows?.includes(window.name) ?? true)
    .map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + degraded.graceMs }));
  return (request) => spans.some((span) => overlaps(request, span));
}

/** When each persistent socket closed; one that is absent stayed open. */
function closingTimes(sockets: readonly SocketRecord[]): Map<number, number> {
  return new Map(sockets.filter(({ state }) => state === "closed").map(({ socket, atMs }) => [socket, atMs]));
}

/** Persistent sockets that were open at that time and had answered. */
export function countOpenSockets(ledger: Ledger, atMs: number): number {
  const closedMs = closingTimes(ledger.sockets);
  const answered = ledger.requests
    .filter(isPersistentAnswer)
    .filter(({ endMs }) => endMs <= atMs)
    .map(({ socket }) => socket);
  return new Set(answered.filter((socket) => (closedMs.get(socket) ?? Number.POSITIVE_INFINITY) >= atMs)).size;
}

/** For each event that took its subject away: on how many persistent sockets the subject had just answered. */
export function countVictimSockets(
  ledger: Ledger,
  rule: ResolvedRule,
): { subject: string; atMs: number; sockets: number }[] {
  const closedMs = closingTimes(ledger.sockets);
  const answers = ledger.requests.filter(isPersistentAnswer);
  return ledger.events.filter(({ name }) => rule.victims.includes(name)).map(countHeld);

  function countHeld({ subject, atMs }: LedgerEvent) {
    const held = answers
      .filter(({ servedBy, endMs }) => servedBy === subject && endMs <= atMs && endMs >= atMs - HELD_WITHIN_MS)
      .map(({ socket }) => socket)
      // The event may be marked a little after the sockets fell.
      .filter((socket) => (closedMs.get(socket) ?? Number.POSITIVE_INFINITY) >= atMs - rule.maxClockErrorMs);
    return { subject: subject ?? "(nobody)", atMs, sockets: subject === undefined ? 0 : new Set(held).size };
  }
}

/** An answer of any status shows who holds the socket. */
function isPersistentAnswer({ connection, status, socket }: RequestRecord): boolean {
  return connection === "persistent" && status !== undefined && socket >= 0;
}
