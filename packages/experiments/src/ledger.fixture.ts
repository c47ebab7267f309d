/** A ledger as a rolling update leaves it, made up for tests of what reads ledgers: 3 replicas, one rollout, a few lost requests. */
import type { Fate, Ledger, LedgerEvent, RequestRecord, Verdict } from "@holdfast/load";
import type { RunResult } from "./result.ts";

const RATE = 100;
const SECONDS = 20;

export function exampleLedger(
  opts: { lost?: readonly { atMs: number; fate: Fate; connection: "new" | "persistent" }[] } = {},
): Ledger {
  const events: LedgerEvent[] = [];
  const note = (atMs: number, name: string, more: { subject?: string; detail?: unknown } = {}) =>
    events.push({ type: "event", atMs, name, ...more });
  const old = ["catalogue-6b5f-aaaa1", "catalogue-6b5f-aaaa2", "catalogue-6b5f-aaaa3"];
  const fresh = ["catalogue-7c8d-bbbb1", "catalogue-7c8d-bbbb2", "catalogue-7c8d-bbbb3"];
  for (const subject of old) note(0, "replica.present", { subject, detail: { version: "1.0.0" } });
  note(0, "baseline.start");
  note(5000, "baseline.end");
  note(5000, "method.start");
  note(5001, "rollout-1.start");
  for (const [index, subject] of fresh.entries()) {
    const at = 5000 + index * 1200;
    note(at + 2, "replica.starting", { subject, detail: { version: "2.0.0" } });
    note(at + 900, "replica.ready", { subject, detail: { version: "2.0.0" } });
    note(at + 901, "replica.ending", { subject: old[index] ?? "", detail: { version: "1.0.0" } });
    note(at + 7000, "replica.ended", { subject: old[index] ?? "", detail: { version: "1.0.0" } });
  }
  note(14_500, "rollout-1.end");
  note(14_500, "method.done");
  note(17_500, "rollback.start");
  note(18_500, "rollback.verified");
  events.sort((a, b) => a.atMs - b.atMs);

  const requests: RequestRecord[] = Array.from({ length: RATE * SECONDS }, (_, i) => {
    const scheduledMs = i * (1000 / RATE);
    const slow = i % 20 === 7;
    const servedBy = scheduledMs < 7000 || (scheduledMs < 9500 && i % 2 === 0) ? old[i % 3] : fresh[i % 3];
    return {
      type: "request",
      i,
      request: slow ? "slow" : (["list", "product", "order"][i % 3] ?? "list"),
      connection: i % 2 === 0 ? "new" : "persistent",
      socket: i % 2 === 0 ? 1000 + i : i % 90,
      scheduledMs,
      sentMs: scheduledMs + 0.3,
      endMs: scheduledMs + (slow ? 3024 : 23) + ((i * 7919) % 97) / 9,
      fate: "answered",
      status: 200,
      ...(servedBy === undefined ? {} : { servedBy }),
      traceId: i.toString(16).padStart(32, "0"),
    };
  });
  for (const { atMs, fate, connection } of opts.lost ?? []) {
    const at = requests.findIndex(
      (request) => request.scheduledMs >= atMs && request.connection === connection && request.fate === "answered",
    );
    const found = requests[at];
    if (!found) continue;
    const { servedBy: _, status: __, ...lost } = found;
    requests[at] = { ...lost, fate, error: "ECONNRESET", endMs: lost.scheduledMs + 12 };
  }

  return {
    header: {
      type: "plan",
      schemaVersion: 1,
      epochMs: 1_790_000_000_000,
      plan: { url: "http://127.0.0.1:8080", ratePerSecond: RATE, persistentSockets: 90, requests: [] },
    },
    rates: [{ type: "rate", i: 0, atMs: 0, ratePerSecond: RATE }],
    requests,
    events,
    sockets: [],
    clocks: [],
    end: undefined,
    problems: [],
  };
}

export function exampleVerdict(ledger: Ledger, more: Partial<Verdict> = {}): Verdict {
  const failed = ledger.requests.filter(({ fate }) => fate !== "answered" && fate !== "degraded");
  const count = (fate: Fate) => ledger.requests.filter((request) => request.fate === fate).length;
  const by = (connection: string) => failed.filter((request) => request.connection === connection).length;
  return {
    verdict: failed.length === 0 ? "PASS" : "FAIL",
    code: failed.length === 0 ? "pass" : "failures",
    reason:
      failed.length === 0
        ? `None of ${ledger.requests.length} requests failed.`
        : `${failed.length} of ${ledger.requests.length} requests failed.`,
    hint: failed.length === 0 ? "" : "Look which replica had them.",
    findings: [],
    sent: ledger.requests.length,
    answered: count("answered"),
    degraded: count("degraded"),
    failed: {
      total: failed.length,
      byFate: {
        refused: count("refused"),
        reset: count("reset"),
        timeout: count("timeout"),
        incomplete: count("incomplete"),
        shed: count("shed"),
        status: count("status"),
        unsent: count("unsent"),
      },
      byConnection: { new: by("new"), persistent: by("persistent") },
      allowed: 0,
    },
    seconds: SECONDS,
    sentDuringFault: 940,
    faultSeconds: 9.4,
    baseline: { seconds: 5, sent: 500 },
    windows: [
      {
        name: "starting",
        subject: "catalogue-7c8d-bbbb1",
        fromMs: 5002,
        toMs: 5900,
        scheduled: 90,
        failed: 0,
        degraded: 0,
      },
      {
        name: "ending",
        subject: "catalogue-6b5f-aaaa1",
        fromMs: 5901,
        toMs: 14_400,
        scheduled: 850,
        failed: failed.length,
        degraded: 0,
      },
    ],
    victims: [],
    deadlines: [{ name: "method", withinMs: 30_000, tookMs: 9500, met: true, decided: true }],
    persistentSockets: 90,
    latency: { p50Ms: 24, p99Ms: 3030, maxMs: 3041 },
    slowestMs: 3041,
    scheduleLag: { p50Ms: 0.2, p99Ms: 2.1, maxMs: 6 },
    ...more,
  };
}

export function exampleResult(verdict: Verdict, more: Partial<RunResult> = {}): RunResult {
  return {
    schemaVersion: 1,
    id: "E1",
    title: "Rolling update",
    hypothesis: "A rolling update loses no request.",
    rule: "0 failed",
    target: "fleet",
    versions: { service: "1.0.0", node: "24.21.0" },
    ...verdict,
    startedAt: "2026-11-24T08:00:00.000Z",
    rollback: {
      verified: true,
      reason: "everything is as it was: all replicas ready, no fault left, traffic answered in full",
      checks: [{ name: "replicas", ok: true, found: "catalogue 3/3 ready, stock 1/1 ready" }],
      seconds: 1,
    },
    files: { result: "E1.json", ledger: "E1.ledger.jsonl", page: "E1.html", logs: "E1.logs" },
    ...more,
  };
}
