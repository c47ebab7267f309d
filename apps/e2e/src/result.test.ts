import type { RunResult } from "@holdfast/experiments";
import { expect, test } from "vitest";
import type { CheckItem, Chosen } from "./items.ts";
import {
  checkOutcome,
  checkResult,
  count,
  exitCodeOf,
  experimentOutcome,
  isGood,
  notRun,
  repetitions,
  tooLittle,
  type Half,
} from "./result.ts";
import { outcome } from "./run-record.fixture.ts";

const item: CheckItem = { kind: "check", id: "zones", title: "Zones", claims: "apart", control: "together" };
const half = (state: Half["state"]): Half => ({ state, reason: `was ${state}.`, seconds: 1 });
const of = (claim: Half["state"], control?: Half["state"]) =>
  checkResult(item, {
    claim: half(claim),
    control: control && half(control),
    seconds: 3,
    startedAt: "2026-11-24T10:00:00.000Z",
  });

test("a claim that holds passes once its control was called wrong", () => {
  expect(of("held", "broken")).toMatchObject({
    id: "zones",
    kind: "check",
    verdict: "PASS",
    reason: "was held.",
    seconds: 3,
    control: { change: "together", verdict: "FAIL", expected: "FAIL", asPredicted: true },
  });
});

test.each([
  ["held", "INVALID", "PASS"],
  ["error", "INVALID", "FAIL"],
  ["invalid", "INVALID", "INVALID"],
  ["not run", "NOT RUN", "NOT RUN"],
  [undefined, "NOT RUN", "NOT RUN"],
] as const)("a claim that holds is not passed when its control was %s", (control, verdict, word) => {
  const result = of("held", control);
  expect(result).toMatchObject({ verdict, control: { verdict: word, asPredicted: false } });
  expect(isGood(checkOutcome(item, result))).toBe(false);
});

test.each([
  ["broken", "FAIL"],
  ["error", "FAIL"],
  ["invalid", "INVALID"],
  ["not run", "NOT RUN"],
] as const)("a claim that was %s is %s, whatever its control was", (claim, verdict) => {
  expect(of(claim, "broken")).toMatchObject({ verdict, reason: `was ${claim}.` });
});

test("a check without a result did not run, and counts as failed", () => {
  const gone = checkOutcome(item, undefined);
  expect(gone.verdict).toBe("NOT RUN");
  expect(count([gone])).toEqual({ passed: 0, failed: 2 });
});

const little = (claim: Half["state"], control?: Half["state"]) =>
  tooLittle(checkResult(item, { claim: half(claim), control: control && half(control), seconds: 1, startedAt: "" }));

test("a check whose half had too little to judge may be repeated, and says which half", () => {
  expect(little("invalid", "broken")).toBe("was invalid.");
  expect(little("held", "invalid")).toBe("was invalid.");
  expect(little("invalid", "invalid")).toBe("was invalid.");
});

test.each([
  ["held", "broken"],
  ["broken", "broken"],
  ["broken", "invalid"],
  ["error", "invalid"],
  ["invalid", "held"],
  ["invalid", "error"],
  ["held", "error"],
  ["not run", "invalid"],
  ["invalid", undefined],
] as const)("what is known to be right, wrong or not run is not repeated: claim %s, control %s", (claim, control) => {
  expect(little(claim, control)).toBeUndefined();
});

test("a repeated check and a repeated control keep why, and count no less", () => {
  const earlier = [{ reason: "Too few pods.", startedAt: "2026-11-24T10:00:00.000Z", seconds: 3 }];
  const result = checkResult(item, {
    claim: half("held"),
    control: half("broken"),
    seconds: 1,
    startedAt: "",
    earlier,
  });
  expect(result).toMatchObject({ verdict: "PASS", attempts: 2, earlier });
  const again = "Attempt 1 was INVALID (Too few pods), so this is attempt 2.";
  expect(repetitions(checkOutcome(item, result))).toEqual([{ what: "zones", again }]);
  const controlled = experimentOutcome(experiment, {
    result: ran([{ ...control("no-drain", true), earlier }, control("announce-0", true)]),
    seconds: 100,
    trouble: "",
  });
  expect(repetitions(controlled)).toEqual([{ what: "E1, control no-drain", again }]);
  expect(count([controlled])).toEqual({ passed: 3, failed: 0 });
  expect(repetitions(outcome())).toEqual([]);
});

const experiment: Extract<Chosen, { kind: "experiment" }> = {
  kind: "experiment",
  id: "E1",
  title: "Rolling update",
  claims: "loses nothing",
  controls: ["no-drain", "announce-0"],
  withControls: true,
};
const control = (name: string, asPredicted: boolean) => ({
  name,
  asPredicted,
  verdict: asPredicted ? "FAIL" : "INVALID",
  reason: "because.",
  failed: { total: 114 },
});
const ran = (controls: readonly object[]) =>
  ({
    id: "E1",
    verdict: "PASS",
    reason: "None failed.",
    sent: 10_000,
    failed: { total: 0 },
    controls,
    files: { result: "E1.json", page: "E1.html", ledger: "E1.ledger.jsonl", logs: "E1.logs" },
  }) as unknown as RunResult;

test("an experiment is good when each control that was asked for has run and failed as predicted", () => {
  const good = experimentOutcome(experiment, {
    result: ran([control("no-drain", true), control("announce-0", true)]),
    seconds: 100,
    trouble: "",
  });
  expect(isGood(good)).toBe(true);
  expect(count([good])).toEqual({ passed: 3, failed: 0 });
  expect(good.controls[0]).toMatchObject({ failed: 114, page: "E1.control-no-drain.html" });
});

test("a control that is missing did not run, and counts as failed", () => {
  const short = experimentOutcome(experiment, {
    result: ran([control("no-drain", true)]),
    seconds: 100,
    trouble: "it ended.",
  });
  expect(short.controls[1]).toMatchObject({ name: "announce-0", verdict: "NOT RUN", asPredicted: false });
  expect(count([short])).toEqual({ passed: 2, failed: 1 });
  expect(exitCodeOf([short])).toBe(4);
});

test("an experiment without a result did not run, and says why", () => {
  const gone = experimentOutcome(experiment, { result: undefined, seconds: 2, trouble: "exit code 4" });
  expect(gone).toMatchObject({ verdict: "NOT RUN", reason: "Not run: exit code 4." });
  expect(count([gone])).toEqual({ passed: 0, failed: 3 });
});

test("where no control was asked for none is missed", () => {
  const alone = experimentOutcome({ ...experiment, withControls: false }, { result: ran([]), seconds: 9, trouble: "" });
  expect(isGood(alone)).toBe(true);
});

test("the exit code says the worst that is known: FAIL, then what did not run, then INVALID", () => {
  const [good, fail, invalid] = [outcome(), outcome({ verdict: "FAIL" }), outcome({ verdict: "INVALID" })];
  const gone = notRun(item, "no cluster");
  expect(exitCodeOf([good])).toBe(0);
  expect(exitCodeOf([good, invalid, gone, fail])).toBe(1);
  expect(exitCodeOf([good, invalid, gone])).toBe(4);
  expect(exitCodeOf([good, invalid])).toBe(3);
  expect(exitCodeOf([])).toBe(4);
  const unfailing = outcome({ controls: [{ name: "c", verdict: "PASS", reason: "", asPredicted: false }] });
  expect(exitCodeOf([good, unfailing])).toBe(1);
});
