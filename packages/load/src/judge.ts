import { ownLag } from "./counting.ts";
import { LoadError } from "./errors.ts";
import { countOpenSockets, countVictimSockets, gatherEvidence, type Evidence } from "./evidence.ts";
import { findDamage } from "./integrity.ts";
import { isFailed, type ClockRecord, type Ledger, type LedgerEvent, type RequestRecord } from "./ledger.ts";
import { report, type Case } from "./report.ts";
import { parseRule, type PassRule, type ResolvedRule } from "./rule.ts";
import { listSpans, measureSpans } from "./spans.ts";
import { spread } from "./spread.ts";
import type { Verdict, VerdictCode } from "./verdict.ts";
import { overlaps, pairEvents, type EventPair } from "./windows.ts";
import { counted, inMs, inPercent, inSeconds, listConnections, listFates, ofSubject } from "./wording.ts";

interface Finding {
  code: VerdictCode;
  reason: string;
}

/**
 * The verdict on a ledger: pure, so that whoever has the file comes to the same one.
 * `rule` defaults to the one in the ledger's first line.
 *
 * Checks come in three rows, and the first row that finds something decides:
 * what makes the measurement worthless (INVALID), what went wrong (FAIL), and what is missing before nothing wrong means anything (INVALID).
 * So a failure that was seen is a failure, however few requests were sent, unless the measurement itself cannot be believed.
 *
 * @throws LoadError `LOAD_RULE_MISSING`, `LOAD_RULE_INVALID`
 */
export function judge(ledger: Ledger, rule: PassRule | undefined = ledger.header.rule): Verdict {
  if (rule === undefined) {
    throw new LoadError(
      "LOAD_RULE_MISSING",
      "This ledger holds no pass rule, so there is nothing to judge it by; hand the rule to startLoad().",
    );
  }
  const resolved = parseRule(rule);
  const evidence = gatherEvidence(ledger, resolved);
  const facts: Case = {
    ledger,
    rule: resolved,
    evidence,
    victims: countVictimSockets(ledger, resolved),
    deadlines: readDeadlines(ledger, resolved, evidence),
    persistentSockets: evidence.fromMs === undefined ? 0 : countOpenSockets(ledger, evidence.fromMs),
    allowed: allowedFailures(ledger.events, { rule: resolved, faultSeconds: evidence.faultSeconds }),
  };
  const rows = [
    { verdict: "INVALID", find: worthless },
    { verdict: "FAIL", find: wrong },
    { verdict: "INVALID", find: missing },
  ] as const;
  for (const { verdict, find } of rows) {
    const findings = [...find(facts)];
    if (findings[0] !== undefined) return report(facts, { verdict, ...findings[0], findings });
  }
  return report(facts, { verdict: "PASS", code: "pass", reason: passReason(facts), findings: [] });
}

