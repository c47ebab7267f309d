/** Ledgers for tests: each is whole and true to its plan, until a test bends it. */
import {
  noFates,
  isFailed,
  LEDGER_SCHEMA_VERSION,
  type Fate,
  type Ledger,
  type LedgerEvent,
  type RequestRecord,
  type SocketRecord,
} from "./ledger.ts";
import { parsePlan, type LoadPlan } from "./plan.ts";
import type { PassRule } from "./rule.ts";
import { createMix, dueMs } from "./schedule.ts";
import { spread } from "./spread.ts";

const TOOK_MS = 10;
const REPLICAS = 3;

/** 100 requests a second over 30 sockets on three replicas r0, r1, r2: ten sockets each, each used every 0.6 s. */
export const plan: LoadPlan = {
  url: "http://127.0.0.1:8080",
  ratePerSecond: 100,
  persistentSockets: 30,
  requests: [
    { name: "quick", path: "/", weight: 19 },
    { name: "slow", path: "/slow", weight: 1, takesMs: 3_000, slow: true },
  ],
};

/** r0 ends from 8 s to 12 s of a run of 20 s. */
export const events: LedgerEvent[] = [event("replica.ending", 8_000, "r0"), event("replica.ended", 12_000, "r0")];

export const plannedRule: PassRule = {
  kind: "planned",
  windows: [{ name: "ending", from: "replica.ending", to: "replica.ended" }],
  minScheduledInWindows: 300,
  victims: ["replica.ending"],
};

export const unplannedRule: PassRule = {
  kind: "unplanned",
  windows: [{ name: "down", from: "replica.ending", to: "replica.ended" }],
  minScheduledInWindows: 300,
  failedAtMost: 10,
  overWithinMs: 2_000,
};

export function event(name: string, atMs: number, subject?: string): LedgerEvent {
  return { type: "event", atMs, name, ...(subject !== undefined && { subject }) };
}

export interface FixtureOptions {
  plan?: LoadPlan;
  rule?: PassRule | undefined;
  seconds?: number;
  events?: LedgerEvent[];
  /** What becomes of a request; default: answered. */
  fate?: (request: RequestRecord) => Fate | undefined;
  /** Any other change; made last. */
  change?: (request: RequestRecord) => Partial<RequestRecord> | undefined;
  sockets?: SocketRecord[];
}

export function createLedger(opts: FixtureOptions = {}): Ledger {
  const resolved = parsePlan(opts.plan ?? plan);
  const rate = { type: "rate" as const, i: 0, atMs: 100, ratePerSecond: resolved.ratePerSecond };
  const nextArrival = createMix(resolved);
  let persistentSent = 0;
  const requests = Array.from({ length: (opts.seconds ?? 20) * resolved.ratePerSecond }, (_, i) => {
    const arrival = nextArrival();
    const socket =
      arrival.connection === "new"
        ? resolved.persistentSockets + i
        : persistentSent++ % Math.max(1, resolved.persistentSockets);
    const scheduledMs = dueMs(rate, i);
    const record: RequestRecord = {
      type: "request",
      i,
      request: arrival.kind.name,
      connection: arrival.connection,
      socket,
      scheduledMs,
      sentMs: scheduledMs + 1,
      endMs: scheduledMs + TOOK_MS + arrival.kind.takesMs,
      fate: "answered",
      status: 200,
      servedBy: `r${socket % REPLICAS}`,
      traceId: i.toString(16).padStart(32, "0"),
    };
    const fate = opts.fate?.(record);
    if (fate !== undefined) record.fate = fate;
    if (isFailed(record.fate)) {
      delete record.status;
      delete record.servedBy;
    }
    return Object.assign(record, opts.change?.(record));
  });
  return seal({
    header: {
      type: "plan",
      schemaVersion: LEDGER_SCHEMA_VERSION,
      epochMs: 1_700_000_000_000,
      plan: resolved,
      ...("rule" in opts ? opts.rule && { rule: opts.rule } : { rule: plannedRule }),
    },
    rates: [rate],
    requests,
    events: opts.events ?? events,
    sockets:
      opts.sockets ??
      Array.from({ length: resolved.persistentSockets }, (_, socket) => ({
        type: "socket",
        atMs: 50,
        socket,
        state: "opened",
      })),
    clocks: [{ type: "clock", atMs: 60, offsetMs: 0.2, uncertaintyMs: 0.3 }],
    end: undefined,
    problems: [],
  });
}

/** Gives it the end line that fits its records. */
function seal(ledger: Ledger): Ledger {
  const byFate = noFates();
  for (const { fate } of ledger.requests) byFate[fate]++;
  const atMs = Math.max(0, ...ledger.requests.map(({ endMs }) => endMs));
  ledger.end = {
    type: "end",
    atMs,
    scheduled: ledger.requests.length,
    byFate,
    scheduleLag: spread(ledger.requests.map(({ sentMs, scheduledMs }) => sentMs - scheduledMs)),
    cpuMs: 0,
    stoppedBy: "stop",
  };
  return ledger;
}
