import { countConnections, countFates, ownLag } from "./counting.ts";
import type { Evidence } from "./evidence.ts";
import { HINTS } from "./hints.ts";
import { isFailed, type Ledger } from "./ledger.ts";
import type { ResolvedRule } from "./rule.ts";
import { spread } from "./spread.ts";
import type { Verdict } from "./verdict.ts";
import { overlaps } from "./windows.ts";

/** What the checks look at. */
export interface Case {
  ledger: Ledger;
  rule: ResolvedRule;
  evidence: Evidence;
  victims: Verdict["victims"];
  deadlines: Verdict["deadlines"];
  persistentSockets: number;
  allowed: number;
}

/** Puts the numbers of a run beside what was decided about it. */
export function report(
  { ledger, evidence, victims, deadlines, persistentSockets, allowed }: Case,
  outcome: Pick<Verdict, "verdict" | "code" | "reason" | "findings">,
): Verdict {
  const { requests } = ledger;
  const { firstMs, lastMs } = evidence;
  const failed = requests.filter(({ fate }) => isFailed(fate));
  const good = requests.filter(({ fate }) => !isFailed(fate));
  const lastFailedMs = failed.reduce((last, { endMs }) => Math.max(last, endMs), Number.NEGATIVE_INFINITY);
  return {
    verdict: outcome.verdict,
    code: outcome.code,
    reason: outcome.reason,
    hint: HINTS[outcome.code],
    findings: outcome.findings,
    sent: requests.length,
    answered: requests.filter(({ fate }) => fate === "answered").length,
    degraded: requests.filter(({ fate }) => fate === "degraded").length,
    failed: {
      total: failed.length,
      byFate: countFates(failed),
      byConnection: countConnections(failed),
      allowed,
      ...(failed.length > 0 && { lastMs: lastFailedMs }),
    },
    seconds: (lastMs - firstMs) / 1_000,
    sentDuringFault: evidence.duringFault.length,
    faultSeconds: evidence.faultSeconds,
    baseline: {
      seconds: Math.max(0, (evidence.fromMs ?? lastMs) - firstMs) / 1_000,
      sent: evidence.baseline.length,
    },
    windows: evidence.windows.map((window) => {
      const inside = requests.filter((request) => overlaps(request, window));
      return {
        ...window,
        scheduled: inside.filter(({ scheduledMs }) => scheduledMs >= window.fromMs).length,
        failed: inside.filter(({ fate }) => isFailed(fate)).length,
        degraded: inside.filter(({ fate }) => fate === "degraded").length,
      };
    }),
    victims,
    deadlines,
    persistentSockets,
    latency: spread(good.map(({ endMs, scheduledMs }) => endMs - scheduledMs)),
    slowestMs: spread(requests.map(({ endMs, scheduledMs }) => endMs - scheduledMs)).maxMs,
    scheduleLag: spread(requests.map(ownLag)),
  };
}