/** Row 1: the measurement cannot be believed, whatever it shows. */
function* worthless({ ledger, rule, evidence, victims, persistentSockets }: Case): Generator<Finding> {
  const damage = findDamage(ledger);
  if (damage.length > 0) {
    yield { code: "ledger-damaged", reason: `The ledger is damaged: ${damage.join("; ")}.` };
    return;
  }
  const { requests, clocks, events } = ledger;
  const voiding = events.find(({ name }) => rule.voidedBy.includes(name));
  if (voiding !== undefined) yield { code: "voided", reason: voidReason(voiding) };
  const newShare = ledger.header.plan.newShare ?? 0.5;
  if (newShare !== rule.newShare) {
    const reason = `New connections made up ${newShare} of the requests, where the rule says ${rule.newShare}.`;
    yield { code: "plan-not-as-ruled", reason };
  }

  const errorMs = clockErrorMs(clocks);
  if (events.length > 0 && errorMs > rule.maxClockErrorMs) {
    const error = clocks.length === 0 ? "by nobody knows how much" : `by up to ${inMs(errorMs)}`;
    const reason = `The events' times may be off ${error}, more than the ${inMs(rule.maxClockErrorMs)} the rule allows.`;
    yield { code: "clock-uncertain", reason };
  }

  const lag = worstLag(requests, evidence.duringFault);
  const { p99, max } = rule.maxScheduleLagMs;
  if (lag.p99Ms > p99 || lag.maxMs > max) {
    const reason = `The load generator sent up to ${inMs(lag.maxMs)} late (p99 ${inMs(lag.p99Ms)}), where ${inMs(max)} (p99 ${inMs(p99)}) is allowed.`;
    yield { code: "schedule-lag", reason };
  }
  const limited = requests.filter(({ fate, error }) => fate === "unsent" && error !== "NO_IDLE_SOCKET");
  if (limited[0] !== undefined) {
    const reason = `The load generator's machine could not send ${counted(limited.length, "request")} (${limited[0].error}).`;
    yield { code: "generator-limit", reason };
  }

  if (evidence.fromMs === undefined) {
    const event = rule.evidenceFrom ?? rule.windows.map(({ from }) => from).join(" or ");
    yield { code: "no-fault", reason: `No fault was seen: the event ${event} is not in the ledger.` };
    return;
  }
  if (evidence.windows.length === 0) {
    const reason = `No fault was seen: no event ${rule.windows.map(({ from }) => from).join(" or ")} is in the ledger.`;
    yield { code: "no-fault", reason };
    return;
  }
  const tolerated = new Set(rule.windows.filter(({ unclosed }) => unclosed === "until-end").map(({ name }) => name));
  const unclosed = evidence.windows.find((window) => window.unclosed && !tolerated.has(window.name));
  if (unclosed !== undefined) {
    const reason = `The window ${unclosed.name}${ofSubject(unclosed)} opened at ${inSeconds(unclosed.fromMs)} and nothing closed it.`;
    yield { code: "window-unclosed", reason };
  }
  if (rule.failedShare !== undefined) {
    const { min, max } = rule.failedShare;
    const { duringFault } = evidence;
    const failed = duringFault.filter(({ fate }) => isFailed(fate)).length;
    const found = failed / Math.max(1, duringFault.length);
    if (found < min || found > max) {
      const reason = `While the fault worked, ${inPercent(found)} of ${counted(duringFault.length, "request")} failed, where the fault is to make ${inPercent(min)} to ${inPercent(max)} of them fail.`;
      yield { code: "fault-not-as-ruled", reason };
    }
  }

  const baselineMs = requests.length === 0 ? 0 : evidence.fromMs - evidence.firstMs;
  const { minMs, minSent } = rule.baseline;
  if (baselineMs < minMs || evidence.baseline.length < minSent) {
    const reason = `The baseline before the fault was ${inSeconds(Math.max(0, baselineMs))} with ${counted(evidence.baseline.length, "request")}, where ${inSeconds(minMs)} with ${minSent} are needed.`;
    yield { code: "baseline-short", reason };
  }
  if (evidence.unhealthy.length > 0) {
    const reason = `The baseline already held ${counted(evidence.unhealthy.length, "failed or degraded request")}: ${listFates(evidence.unhealthy)}.`;
    yield { code: "baseline-unhealthy", reason };
  }
  const waits = spread(
    evidence.baseline
      .filter(({ connection, endMs }) => connection === "persistent" && endMs < (evidence.fromMs ?? 0))
      .map(({ waitedMs }) => waitedMs ?? 0),
  );
  if (waits.p99Ms > p99) {
    const reason = `Even before the fault, requests waited up to ${inMs(waits.maxMs)} (p99 ${inMs(waits.p99Ms)}) for an idle persistent socket.`;
    yield { code: "too-few-sockets", reason };
  }
  if (persistentSockets < rule.minPersistentSockets) {
    const reason = `When the fault began, ${counted(persistentSockets, "persistent socket")} had answered and stood open, where ${rule.minPersistentSockets} are needed.`;
    yield { code: "too-few-sockets", reason };
  }
  const bare = victims.filter(({ sockets }) => sockets < rule.minSocketsPerVictim);
  if (bare[0] !== undefined) {
    const { subject, sockets, atMs } = bare[0];
    const more = bare.length > 1 ? ` (and ${bare.length - 1} more like it)` : "";
    const reason = `${subject} went away at ${inSeconds(atMs)} holding ${counted(sockets, "persistent socket")} that had answered in the 2 s before${more}, where ${rule.minSocketsPerVictim} are needed.`;
    yield { code: "victim-without-sockets", reason };
  }
}

