/** JUnit XML, as CI servers read it: one test case a run. */
import type { RunResult } from "./result.ts";
import { isAsWanted } from "./suite.ts";

/** A run that did not come out as it must is a failure; INVALID, which shows nothing, is an error. */
export function junit(results: readonly RunResult[]): string {
  const unwanted = results.filter((result) => !isAsWanted(result));
  const errors = unwanted.filter(({ verdict }) => verdict === "INVALID").length;
  const counts = `tests="${results.length}" failures="${unwanted.length - errors}" errors="${errors}" time="${secondsOf(results)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="holdfast" ${counts}>`,
    `  <testsuite name="experiments" ${counts}>`,
    ...results.flatMap(testCase),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase(result: RunResult): string[] {
  const name = result.ran
    ? `${result.id} ${result.title}: control ${result.ran.name} fails as predicted`
    : `${result.id} ${result.title}`;
  const open = `    <testcase classname="holdfast.${result.target}.${escapeXml(result.id)}" name="${escapeXml(name)}" time="${result.seconds}"`;
  const output = `      <system-out>${escapeXml(`${result.verdict}: ${result.reason}\nsent ${result.sent}, answered ${result.answered}, degraded ${result.degraded}, failed ${result.failed.total}; ledger ${result.files.ledger}`)}</system-out>`;
  if (isAsWanted(result)) return [`${open}>`, output, "    </testcase>"];
  const element = result.verdict === "INVALID" ? "error" : "failure";
  return [
    `${open}>`,
    `      <${element} type="${result.verdict}" message="${escapeXml(result.reason)}">${escapeXml(result.hint)}</${element}>`,
    output,
    "    </testcase>",
  ];
}

function secondsOf(results: readonly RunResult[]): number {
  return Math.round(results.reduce((sum, { seconds }) => sum + seconds, 0) * 1000) / 1000;
}

/** Text as XML holds it, in an attribute too. */
export function escapeXml(text: string): string {
  return (
    text
      // Control characters are no XML at all, not even escaped.
      .replaceAll(/[^\P{Cc}\t\n\r]/gu, "?")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
