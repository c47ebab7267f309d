import { describe, expect, test } from "vitest";

import { judge } from "./judge.ts";
import type { Ledger, RequestRecord } from "./ledger.ts";
import {
  createLedger,
  event,
  events,
  plan,
  plannedRule,
  unplannedRule,
  type FixtureOptions,
} from "./ledger-fixture.ts";
import type { PassRule } from "./rule.ts";
import type { VerdictCode } from "./verdict.ts";

interface Row {
  name: string;
  rule?: Partial<PassRule>;
  ledger?: FixtureOptions;
  bend?: (ledger: Ledger) => void;
  code: VerdictCode;
  reason?: string;
}

const between = (fromMs: number, toMs: number) => (request: RequestRecord) =>
  request.scheduledMs >= fromMs && request.scheduledMs < toMs;
const failBetween = (fromMs: number, toMs: number) => ({
  fate: (request: RequestRecord) => (between(fromMs, toMs)(request) ? ("reset" as const) : undefined),
});
const degradeBetween = (fromMs: number, toMs: number) => ({
  fate: (request: RequestRecord) => (between(fromMs, toMs)(request) ? ("degraded" as const) : undefined),
});

describe.each<{ kind: string; base: PassRule; rows: Row[] }>([
  {
    kind: "planned",
    base: plannedRule,
    rows: [
      {
        name: "nothing failed while a replica ended",
        code: "pass",
        reason: "0 of 2000 requests failed; 401 of them were sent during 4.0 s of fault in 1 window.",
      },
      {
        name: "one request failed while a replica ended",
        ledger: failBetween(9_000, 9_010),
        code: "failures",
        reason: "1 request failed where none may: 1 reset; 0 on new connections, 1 on persistent ones.",
      },
      {
        name: "one request failed after the window had closed",
        ledger: failBetween(15_000, 15_010),
        code: "failures",
      },
      {
        name: "a request that was under way when the fault began failed",
        ledger: {
          fate: ({ i }) => (i === 780 ? "timeout" : undefined),
          change: ({ i }) => (i === 780 ? { endMs: 9_000 } : undefined),
        },
        code: "failures",
      },
      {
        name: "a failure counts though too few requests were scheduled in windows",
        rule: { minScheduledInWindows: 5_000 },
        ledger: failBetween(9_000, 9_010),
        code: "failures",
      },
      {
        name: "a failure does not count when the measurement cannot be believed",
        ledger: {
          ...failBetween(9_000, 9_010),
          change: ({ sentMs }) => ({ sentMs: sentMs + 200, endMs: sentMs + 300 }),
        },
        code: "schedule-lag",
      },
      {
        name: "an answer was degraded where no rule allows it",
        ledger: degradeBetween(9_000, 9_010),
        code: "degraded-outside-windows",
        reason: "1 degraded answer came where none may.",
      },
      {
        name: "a shed request is a failed one",
        ledger: { fate: ({ i }) => (i === 900 ? "shed" : undefined) },
        code: "failures",
      },
      {
        name: "a request that never found an idle socket is a failed one",
        ledger: {
          fate: ({ i }) => (i === 900 ? "unsent" : undefined),
          change: ({ i, scheduledMs }) =>
            i === 900
              ? {
                  error: "NO_IDLE_SOCKET",
                  socket: -1,
                  sentMs: scheduledMs + 5_000,
                  waitedMs: 5_000,
                  endMs: scheduledMs + 5_000,
                }
              : undefined,
        },
        code: "failures",
      },
      {
        name: "whoever ran it says that it shows nothing, and why",
        rule: { voidedBy: ["method.void"] },
        ledger: {
          ...failBetween(9_000, 9_010),
          events: [{ ...event("method.void", 7_000), detail: { because: "The alert was firing already." } }, ...events],
        },
        code: "voided",
        reason: "The alert was firing already.",
      },
      {
        name: "whoever ran it says that it shows nothing, and not why",
        rule: { voidedBy: ["method.void"] },
        ledger: { events: [event("method.void", 7_000), ...events] },
        code: "voided",
        reason: "The event method.void says that this run shows nothing.",
      },
      // The measurement cannot be believed.
      {
        name: "one stall of the generator is longer than the rule allows",
        ledger: {
          change: ({ i, scheduledMs }) =>
            i === 1_500 ? { sentMs: scheduledMs + 1_500, endMs: scheduledMs + 1_510 } : undefined,
        },
        code: "schedule-lag",
        reason: "The load generator sent up to 1500 ms late (p99 1 ms), where 1000 ms (p99 100 ms) is allowed.",
      },
      {
        name: "a short stall during the fault does not drown in a long run",
        ledger: {
          seconds: 120,
          change: (request) =>
            between(8_000, 8_100)(request)
              ? { sentMs: request.scheduledMs + 150, endMs: request.scheduledMs + 160 }
              : undefined,
        },
        code: "schedule-lag",
      },
      {
        name: "waiting for an idle socket is not the generator's lag",
        ledger: {
          change: ({ scheduledMs, connection }) =>
            connection === "persistent" && scheduledMs > 8_000
              ? { sentMs: scheduledMs + 1_500, waitedMs: 1_499, endMs: scheduledMs + 1_510 }
              : undefined,
        },
        code: "pass",
      },
      {
        name: "requests waited for idle sockets before there was a fault",
        ledger: {
          change: ({ scheduledMs, connection }) =>
            connection === "persistent"
              ? { sentMs: scheduledMs + 300, waitedMs: 299, endMs: scheduledMs + 310 }
              : undefined,
        },
        code: "too-few-sockets",
        reason: "Even before the fault, requests waited up to 299 ms (p99 299 ms) for an idle persistent socket.",
      },
      {
        name: "the generator's machine ran out of ports",
        ledger: {
          fate: ({ i }) => (i === 900 ? "unsent" : undefined),
          change: ({ i }) => (i === 900 ? { error: "EADDRNOTAVAIL" } : undefined),
        },
        code: "generator-limit",
      },
      { name: "no fault was marked", ledger: { events: [] }, code: "no-fault" },
      {
        name: "the event from which evidence counts is missing",
        rule: { evidenceFrom: "rollout.start" },
        code: "no-fault",
        reason: "No fault was seen: the event rollout.start is not in the ledger.",
      },
      {
        name: "a replica never ended",
        ledger: { events: events.slice(0, 1) },
        code: "window-unclosed",
        reason: "The window ending of r0 opened at 8.0 s and nothing closed it.",
      },
      {
        name: "another replica's end closes no window",
        ledger: { events: [event("replica.ending", 8_000, "r0"), event("replica.ended", 12_000, "r1")] },
        code: "window-unclosed",
      },
      {
        name: "no baseline",
        ledger: { events: [event("replica.ending", 100, "r0"), event("replica.ended", 12_000, "r0")] },
        rule: { victims: [] },
        code: "baseline-short",
        reason: "The baseline before the fault was 0.0 s with 0 requests, where 5.0 s with 1 are needed.",
      },
      {
        name: "too short a baseline",
        ledger: { events: [event("replica.ending", 5_099, "r0"), event("replica.ended", 12_000, "r0")] },
        code: "baseline-short",
      },
      { name: "too few requests in the baseline", rule: { baseline: { minSent: 1_000 } }, code: "baseline-short" },
      {
        name: "a request failed before the fault",
        ledger: failBetween(3_000, 3_010),
        code: "baseline-unhealthy",
        reason: "The baseline already held 1 failed or degraded request: 1 reset.",
      },
      {
        name: "an answer was degraded before the fault",
        ledger: degradeBetween(3_000, 3_010),
        code: "baseline-unhealthy",
      },
      { name: "too few persistent sockets", rule: { minPersistentSockets: 31 }, code: "too-few-sockets" },
      { name: "just enough persistent sockets", rule: { minPersistentSockets: 30 }, code: "pass" },
      {
        name: "sockets that had closed before the fault do not count",
        rule: { minPersistentSockets: 30, victims: [] },
        bend: (ledger) =>
          ledger.sockets.push({ type: "socket", atMs: 7_000, socket: 4, state: "closed", by: "server" }),
        code: "too-few-sockets",
      },
      {
        name: "a victim held too few sockets",
        rule: { minSocketsPerVictim: 11 },
        code: "victim-without-sockets",
        reason:
          "r0 went away at 8.0 s holding 10 persistent sockets that had answered in the 2 s before, where 11 are needed.",
      },
      { name: "a victim held just enough sockets", rule: { minSocketsPerVictim: 10 }, code: "pass" },
      {
        name: "a victim had answered, but not in the 2 s before",
        ledger: {
          change: (request) =>
            between(5_980, 8_000)(request) && request.servedBy === "r0" ? { servedBy: "r1" } : undefined,
        },
        code: "victim-without-sockets",
      },
      {
        name: "a victim's sockets had closed before it went away",
        bend: (ledger) => {
          for (let socket = 0; socket < 30; socket += 3) {
            ledger.sockets.push({ type: "socket", atMs: 7_800, socket, state: "closed", by: "server" });
          }
        },
        code: "victim-without-sockets",
      },
      {
        name: "nobody says who answered",
        ledger: { change: () => ({ servedBy: "" }) },
        code: "victim-without-sockets",
      },
      { name: "the plan had other shares than the rule says", rule: { newShare: 1 }, code: "plan-not-as-ruled" },
      {
        name: "the marking process did not know the agent's clock",
        bend: (ledger) => ledger.clocks.push({ type: "clock", atMs: 9_000, offsetMs: 0.2, uncertaintyMs: 51 }),
        code: "clock-uncertain",
      },
      {
        name: "the clocks drifted apart",
        bend: (ledger) => ledger.clocks.push({ type: "clock", atMs: 19_000, offsetMs: -60, uncertaintyMs: 0.3 }),
        code: "clock-uncertain",
      },
      {
        name: "nobody compared the clocks",
        bend: (ledger) => ledger.clocks.splice(0),
        code: "clock-uncertain",
        reason: "The events' times may be off by nobody knows how much, more than the 50 ms the rule allows.",
      },
      {
        name: "the ledger was cut off",
        bend: (ledger) => (ledger.end = undefined),
        code: "ledger-damaged",
        reason: "The ledger is damaged: it does not end: the run was broken off.",
      },
      // Not enough was looked at.
      { name: "too few requests in all", rule: { minSent: 2_001 }, code: "too-few-sent" },
      { name: "just enough requests in all", rule: { minSent: 2_000 }, code: "pass" },
      {
        name: "too few requests while the fault worked",
        rule: { minScheduledInWindows: 402 },
        code: "too-few-in-windows",
        reason: "While the fault worked, 401 requests fell due, where 402 are needed.",
      },
      { name: "just enough requests while the fault worked", rule: { minScheduledInWindows: 401 }, code: "pass" },
      {
        name: "the load ended with the fault",
        ledger: { events: [event("replica.ending", 8_000, "r0"), event("replica.ended", 19_500, "r0")] },
        code: "after-short",
        reason: "Load went on for 0.6 s after the fault was over, where 1.0 s are needed.",
      },
      {
        name: "a window that may stay open needs no time after its end",
        rule: { windows: [{ name: "ending", from: "replica.ending", to: "replica.ended", unclosed: "until-end" }] },
        ledger: { events: events.slice(0, 1) },
        code: "pass",
      },
      {
        name: "a window that may stay open needs time after its opening",
        rule: {
          windows: [{ name: "ending", from: "replica.ending", to: "replica.ended", unclosed: "until-end" }],
          minScheduledInWindows: 1,
        },
        ledger: { events: [event("replica.ending", 19_500, "r0")] },
        code: "after-short",
        reason: "Load went on for 0.6 s after the fault began, where 1.0 s are needed.",
      },
      {
        name: "requests on one connection kind only were there to be hurt",
        rule: { minScheduledInWindows: 1, victims: [] },
        ledger: { events: [event("replica.ending", 8_105, "r0"), event("replica.ended", 8_112, "r0")] },
        code: "too-few-in-windows",
        reason: "No request on a persistent connection was scheduled while the fault worked.",
      },
    ],
  },
  {
    kind: "unplanned",
    base: unplannedRule,
    rows: [
      {
        name: "as many failed as may",
        ledger: failBetween(8_000, 8_100),
        code: "pass",
        reason:
          "10 of 2000 requests failed (allowed 10); 401 of them were sent during 4.0 s of fault in 1 window; the last failed one ended 0.1 s after a fault began.",
      },
      {
        name: "one more failed than may",
        ledger: failBetween(8_000, 8_110),
        code: "failures-over-bound",
        reason:
          "11 requests failed where 10 may (4.0 s of fault): 11 reset; 5 on new connections, 6 on persistent ones.",
      },
      {
        name: "one failed after the last window, in time and within the bound",
        rule: { failedOnlyInWindows: true, overWithinMs: 6_000, minAfterMs: 1_000 },
        ledger: failBetween(13_000, 13_010),
        code: "failures-outside-windows",
        reason: "1 request failed outside of the windows in which they may (first: request 1290): 1 reset.",
      },
      {
        name: "those under way in a window, or as the clocks may err just outside of one, are in it",
        rule: { failedOnlyInWindows: true, overWithinMs: 6_000 },
        ledger: failBetween(12_000, 12_050),
        code: "pass",
      },
      {
        name: "the fault made as many fail as it was to",
        rule: { failedShare: { min: 0.02, max: 0.03 } },
        ledger: failBetween(8_000, 8_100),
        code: "pass",
      },
      {
        name: "the fault made fewer fail than it was to",
        rule: { failedShare: { min: 0.03, max: 0.04 } },
        ledger: failBetween(8_000, 8_100),
        code: "fault-not-as-ruled",
        reason:
          "While the fault worked, 2.5 % of 401 requests failed, where the fault is to make 3.0 % to 4.0 % of them fail.",
      },
      {
        name: "more failed than the fault is to make fail",
        rule: { failedShare: { min: 0.01, max: 0.02 } },
        ledger: failBetween(8_000, 8_110),
        code: "fault-not-as-ruled",
      },
      {
        name: "the bound grows with the time the fault worked",
        rule: { failedAtMost: { atMost: 2, plusPerWindowSecond: 2.25 } },
        ledger: failBetween(8_000, 8_110),
        code: "pass",
      },
      {
        name: "the bound that grows is a bound too",
        rule: { failedAtMost: { atMost: 2, plusPerWindowSecond: 2 } },
        ledger: failBetween(8_000, 8_110),
        code: "failures-over-bound",
      },
      {
        name: "the bound grows with a measured span",
        rule: {
          failedAtMost: {
            atMost: 2,
            plusPerSpan: [
              { name: "notice", from: "replica.ending", to: "replica.noticed", perSecond: 10, maxMs: 1_000 },
            ],
          },
        },
        ledger: {
          ...failBetween(8_000, 8_110),
          events: [...events, event("replica.noticed", 8_900, "r0")].toSorted((a, b) => a.atMs - b.atMs),
        },
        code: "pass",
        reason:
          '11 of 2000 requests failed (allowed 11; "notice" of r0 took 0.9 s); 401 of them were sent during 4.0 s of fault in 1 window; the last failed one ended 0.1 s after a fault began.',
      },
      {
        name: "a span counts no more than was said beforehand",
        rule: {
          failedAtMost: {
            atMost: 2,
            plusPerSpan: [{ name: "notice", from: "replica.ending", to: "replica.ended", perSecond: 10, maxMs: 800 }],
          },
        },
        ledger: failBetween(8_000, 8_110),
        code: "failures-over-bound",
        reason:
          '11 requests failed where 10 may (4.0 s of fault; "notice" of r0 took 4.0 s, of which 0.8 s count): 11 reset; 5 on new connections, 6 on persistent ones.',
      },
      {
        name: "two beginnings that one end closes are one span, from the first of them",
        rule: {
          failedAtMost: {
            atMost: 2,
            plusPerSpan: [
              {
                name: "notice",
                from: "replica.ending",
                to: "noticed",
                sameSubject: false,
                perSecond: 10,
                maxMs: 1_000,
              },
            ],
          },
        },
        ledger: {
          ...failBetween(8_000, 8_120),
          events: [
            event("replica.ending", 8_000, "r0"),
            event("replica.ending", 8_300, "r1"),
            event("noticed", 8_900, "node"),
            event("replica.ended", 12_000, "r0"),
            event("replica.ended", 12_000, "r1"),
          ],
        },
        code: "failures-over-bound",
        reason:
          '12 requests failed where 11 may (4.0 s of fault; "notice" of r0 took 0.9 s): 12 reset; 6 on new connections, 6 on persistent ones.',
      },
      {
        name: "spans of two subjects count each, at the same time as well",
        rule: {
          failedAtMost: {
            atMost: 2,
            plusPerSpan: [{ name: "notice", from: "replica.ending", to: "noticed", perSecond: 10, maxMs: 1_000 }],
          },
        },
        ledger: {
          ...failBetween(8_000, 8_170),
          events: [
            event("replica.ending", 8_000, "r0"),
            event("replica.ending", 8_000, "r1"),
            event("noticed", 8_900, "r0"),
            event("noticed", 8_600, "r1"),
            event("replica.ended", 12_000, "r0"),
            event("replica.ended", 12_000, "r1"),
          ].toSorted((a, b) => a.atMs - b.atMs),
        },
        code: "pass",
        reason:
          '17 of 2000 requests failed (allowed 17; "notice" of r0 took 0.9 s; "notice" of r1 took 0.6 s); 401 of them were sent during 4.0 s of fault in 2 windows; the last failed one ended 0.2 s after a fault began.',
      },
      {
        name: "a span that nobody measured excuses nothing",
        rule: {
          failedAtMost: {
            atMost: 2,
            plusPerSpan: [
              { name: "notice", from: "replica.ending", to: "replica.noticed", perSecond: 10, maxMs: 1_000 },
            ],
          },
        },
        ledger: failBetween(8_000, 8_030),
        code: "failures-over-bound",
      },
      {
        name: "a request sent too late after the fault began failed",
        ledger: failBetween(10_010, 10_020),
        code: "failures-too-late",
        reason: "1 request sent more than 2.0 s after the fault began still failed: 1 reset.",
      },
      {
        name: "a later window gives its own time",
        ledger: {
          ...failBetween(10_010, 10_020),
          events: [
            ...events.slice(0, 1),
            event("replica.ending", 9_500, "r1"),
            event("replica.ended", 11_000, "r1"),
            ...events.slice(1),
          ],
        },
        code: "pass",
      },
      {
        name: "requests still failed when the load ended, before they had to stop",
        rule: { overWithinMs: 30_000, windows: [{ name: "down", from: "replica.ending", to: "replica.ended" }] },
        ledger: failBetween(19_500, 19_520),
        code: "after-short",
        reason: "Load went on for 0.0 s after the 30.0 s in which requests may fail, where 1.0 s are needed.",
      },
      {
        name: "nothing failed, and the load ended before requests had to stop failing",
        rule: { overWithinMs: 11_500 },
        code: "after-short",
        reason: "Load went on for 0.6 s after the 11.5 s in which requests may fail, where 1.0 s are needed.",
      },
      {
        name: "the load went on just long enough after requests had to stop failing",
        rule: { overWithinMs: 11_000 },
        code: "pass",
      },
      {
        name: "a window that may stay open gives its time for failures too",
        rule: {
          overWithinMs: 11_500,
          windows: [{ name: "down", from: "replica.ending", to: "replica.ended", unclosed: "until-end" }],
        },
        ledger: { events: events.slice(0, 1) },
        code: "after-short",
      },
    ],
  },
  {
    kind: "degraded answers",
    base: { ...plannedRule, degraded: { allowed: "in-windows" } },
    rows: [
      { name: "while a window is open", ledger: degradeBetween(9_000, 11_000), code: "pass" },
      {
        name: "after the window",
        ledger: degradeBetween(12_500, 12_510),
        code: "degraded-outside-windows",
        reason: "1 degraded answer came outside the windows in which they may.",
      },
      {
        name: "after the window, within its grace",
        rule: { degraded: { allowed: "in-windows", graceMs: 1_000 } },
        ledger: degradeBetween(12_500, 12_510),
        code: "pass",
      },
      {
        name: "in a window that does not allow them",
        rule: {
          windows: [
            { name: "ending", from: "replica.ending", to: "replica.ended" },
            { name: "stock gone", from: "stock.gone", to: "stock.back" },
          ],
          degraded: { allowed: "in-windows", windows: ["stock gone"] },
        },
        ledger: degradeBetween(9_000, 9_010),
        code: "degraded-outside-windows",
      },
      {
        name: "fewer than a working fault brings",
        rule: { degraded: { allowed: "in-windows", atLeast: 2 } },
        ledger: degradeBetween(9_000, 9_010),
        code: "fault-without-effect",
        reason: "1 degraded answer came, where a fault that works brings at least 2.",
      },
      {
        name: "anywhere",
        rule: { degraded: { allowed: "anywhere" } },
        ledger: degradeBetween(0, 20_000),
        code: "pass",
      },
      { name: "but failures are failures", ledger: failBetween(9_000, 9_010), code: "failures" },
    ],
  },
  {
    kind: "deadlines",
    base: {
      ...plannedRule,
      deadlines: [
        { name: "breaker opens", from: "stock.gone", to: "breaker.open", withinMs: 1_000, sameSubject: false },
      ],
    },
    rows: [
      {
        name: "met",
        ledger: { events: [...events, event("stock.gone", 13_000, "stock"), event("breaker.open", 13_800, "r1")] },
        code: "pass",
      },
      {
        name: "met too late",
        ledger: { events: [...events, event("stock.gone", 13_000, "stock"), event("breaker.open", 14_100, "r1")] },
        code: "deadline-missed",
        reason: '"breaker opens" of stock took 1.1 s, where it must happen within 1.0 s.',
      },
      {
        name: "never met",
        ledger: { events: [...events, event("stock.gone", 13_000, "stock")] },
        code: "deadline-missed",
        reason: '"breaker opens" of stock did not happen, where it must happen within 1.0 s.',
      },
      {
        name: "never met, and an event tells why, the last word of those after it was set",
        rule: {
          deadlines: [
            {
              name: "breaker opens",
              from: "stock.gone",
              to: "breaker.open",
              withinMs: 1_000,
              sameSubject: false,
              otherwise: "breaker.stuck",
            },
          ],
        },
        ledger: {
          events: [
            ...events,
            { ...event("breaker.stuck", 12_900), detail: { said: "of another time" } },
            event("stock.gone", 13_000, "stock"),
            { ...event("breaker.stuck", 13_500), detail: { said: "it was stuck once" } },
            { ...event("breaker.stuck", 13_900), detail: { said: "it is rusty" } },
          ],
        },
        code: "deadline-missed",
        reason: '"breaker opens" of stock did not happen, where it must happen within 1.0 s: it is rusty.',
      },
      {
        name: "met before it was set is not met",
        ledger: { events: [...events, event("breaker.open", 12_500, "r1"), event("stock.gone", 13_000, "stock")] },
        code: "deadline-missed",
      },
      {
        name: "still running when the load ended",
        rule: { deadlines: [{ name: "breaker opens", from: "stock.gone", to: "breaker.open", withinMs: 15_000 }] },
        ledger: { events: [...events, event("stock.gone", 13_000, "stock")] },
        code: "after-short",
        reason: 'The load ended before "breaker opens" of stock had its 15.0 s.',
      },
      { name: "never set", code: "fault-without-effect" },
    ],
  },
])("judged as $kind", ({ base, rows }) => {
  test.each(rows)("$name: $code", ({ rule, ledger: opts, bend, code, reason }) => {
    const ledger = createLedger({ ...opts, rule: { ...base, ...rule } });
    bend?.(ledger);
    const verdict = judge(ledger);
    expect(verdict).toMatchObject({ code, ...(reason !== undefined && { reason }) });
    expect(verdict.hint).toMatch(/^[A-Z].*\.$/);
    expect(verdict.verdict).toBe(code === "pass" ? "PASS" : FAILING.has(code) ? "FAIL" : "INVALID");
    expect(verdict.findings[0]?.code ?? "pass").toBe(code);
  });
});