/** Row 2: what no further observation could make good. */
function* wrong({ ledger, rule, evidence, deadlines, allowed }: Case): Generator<Finding> {
  const { failed, misdegraded, windows } = evidence;
  if (failed.length > allowed) {
    const bound =
      rule.kind === "planned"
        ? "where none may"
        : `where ${allowed} may (${inSeconds(evidence.faultSeconds * 1_000)} of fault${listSpans(measureSpans(ledger.events, rule))})`;
    yield {
      code: rule.kind === "planned" ? "failures" : "failures-over-bound",
      reason: `${counted(failed.length, "request")} failed ${bound}: ${listFates(failed)}; ${listConnections(failed)}.`,
    };
  }
  const late = failed.filter(({ scheduledMs }) => {
    const opened = windows.findLast(({ fromMs }) => fromMs <= scheduledMs);
    return opened !== undefined && scheduledMs > opened.fromMs + rule.overWithinMs;
  });
  if (late.length > 0) {
    const reason = `${counted(late.length, "request")} sent more than ${inSeconds(rule.overWithinMs)} after the fault began still failed: ${listFates(late)}.`;
    yield { code: "failures-too-late", reason };
  }
  if (rule.failedOnlyInWindows) {
    const spans = evidence.spans.map(({ fromMs, toMs }) => ({
      fromMs: fromMs - rule.maxClockErrorMs,
      toMs: toMs + rule.maxClockErrorMs,
    }));
    const outside = failed.filter((request) => !spans.some((span) => overlaps(request, span)));
    if (outside.length > 0) {
      const reason = `${counted(outside.length, "request")} failed outside of the windows in which they may (first: request ${outside[0]?.i}): ${listFates(outside)}.`;
      yield { code: "failures-outside-windows", reason };
    }
  }
  if (misdegraded.length > 0) {
    const where = rule.degraded.allowed === "never" ? "where none may" : "outside the windows in which they may";
    yield {
      code: "degraded-outside-windows",
      reason: `${counted(misdegraded.length, "degraded answer")} came ${where}.`,
    };
  }
  for (const { name, subject, withinMs, tookMs, met, decided, because } of deadlines) {
    if (met || !decided) continue;
    const took = tookMs === undefined ? "did not happen" : `took ${inSeconds(tookMs)}`;
    const why = because === undefined ? "" : `: ${because}`;
    const reason = `"${name}"${ofSubject({ subject })} ${took}, where it must happen within ${inSeconds(withinMs)}${why}.`;
    yield { code: "deadline-missed", reason };
  }
}

/** Row 3: nothing wrong was seen, but not enough was looked at. */
function* missing({ ledger, rule, evidence, deadlines }: Case): Generator<Finding> {
  const { duringFault, windows, lastMs } = evidence;
  const { requests } = ledger;
  if (requests.length < rule.minSent) {
    yield {
      code: "too-few-sent",
      reason: `In all ${counted(requests.length, "request")} went out, where ${rule.minSent} are needed.`,
    };
  }
  if (duringFault.length < rule.minScheduledInWindows) {
    const reason = `While the fault worked, ${counted(duringFault.length, "request")} fell due, where ${rule.minScheduledInWindows} are needed.`;
    yield { code: "too-few-in-windows", reason };
  }
  for (const connection of ["new", "persistent"] as const) {
    const share = connection === "new" ? rule.newShare : 1 - rule.newShare;
    if (share > 0 && !duringFault.some((request) => request.connection === connection)) {
      const reason = `No request on a ${connection} connection was scheduled while the fault worked.`;
      yield { code: "too-few-in-windows", reason };
    }
  }

  // A window that may stay open has no end to wait for, but what it does must have had its time.
  const openMs = Math.max(...windows.filter(({ unclosed }) => unclosed).map(({ fromMs }) => fromMs));
  const closedMs = Math.max(...windows.filter(({ unclosed }) => !unclosed).map(({ toMs }) => toMs));
  const overMs =
    rule.kind === "unplanned" ? Math.max(...windows.map(({ fromMs }) => fromMs)) + rule.overWithinMs : -Infinity;
  const since = [
    { atMs: closedMs, what: "the fault was over" },
    { atMs: openMs, what: "the fault began" },
    { atMs: overMs, what: `the ${inSeconds(rule.overWithinMs)} in which requests may fail` },
  ];
  for (const { atMs, what } of since) {
    if (lastMs - atMs >= rule.minAfterMs) continue;
    const reason = `Load went on for ${inSeconds(Math.max(0, lastMs - atMs))} after ${what}, where ${inSeconds(rule.minAfterMs)} are needed.`;
    yield { code: "after-short", reason };
  }
  const undecided = deadlines.find(({ met, decided }) => !met && !decided);
  if (undecided !== undefined) {
    const reason = `The load ended before "${undecided.name}"${ofSubject(undecided)} had its ${inSeconds(undecided.withinMs)}.`;
    yield { code: "after-short", reason };
  }
  const unused = rule.deadlines.find(({ name }) => !deadlines.some((deadline) => deadline.name === name));
  if (unused !== undefined) {
    const reason = `"${unused.name}" was never put to the test: the event ${unused.from} is not in the ledger.`;
    yield { code: "fault-without-effect", reason };
  }
  const degraded = requests.filter(({ fate }) => fate === "degraded").length;
  if (degraded < rule.degraded.atLeast) {
    const reason = `${counted(degraded, "degraded answer")} came, where a fault that works brings at least ${rule.degraded.atLeast}.`;
    yield { code: "fault-without-effect", reason };
  }
}

