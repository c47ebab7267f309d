import { expect, test } from "vitest";
import { untilValid } from "./attempts.ts";
import { exampleLedger, exampleResult, exampleVerdict } from "./ledger.fixture.ts";
import { junit } from "./junit.ts";
import { attemptWords, type EarlierAttempt, type RunResult, type VerdictWord } from "./result.ts";

const verdict = exampleVerdict(exampleLedger());

/** Runs that end as said, one after the other. */
async function ran(verdicts: readonly VerdictWord[], attempts: number) {
  const begun: (readonly EarlierAttempt[])[] = [];
  const again: number[] = [];
  const result = await untilValid({
    attempts,
    run: async (earlier) => {
      begun.push(earlier);
      const word = verdicts[begun.length - 1] ?? "INVALID";
      return exampleResult(verdict, { verdict: word, reason: `Run ${begun.length} was ${word}.`, earlier });
    },
    aside: async ({ reason, startedAt, seconds, files }) => ({ verdict: "INVALID", reason, startedAt, seconds, files }),
    again: (_invalid, attempt) => again.push(attempt),
  });
  return { result, runs: begun.length, again };
}

test("what was INVALID is run once more, and the result keeps why", async () => {
  const { result, runs, again } = await ran(["INVALID", "PASS"], 2);
  expect(result).toMatchObject({ verdict: "PASS", earlier: [{ verdict: "INVALID", reason: "Run 1 was INVALID." }] });
  expect({ runs, again }).toEqual({ runs: 2, again: [2] });
});

test.each(["PASS", "FAIL"] as const)("a %s is never repeated", async (word) => {
  expect(await ran([word, "PASS"], 2)).toMatchObject({ runs: 1, again: [], result: { verdict: word } });
});

test("what fails after it was INVALID has failed, and what stays INVALID is repeated no further", async () => {
  expect(await ran(["INVALID", "FAIL", "PASS"], 3)).toMatchObject({ runs: 2, result: { verdict: "FAIL" } });
  expect(await ran([], 2)).toMatchObject({ runs: 2, result: { verdict: "INVALID" } });
  expect(await ran([], 1)).toMatchObject({ runs: 1, again: [], result: { earlier: [] } });
});

test("the sentence about earlier attempts stands in JUnit too; without any there is none", () => {
  expect(attemptWords({})).toBeUndefined();
  const earlier = [{ reason: "Too few samples." }, { reason: "no baseline" }] as unknown as EarlierAttempt[];
  const said = "Attempt 1 was INVALID (Too few samples), attempt 2 was INVALID (no baseline), so this is attempt 3.";
  expect(attemptWords({ earlier })).toBe(said);
  const repeated: RunResult = exampleResult(verdict, { earlier });
  expect(junit([repeated])).toContain(said);
  expect(junit([exampleResult(verdict, {})])).not.toContain("ttempt");
});
