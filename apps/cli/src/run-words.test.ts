import type { ControlReport, RunResult, SuiteResult } from "@holdfast/experiments";
import { expect, test } from "vitest";
import { unpainted } from "./paint.ts";
import { runLines, suiteLines } from "./run-words.ts";

const control = { name: "no-drain", asPredicted: true } as ControlReport;

function sampleResult(change: Partial<RunResult> = {}): RunResult {
  return {
    id: "E1",
    title: "Rolling update",
    verdict: "PASS",
    reason: "Nothing was lost.",
    hint: "",
    sent: 10,
    answered: 10,
    degraded: 0,
    failed: { total: 0, byFate: {}, byConnection: { new: 0, persistent: 0 } },
    seconds: 1,
    sentDuringFault: 5,
    latency: { p50Ms: 1, p99Ms: 2, maxMs: 3 },
    rollback: { verified: true, reason: "", checks: [], seconds: 1 },
    files: { result: "E1.json", ledger: "E1.ledger.jsonl", page: "E1.html", logs: "E1.logs" },
    ...change,
  } as RunResult;
}

test("a result ends with where its picture is and how to recompute it", () => {
  const lines = runLines(sampleResult(), { paint: unpainted, width: 80, outDir: "out" });
  expect(lines[0]).toBe("PASS  E1  Rolling update");
  expect(lines.slice(-3)).toEqual(["  picture  out/E1.html", "  again    ./holdfast verdict out/E1.ledger.jsonl", ""]);
});

test("a control says whether it shows that the check can fail", () => {
  const said = (ran: ControlReport): string =>
    runLines(sampleResult({ verdict: "FAIL", ran }), { paint: unpainted, width: 80, outDir: "out" }).join("\n");
  expect(said(control)).toContain("As predicted: without that protection the same check turns red.");
  expect(said({ ...control, asPredicted: false })).toContain("Not as predicted: this control does not show");
});

test("a rollback that is not verified is said, whatever the verdict", () => {
  const rollback = { verified: false, reason: "a replica is missing.", checks: [], seconds: 1 };
  const lines = runLines(sampleResult({ rollback }), { paint: unpainted, width: 80, outDir: "out" });
  expect(lines).toContain("  The rollback is not verified: a replica is missing.");
});

test("what had to be repeated is said with its result and again above the last line", () => {
  const earlier = [{ reason: "Too few samples." }] as unknown as NonNullable<RunResult["earlier"]>;
  const result = sampleResult({ attempts: 2, earlier });
  const said = "Attempt 1 was INVALID (Too few samples), so this is attempt 2.";
  expect(runLines(result, { paint: unpainted, width: 80, outDir: "out" })).toContain(`  ${said}`);
  const suite: SuiteResult = { results: [result], passed: 1, failed: 0, exitCode: 0 };
  expect(suiteLines(suite, unpainted).slice(-2)).toEqual([
    `REPEATED  E1  Rolling update: ${said}`,
    "1 passed, 0 failed",
  ]);
});

test("a suite counts what was as wanted: a control by its prediction, not by its verdict", () => {
  const results = [sampleResult(), sampleResult({ verdict: "FAIL", ran: control })];
  const suite: SuiteResult = { results, passed: 2, failed: 0, exitCode: 0 };
  expect(suiteLines(suite, unpainted)).toEqual([
    "E1  Rolling update    PASS",
    "E1, control no-drain  FAIL     as predicted",
    "",
    "2 passed, 0 failed",
  ]);
});