const FAILING = new Set<VerdictCode>([
  "failures",
  "failures-over-bound",
  "failures-too-late",
  "failures-outside-windows",
  "degraded-outside-windows",
  "deadline-missed",
]);

test("counts by fate, by connection and by window", () => {
  const verdict = judge(
    createLedger({
      fate: (request) =>
        between(9_000, 9_030)(request) ? "refused" : between(10_000, 10_010)(request) ? "timeout" : undefined,
    }),
  );
  expect(verdict.failed).toEqual({
    total: 4,
    allowed: 0,
    byFate: { refused: 3, reset: 0, timeout: 1, incomplete: 0, shed: 0, status: 0, unsent: 0 },
    byConnection: { new: 1, persistent: 3 },
    lastMs: expect.closeTo(10_010, 0),
  });
  expect(verdict).toMatchObject({ sent: 2_000, answered: 1_996, degraded: 0, sentDuringFault: 401, faultSeconds: 4 });
  expect(verdict.windows).toEqual([
    { name: "ending", subject: "r0", fromMs: 8_000, toMs: 12_000, scheduled: 401, failed: 4, degraded: 0 },
  ]);
  expect(verdict.victims).toEqual([{ subject: "r0", atMs: 8_000, sockets: 10 }]);
  expect(verdict.latency).toEqual({ p50Ms: 10, p99Ms: 3_010, maxMs: 3_010 });
  expect(verdict.scheduleLag).toEqual({ p50Ms: 1, p99Ms: 1, maxMs: 1 });
});

