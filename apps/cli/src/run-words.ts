/** The result of a run, for people. Pure. */
import path from "node:path";
import { attemptWords, isAsWanted, type RunResult, type SuiteResult } from "@holdfast/experiments";
import type { Paint } from "./paint.ts";
import { verdictLines } from "./verdict-words.ts";

/** The verdict, what it means where the run was a control, and where to look. */
export function runLines(result: RunResult, opts: { paint: Paint; width: number; outDir: string }): string[] {
  const { paint, width, outDir } = opts;
  const file = (name: string): string => path.join(outDir, name);
  const again = attemptWords(result);
  return [
    // A control that failed as it should needs no advice against failing.
    ...verdictLines(result.ran?.asPredicted ? { ...result, hint: "" } : result, {
      paint,
      width,
      title: titleOf(result),
    }),
    ...(result.ran ? [`  ${controlSentence(result.ran, paint)}`] : []),
    ...(again === undefined ? [] : [`  ${paint("warn", again)}`]),
    ...(result.rollback.verified
      ? []
      : [`  ${paint("bad", "The rollback is not verified")}: ${result.rollback.reason}`]),
    `  ${paint("quiet", "picture")}  ${file(result.files.page)}`,
    `  ${paint("quiet", "again  ")}  ./holdfast verdict ${file(result.files.ledger)}`,
    "",
  ];
}

function controlSentence(ran: NonNullable<RunResult["ran"]>, paint: Paint): string {
  return ran.asPredicted
    ? paint("good", "As predicted: without that protection the same check turns red.")
    : paint("bad", "Not as predicted: this control does not show that the check can fail.");
}

/** One line a run, and how many were as wanted: an experiment that passed, a control that failed as predicted. */
export function suiteLines(suite: SuiteResult, paint: Paint): string[] {
  const width = Math.max(...suite.results.map((result) => titleOf(result).length));
  return [
    ...suite.results.map((result) => {
      const tone = isAsWanted(result) ? "good" : result.verdict === "INVALID" ? "warn" : "bad";
      const word = result.ran ? (isAsWanted(result) ? "as predicted" : "not as predicted") : "";
      return `${titleOf(result).padEnd(width)}  ${paint(tone, result.verdict.padEnd(7))}  ${word}`.trimEnd();
    }),
    "",
    ...suite.results.flatMap((result) => {
      const again = attemptWords(result);
      return again === undefined ? [] : [`REPEATED  ${titleOf(result)}: ${again}`];
    }),
    `${suite.passed} passed, ${suite.failed} failed`,
  ];
}

function titleOf(result: RunResult): string {
  return result.ran ? `${result.id}, control ${result.ran.name}` : `${result.id}  ${result.title}`;
}
