/** A control counts only if it fails, and in the way that was predicted: where, when and of which kind. */
import { isFailed, matchesPrediction, type Ledger, type Verdict } from "@holdfast/load";
import { METHOD_DEADLINE, type Control, type ControlPrediction } from "./experiment.ts";
import type { ControlReport, RollbackReport, VerdictWord } from "./result.ts";
import { describeChange } from "./system.ts";

interface Judged {
  readonly verdict: VerdictWord;
  readonly reason: string;
  readonly hint?: string;
  readonly ran: ControlReport;
}

export function controlReport(
  control: Control,
  opts: { ledger: Ledger; verdict: Verdict; rollback: Pick<RollbackReport, "verified" | "reason"> },
): Judged {
  const { name, because, change, predict } = control;
  const { verdict, ledger, rollback } = opts;
  const ran = (asPredicted: boolean): ControlReport => ({
    name,
    because,
    change,
    predict,
    asPredicted,
    expected: "FAIL",
  });
  const changed = describeChange(change);

  if (verdict.verdict === "PASS") {
    return {
      verdict: "PASS",
      reason: `The control did not fail: with ${changed} the rule still holds, so the check shows nothing.`,
      hint: "Look whether the changed value reached the replicas (their first log line names it), and whether the load meets them while the fault works.",
      ran: ran(false),
    };
  }
  if (verdict.verdict === "INVALID") return { verdict: "INVALID", reason: verdict.reason, ran: ran(false) };

  const { deviation, besides } = compare(ledger, { verdict, predict });
  if (deviation !== undefined) {
    return { verdict: "INVALID", reason: deviation, ran: ran(false) };
  }
  if (!rollback.verified) {
    return { verdict: "INVALID", reason: `It failed as predicted, but ${rollback.reason}.`, ran: ran(false) };
  }
  const why = predictedFinding(verdict, predict) ?? verdict.reason;
  return { verdict: "FAIL", reason: `It fails as predicted with ${changed}: ${why}${besides}`, ran: ran(true) };
}

/** The deadline that was to be missed says more than the method's, which is the first of the findings then. */
function predictedFinding({ findings }: Verdict, { deadlines = [] }: ControlPrediction): string | undefined {
  return findings.find(
    ({ code, reason }) => code === "deadline-missed" && deadlines.some((name) => reason.startsWith(`"${name}"`)),
  )?.reason;
}

/** What was not as predicted, as a sentence; or, where all was, what is to be said besides: strays. */
function compare(
  ledger: Ledger,
  opts: { verdict: Verdict; predict: ControlPrediction },
): { deviation?: string; besides: string } {
  const { eachConnection = [], requests, ...prediction } = opts.predict;
  // A method that waits for what does not come is not done in time either: that says nothing of its own.
  const deadlines = opts.verdict.deadlines.filter(({ name }) => name !== METHOD_DEADLINE);
  const match = matchesPrediction(ledger, { ...opts.verdict, deadlines }, prediction);
  if (!match.matches) return { deviation: match.reason, besides: "" };

  const { strays = [] } = match;
  const failed = ledger.requests.filter(({ fate }) => isFailed(fate));
  for (const kind of eachConnection) {
    // What strayed proves nothing.
    if (!failed.some(({ i, connection }) => connection === kind && !strays.includes(i))) {
      const deviation = `It did not fail as predicted: no request over a ${kind} connection failed, though some were to.`;
      return { deviation, besides: "" };
    }
  }
  const other = requests && failed.find(({ request }) => !requests.includes(request));
  if (other) {
    const deviation = `It did not fail as predicted: request ${other.i} (${other.request}) was ${other.fate}, though only ${requests.join(", ")} were to fail.`;
    return { deviation, besides: "" };
  }
  return { besides: strays.length === 0 ? "" : ` ${match.reason}` };
}
