import type { StoredLine } from "@holdfast/cluster";
import type { Ledger, LedgerEvent } from "@holdfast/load";
import { afterEach, expect, test, vi } from "vitest";
import { experimentOn, factsOf, type Lab } from "../experiment.ts";
import { exampleLedger } from "../ledger.fixture.ts";
import { logLedger, logLedgerBySidecar } from "./log-ledger.ts";

const BORN = "2026-11-24T13:59:00.000Z";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A lab in which time passes only when the method waits, and every line is stored `lateMs` after it is due, but for the lost ones. */
function labWhere(opts: { lateMs: number; lost?: readonly number[]; away?: boolean; haste?: number }) {
  let clockMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clockMs);
  const made = exampleLedger();
  const events: LedgerEvent[] = made.events.filter(({ name }) => name.startsWith("replica."));
  const requests = Array.from({ length: 10_000 }, (_, i) => ({
    ...made.requests[0],
    i,
    request: "list",
    fate: "answered" as const,
    traceId: `t${i}`,
  })) as Ledger["requests"];
  const done: string[] = [];
  const kept = new Map<string, string>();
  let dueMs = Number.POSITIVE_INFINITY;

  const pods = [...new Set(events.flatMap(({ subject }) => subject ?? []))];
  const [first = ""] = pods;
  const lineOf = (pod: string, seq: number, more: Partial<StoredLine> & { last?: number }): StoredLine => ({
    time: BORN,
    message: more.message ?? "listening",
    namespace: "lab",
    container: "service",
    pod,
    service: "catalogue",
    seq,
    ...(more.traceId === undefined ? {} : { traceId: more.traceId }),
    fields: {
      "process.creation.time": BORN,
      ...(more.last === undefined ? {} : { "event.name": "telemetry.end", last_seq: String(more.last) }),
    },
  });
  const stored = [
    ...requests.map(({ i, traceId }) => lineOf(first, i + 1, { message: "request", traceId })),
    lineOf(first, 10_001, { last: 10_001 }),
    ...pods.slice(1).map((pod) => lineOf(pod, 1, { last: 1 })),
  ].filter(({ pod, seq = 0 }) => pod !== first || !opts.lost?.includes(seq));

  function mark(name: string, more: { detail?: unknown } = {}): void {
    events.push({ type: "event", atMs: 20_000 + clockMs, name, ...more });
    if (name === "logs.due" || name === "backlog.due") dueMs = clockMs;
    done.push(name);
  }
  const did = (what: string) => async () => void done.push(what);
  const target = {
    end: did("end"),
    replicas: async () => [],
    settled: async () => {},
    rollOut: async (service: string) => void done.push(`roll out ${service}`),
  };
  const platform = {
    stopLogStore: did("stop the store"),
    startLogStore: did("start the store"),
    killLogShippers: did("kill the shippers"),
    async queryLogs() {
      if (opts.away) throw new Error("VictoriaLogs does not answer.");
      return clockMs - dueMs < opts.lateMs ? [] : stored;
    },
  };
  const lab = {
    target,
    platform,
    signal: new AbortController().signal,
    mark,
    measured: (name: string, detail: unknown) => mark(name, { detail }),
    during: async (name: string, work: () => Promise<unknown>) => {
      mark(`${name}.start`);
      await work();
      mark(`${name}.end`);
    },
    until: async () => {},
    need(holds: boolean, because: string) {
      if (!holds) throw new Error(because);
    },
    anyReplica: async () => ({ name: first }),
    stats: () => ({ answered: 10_000, degraded: 0 }),
    pass: async ({ seconds }: { seconds: number }) => void (clockMs += seconds * (opts.haste ?? 1) * 1000),
    ledgerSoFar: async () => ({ ...made, requests, events }),
    keep: async (file: string, content: string) => void kept.set(file, content),
  } as unknown as Lab;
  return { lab, done, kept, events };
}