test("overlapping windows count their time and their requests once", () => {
  const verdict = judge(
    createLedger({
      rule: { ...plannedRule, victims: [] },
      events: [
        event("replica.ending", 8_000, "r0"),
        event("replica.ending", 9_000, "r1"),
        event("replica.ended", 10_000, "r0"),
        event("replica.ended", 12_000, "r1"),
      ],
    }),
  );
  expect(verdict).toMatchObject({ verdict: "PASS", faultSeconds: 4, sentDuringFault: 401 });
  expect(verdict.windows).toHaveLength(2);
});

test("is recomputed from the ledger alone, and by another rule if one is handed", () => {
  const ledger = createLedger(failBetween(9_000, 9_010));
  expect(judge(structuredClone(ledger))).toEqual(judge(ledger));
  expect(judge(ledger, unplannedRule).verdict).toBe("PASS");
});

test("a ledger without a rule cannot be judged", () => {
  expect(() => judge(createLedger({ rule: undefined }))).toThrow(
    expect.objectContaining({ code: "LOAD_RULE_MISSING", message: expect.stringMatching(/no pass rule/) }),
  );
});

test("a run without a single request is INVALID, not PASS", () => {
  const verdict = judge(createLedger({ seconds: 0, plan }));
  expect(verdict).toMatchObject({ verdict: "INVALID", sent: 0 });
});
