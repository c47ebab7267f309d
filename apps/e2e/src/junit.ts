/** JUnit XML as CI servers read it: one case for each item, one for each control. Pure. */
import { escapeXml } from "@holdfast/experiments";
import type { Outcome, RunRecord, Word } from "./result.ts";

interface Case {
  readonly name: string;
  readonly group: string;
  readonly seconds: number;
  readonly good: boolean;
  readonly verdict: Word;
  readonly reason: string;
}

/** FAIL is a failure; INVALID and NOT RUN, which show nothing, are errors. */
export function junit({ outcomes, seconds }: Pick<RunRecord, "outcomes" | "seconds">): string {
  const cases = outcomes.flatMap(casesOf);
  const bad = cases.filter(({ good }) => !good);
  const failures = bad.filter(isFailure).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="${bad.length - failures}" time="${seconds}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="holdfast e2e" ${counts}>`,
    `  <testsuite name="e2e" ${counts}>`,
    ...cases.flatMap(elementOf),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function casesOf({ id, kind, title, verdict, reason, seconds, controls }: Outcome): Case[] {
  const group = `holdfast.e2e.${kind}.${id}`;
  return [
    { name: `${id} ${title}`, group, seconds, good: verdict === "PASS", verdict, reason },
    ...controls.map((control) => ({
      name: `${id} ${title}: the control fails as predicted (${control.name})`,
      group,
      seconds: 0,
      good: control.asPredicted,
      verdict: control.verdict,
      reason: control.reason,
    })),
  ];
}

/** A control that PASSed is a failure too: the check cannot fail. */
function isFailure({ verdict }: Case): boolean {
  return verdict === "FAIL" || verdict === "PASS";
}

function elementOf(item: Case): string[] {
  const open = `    <testcase classname="${escapeXml(item.group)}" name="${escapeXml(item.name)}" time="${item.seconds}"`;
  const output = `      <system-out>${escapeXml(`${item.verdict}: ${item.reason}`)}</system-out>`;
  if (item.good) return [`${open}>`, output, "    </testcase>"];
  const element = isFailure(item) ? "failure" : "error";
  return [
    `${open}>`,
    `      <${element} type="${item.verdict}" message="${escapeXml(item.reason)}"/>`,
    output,
    "    </testcase>",
  ];
}
