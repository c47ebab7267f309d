import { expect, test } from "vitest";

import { plannedRule, unplannedRule } from "./ledger-fixture.ts";
import { parseRule, type PassRule } from "./rule.ts";

test("writes out the defaults of the lab's rules", () => {
  expect(parseRule(plannedRule)).toMatchObject({
    baseline: { minMs: 5_000, minSent: 1 },
    minAfterMs: 1_000,
    minSocketsPerVictim: 5,
    newShare: 0.5,
    maxScheduleLagMs: { p99: 100, max: 1_000 },
    maxClockErrorMs: 50,
    degraded: { allowed: "never", graceMs: 0, atLeast: 0 },
    failedAtMost: { atMost: 0, plusPerWindowSecond: 0, plusPerSpan: [] },
  });
});

test.each<[string, PassRule, RegExp]>([
  [
    "planned disruption with a bound",
    { ...plannedRule, failedAtMost: 1 },
    /failedAtMost must be absent: planned disruption loses nothing, found 1/,
  ],
  [
    "unplanned disruption without a count",
    { ...unplannedRule, failedAtMost: undefined as never },
    /failedAtMost must be said beforehand/,
  ],
  [
    "unplanned disruption without a time",
    { ...unplannedRule, overWithinMs: undefined as never },
    /overWithinMs must be said beforehand/,
  ],
  [
    "a part of a bound that nothing bounds",
    {
      ...unplannedRule,
      failedAtMost: { atMost: 1, plusPerSpan: [{ name: "notice", from: "a", to: "b", perSecond: 5 }] } as never,
    },
    /failedAtMost/,
  ],
  ["no window", { ...plannedRule, windows: [] }, /windows must name at least one window/],
  [
    "no evidence asked for",
    { ...plannedRule, minScheduledInWindows: 0 },
    /minScheduledInWindows must be >= 1: no evidence is no proof, found 0/,
  ],
  [
    "an unknown window",
    { ...plannedRule, degraded: { allowed: "in-windows", windows: ["stock"] } },
    /degraded\.windows\[0\] must be the name of one of the rule's windows, found "stock"/,
  ],
  [
    "a share that nothing can have",
    { ...unplannedRule, failedShare: { min: 0.2, max: 0.1 } },
    /failedShare must have a min that is not above its max/,
  ],
  ["a misspelt setting", { ...plannedRule, minSend: 3_000 } as PassRule, /has no setting \["minSend"\]/],
])("refuses %s", (_, rule, sentence) => {
  expect(() => parseRule(JSON.parse(JSON.stringify(rule)))).toThrow(
    expect.objectContaining({ code: "LOAD_RULE_INVALID", message: expect.stringMatching(sentence) }),
  );
});
