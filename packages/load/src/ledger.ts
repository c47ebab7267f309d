import type { LoadPlan } from "./plan.ts";
import type { PassRule } from "./rule.ts";

export const LEDGER_SCHEMA_VERSION = 1;

export type ConnectionKind = "new" | "persistent";

/**
 * What became of one request.
 *
 * - `answered`: the expected status and a body known to be complete, in time
 * - `degraded`: the same, and the answer says that it is degraded; counted apart
 * - `refused`: no connection could be made
 * - `reset`: the connection ended before the answer's headers
 * - `incomplete`: headers came, but no body that is known to be complete
 * - `timeout`: nothing complete within the plan's timeout
 * - `shed`: 503 with Retry-After
 * - `status`: any other unexpected status
 * - `unsent`: never left the client: no idle persistent socket in time, or the machine ran out of ports or files
 */
export type Fate =
  | "answered"
  | "degraded"
  | "refused"
  | "reset"
  | "timeout"
  | "incomplete"
  | "shed"
  | "status"
  | "unsent";
export type FailedFate = Exclude<Fate, "answered" | "degraded">;

export const FAILED_FATES = [
  "refused",
  "reset",
  "timeout",
  "incomplete",
  "shed",
  "status",
  "unsent",
] as const satisfies readonly FailedFate[];

/** One counter for each fate that is a failure, all at 0. */
export function noFailures(): Record<FailedFate, number> {
  return Object.fromEntries(FAILED_FATES.map((fate) => [fate, 0])) as Record<FailedFate, number>;
}

/** One counter for each fate, all at 0. */
export function noFates(): Record<Fate, number> {
  return { answered: 0, degraded: 0, ...noFailures() };
}

/** First line. Every other time in the file is in ms since `epochMs`, on the agent's monotonic clock. */
export interface LedgerHeader {
  type: "plan";
  schemaVersion: number;
  /** Unix time in ms at which the ledger's clock stood at 0. */
  epochMs: number;
  plan: LoadPlan;
  rule?: PassRule;
  /** Whatever the caller wants to find again: experiment, control, versions. */
  about?: Record<string, unknown>;
}

/** From request `i` on, requests are due at `atMs`, `atMs + 1000 / ratePerSecond`, ... */
export interface RateRecord {
  type: "rate";
  i: number;
  atMs: number;
  ratePerSecond: number;
}

export interface RequestRecord {
  type: "request";
  /** 0, 1, 2, ... without holes; lines stand in order of `endMs`. */
  i: number;
  /** The kind's name. */
  request: string;
  connection: ConnectionKind;
  /** Which socket carried it; -1 when none did. */
  socket: number;
  scheduledMs: number;
  /** When it was handed to its socket; for `unsent` ones, when it was given up. */
  sentMs: number;
  /** How much of `sentMs - scheduledMs` went by waiting for an idle persistent socket; absent = 0. The rest is the generator's own lag. */
  waitedMs?: number;
  endMs: number;
  fate: Fate;
  status?: number;
  servedBy?: string;
  /** Empty when it was never sent. */
  traceId: string;
  /** The `traceparent` carried the sampled flag. */
  sampled?: true;
  /** A code such as ECONNRESET, never a sentence. */
  error?: string;
}

/** Something that happened outside of the load: a fault began, a replica ended. */
export interface LedgerEvent {
  type: "event";
  atMs: number;
  name: string;
  /** To whom: a replica, a node, a dependency. */
  subject?: string;
  detail?: unknown;
}

/** The life of a persistent socket. */
export interface SocketRecord {
  type: "socket";
  atMs: number;
  socket: number;
  state: "opened" | "closed" | "failed";
  /** Who closed it. */
  by?: "server" | "agent";
  error?: string;
}

/** How well the marking process knows the agent's clock: its own Unix time + `offsetMs` = the agent's, give or take `uncertaintyMs`. */
export interface ClockRecord {
  type: "clock";
  atMs: number;
  offsetMs: number;
  uncertaintyMs: number;
}

export interface LedgerEnd {
  type: "end";
  atMs: number;
  scheduled: number;
  byFate: Record<Fate, number>;
  /** Sent minus scheduled, without waits for a socket. */
  scheduleLag: Spread;
  /** What the agent's process has used, its start included. */
  cpuMs: number;
  stoppedBy: "stop" | "duration" | "eof" | "signal";
}

/** Last line: how many lines stand before it, and the SHA-256 of their bytes. It finds accidents and careless edits, not forgers. */
export interface LedgerSeal {
  type: "seal";
  lines: number;
  sha256: string;
}

export type LedgerLine =
  | LedgerHeader
  | RateRecord
  | RequestRecord
  | LedgerEvent
  | SocketRecord
  | ClockRecord
  | LedgerEnd
  | LedgerSeal;

/** A ledger in memory. `problems` is not empty when the file is truncated, edited or otherwise not the whole truth; the verdict is INVALID then. */
export interface Ledger {
  header: LedgerHeader;
  rates: RateRecord[];
  /** In order of `i`. */
  requests: RequestRecord[];
  /** In order of time. */
  events: LedgerEvent[];
  sockets: SocketRecord[];
  clocks: ClockRecord[];
  end: LedgerEnd | undefined;
  problems: string[];
}

/** In ms. */
export interface Spread {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export function isFailed(fate: Fate): fate is FailedFate {
  return fate !== "answered" && fate !== "degraded";
}
