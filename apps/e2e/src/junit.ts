/** JUnit XML as CI servers read it: one case for each item, one for each control. Pure. */
import { junitDocument, type JunitCase } from "@holdfast/experiments";
import type { Outcome, RunRecord, Word } from "./result.ts";

/** FAIL is a failure; INVALID and NOT RUN, which show nothing, are errors. */
export function junit({ outcomes, seconds }: Pick<RunRecord, "outcomes" | "seconds">): string {
  return junitDocument({ name: "holdfast e2e", suite: "e2e", seconds, cases: outcomes.flatMap(casesOf) });
}

function casesOf({ id, kind, title, verdict, reason, seconds, again, controls }: Outcome): JunitCase[] {
  const group = `holdfast.e2e.${kind}.${id}`;
  return [
    caseOf({ group, name: `${id} ${title}`, seconds }, { good: verdict === "PASS", verdict, reason, again }),
    ...controls.map((control) =>
      caseOf(
        { group, name: `${id} ${title}: the control fails as predicted (${control.name})`, seconds: 0 },
        { ...control, good: control.asPredicted },
      ),
    ),
  ];
}

function caseOf(
  what: Pick<JunitCase, "group" | "name" | "seconds">,
  end: { good: boolean; verdict: Word; reason: string; again?: string | undefined },
): JunitCase {
  const { good, verdict, reason, again } = end;
  const output = [`${verdict}: ${reason}`, ...(again === undefined ? [] : [again])].join("\n");
  if (good) return { ...what, output };
  return { ...what, output, trouble: { kind: kindOf(verdict), type: verdict, message: reason } };
}

/** A control that PASSed is a failure too: the check cannot fail. */
function kindOf(verdict: Word): "failure" | "error" {
  return verdict === "FAIL" || verdict === "PASS" ? "failure" : "error";
}
