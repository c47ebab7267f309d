/** Experiments as JUnit XML: one test case a run. */
import { junitDocument, type JunitCase } from "./junit-document.ts";
import { attemptWords, type RunResult } from "./result.ts";
import { isAsWanted } from "./suite.ts";

/** A run that did not come out as it must is a failure; INVALID, which shows nothing, is an error. */
export function junit(results: readonly RunResult[]): string {
  return junitDocument({
    name: "holdfast",
    suite: "experiments",
    seconds: secondsOf(results),
    cases: results.map(caseOf),
  });
}

function caseOf(result: RunResult): JunitCase {
  const { id, title, ran, verdict, reason, hint } = result;
  const again = attemptWords(result);
  return {
    group: `holdfast.${result.target}.${id}`,
    name: ran ? `${id} ${title}: control ${ran.name} fails as predicted` : `${id} ${title}`,
    seconds: result.seconds,
    output: [
      `${verdict}: ${reason}`,
      `sent ${result.sent}, answered ${result.answered}, degraded ${result.degraded}, failed ${result.failed.total}; ledger ${result.files.ledger}`,
      ...(again === undefined ? [] : [again]),
    ].join("\n"),
    ...(isAsWanted(result)
      ? {}
      : { trouble: { kind: verdict === "INVALID" ? "error" : "failure", type: verdict, message: reason, hint } }),
  };
}

function secondsOf(results: readonly RunResult[]): number {
  return Math.round(results.reduce((sum, { seconds }) => sum + seconds, 0) * 1000) / 1000;
}