test("by the nodes: a pod ends and the agents are killed while the store is away, then everything is replaced and counted", async () => {
  const { lab, done, kept, events } = labWhere({ lateMs: 7000 });
  await logLedger.method(lab);
  expect(done.filter((what) => !what.endsWith(".start") && !what.endsWith(".end"))).toEqual([
    "stop the store",
    "store.away",
    "end",
    "kill the shippers",
    "start the store",
    "store.back",
    "roll out catalogue",
    "roll out stock",
    "logs.due",
    "logs.complete",
  ]);
  const at = (name: string) => events.find((event) => event.name === name)?.atMs ?? 0;
  expect(at("store.back") - at("store.away")).toBe(30_000);
  // Asked every 2 s, until it was there.
  expect(at("logs.complete") - at("logs.due")).toBe(8000);
  expect(events.at(-1)?.detail).toMatchObject({
    requests: 10_000,
    answered: 10_000,
    joined: 10_000,
    stored: 10_006,
    missing: 0,
    said: expect.stringMatching(/^each of 10000 answered requests has its line/),
  });
  expect(kept.get("stored.jsonl")?.split("\n")).toHaveLength(10_007);
});

test("by sidecars: no pod ends while the store is away or something still waits for it", async () => {
  const { lab, done } = labWhere({ lateMs: 0 });
  await logLedgerBySidecar.method(lab);
  expect(done.filter((what) => !what.endsWith(".start") && !what.endsWith(".end"))).toEqual([
    "end",
    "stop the store",
    "store.away",
    "kill the shippers",
    "start the store",
    "store.back",
    "backlog.due",
    "backlog.complete",
    "roll out catalogue",
    "roll out stock",
    "logs.due",
    "logs.complete",
  ]);
});

test("lines that do not come are waited for as long as the rule says, and then told", async () => {
  const { lab, kept, events } = labWhere({ lateMs: 0, lost: [17, 18], haste: 10 });
  await logLedger.method(lab);
  const [due, incomplete] = events.slice(-2);
  expect([due?.name, incomplete?.name]).toEqual(["logs.due", "logs.incomplete"]);
  expect((incomplete?.atMs ?? 0) - (due?.atMs ?? 0)).toBeGreaterThanOrEqual(90_000);
  expect(incomplete?.detail).toMatchObject({
    joined: 9998,
    missing: 2,
    said: expect.stringContaining("2 are missing (first: lines 17 to 18 of "),
  });
  // What was found is kept all the same.
  expect(kept.get("stored.jsonl")?.split("\n")).toHaveLength(10_005);
});

test("where something is lost on the way already, the sidecars' pods are not replaced any more", async () => {
  const { lab, done } = labWhere({ lateMs: 0, lost: [17], haste: 10 });
  await logLedgerBySidecar.method(lab);
  expect(done.at(-1)).toBe("backlog.incomplete");
});

test("where the store does not come back nobody knows what is missing, and the run shows nothing", async () => {
  const { lab, events } = labWhere({ lateMs: 0, away: true });
  await expect(logLedger.method(lab)).rejects.toThrow(
    "The stored lines could not be read: VictoriaLogs does not answer",
  );
  expect(events.map(({ name }) => name)).not.toContain("logs.incomplete");
});

test.each([
  { defined: logLedger, shipping: "node", missed: "every line stored" },
  { defined: logLedgerBySidecar, shipping: "sidecar", missed: "what waited for the store stored" },
])("$defined.id asks for 10 000 requests and an outage of 25 s, and its control changes the queue alone", (row) => {
  const found = experimentOn(row.defined, "kind");
  expect(found.system.catalogue.logShipping).toBe(row.shipping);
  const { rule } = found.pass(factsOf(found, "kind"));
  expect(rule).toMatchObject({ kind: "planned", minSent: 10_000, minScheduledInWindows: 25 * 90 });
  expect(rule.deadlines).toContainEqual({
    name: "every line stored",
    from: "logs.due",
    to: "logs.complete",
    otherwise: "logs.incomplete",
    withinMs: 90_000,
  });
  expect(found.controls).toMatchObject([
    {
      change: { path: "platform.logQueue", from: "disk", to: "memory" },
      predict: { codes: ["deadline-missed"], deadlines: [row.missed] },
    },
  ]);
});