function passReason({ ledger, rule, evidence, deadlines, allowed }: Case): string {
  const { failed, duringFault, windows, faultSeconds } = evidence;
  const degraded = ledger.requests.filter(({ fate }) => fate === "degraded").length;
  const parts = [
    `${failed.length} of ${counted(ledger.requests.length, "request")} failed${rule.kind === "unplanned" ? ` (allowed ${allowed}${listSpans(measureSpans(ledger.events, rule))})` : ""}`,
    `${duringFault.length} of them were sent during ${inSeconds(faultSeconds * 1_000)} of fault in ${counted(windows.length, "window")}`,
  ];
  const last = failed.at(-1);
  const opened = last && windows.findLast(({ fromMs }) => fromMs <= last.endMs);
  if (last && opened)
    parts.push(`the last failed one ended ${inSeconds(last.endMs - opened.fromMs)} after a fault began`);
  if (degraded > 0) parts.push(`${counted(degraded, "degraded answer")}, where they may be`);
  for (const [name, [first, ...more]] of Map.groupBy(deadlines, (deadline) => deadline.name)) {
    const slowestMs = Math.max(first?.tookMs ?? 0, ...more.map(({ tookMs }) => tookMs ?? 0));
    parts.push(`"${name}" took ${more.length > 0 ? "at most " : ""}${inSeconds(slowestMs)}`);
  }
  return `${parts.join("; ")}.`;
}

/** The bound, with its measured parts put in. */
function allowedFailures(
  events: readonly LedgerEvent[],
  { rule, faultSeconds }: { rule: ResolvedRule; faultSeconds: number },
): number {
  const { atMost, plusPerWindowSecond } = rule.failedAtMost;
  const spans = measureSpans(events, rule).map(({ countedMs, perSecond }) => perSecond * (countedMs / 1_000));
  return Math.floor(spans.reduce((sum, part) => sum + part, atMost + plusPerWindowSecond * faultSeconds));
}

function readDeadlines(ledger: Ledger, rule: ResolvedRule, { lastMs }: Evidence): Case["deadlines"] {
  const untilMs = Math.max(lastMs, ledger.end?.atMs ?? 0);
  return rule.deadlines.flatMap((deadline) =>
    pairEvents(ledger.events, deadline).map((pair) =>
      readDeadline(deadline, { pair, untilMs, because: becauseOf(ledger.events, { deadline, from: pair.from }) }),
    ),
  );
}

function readDeadline(
  { name, withinMs }: { name: string; withinMs: number },
  { pair: { from, to }, untilMs, because }: { pair: EventPair; untilMs: number; because: string | undefined },
): Case["deadlines"][number] {
  const tookMs = to && to.atMs - from.atMs;
  return {
    name,
    ...(from.subject !== undefined && { subject: from.subject }),
    withinMs,
    ...(tookMs !== undefined && { tookMs }),
    met: tookMs !== undefined && tookMs <= withinMs,
    decided: tookMs !== undefined || untilMs >= from.atMs + withinMs,
    ...(because !== undefined && { because }),
  };
}

/** What an event of the rule's `otherwise` says of it, the last one. */
function becauseOf(
  events: readonly LedgerEvent[],
  { deadline, from }: { deadline: ResolvedRule["deadlines"][number]; from: LedgerEvent },
): string | undefined {
  const told = events.findLast(
    ({ name, subject, atMs }) =>
      name === deadline.otherwise && atMs >= from.atMs && (!deadline.sameSubject || subject === from.subject),
  );
  return textIn(told?.detail, "said");
}

function textIn(detail: unknown, field: string): string | undefined {
  const value = typeof detail === "object" && detail !== null ? (detail as Record<string, unknown>)[field] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** The sentence that a voiding event carries. */
function voidReason({ name, detail }: LedgerEvent): string {
  return textIn(detail, "because") ?? `The event ${name} says that this run shows nothing.`;
}

/** Infinite when nobody compared the clocks. */
function clockErrorMs(clocks: readonly ClockRecord[]): number {
  if (clocks.length === 0) return Number.POSITIVE_INFINITY;
  const offsets = clocks.map(({ offsetMs }) => offsetMs);
  const driftMs = Math.max(...offsets) - Math.min(...offsets);
  return Math.max(driftMs, ...clocks.map(({ uncertaintyMs }) => uncertaintyMs));
}

/** A short stall during the fault drowns in the percentiles of a long run, so the fault's own requests are looked at too. */
function worstLag(all: readonly RequestRecord[], duringFault: readonly RequestRecord[]) {
  const [whole, during] = [spread(all.map(ownLag)), spread(duringFault.map(ownLag))];
  return { p99Ms: Math.max(whole.p99Ms, during.p99Ms), maxMs: whole.maxMs };
}
