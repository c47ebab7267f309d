import type { RunResult } from "@holdfast/experiments";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { indexPage } from "./index-page.ts";
import { junit } from "./junit.ts";
import { proofTable, writeProof } from "./proof.ts";
import { REPO_ROOT } from "./repo.ts";
import type { CheckResult } from "./result.ts";
import { outcome, record } from "./run-record.fixture.ts";
import { closingLines } from "./suite.ts";

const failing = outcome({
  id: "E1",
  kind: "experiment",
  verdict: "FAIL",
  reason: 'Lost <3> & "more" of `10 000`.',
  sent: 10_000,
  failed: 3,
  controls: [
    {
      name: "no-drain",
      verdict: "PASS",
      reason: "did not fail.",
      asPredicted: false,
      page: "E1.control-no-drain.html",
    },
  ],
  files: { page: "E1.html", result: "E1.json" },
});
const gone = outcome({
  id: "pdb",
  verdict: "NOT RUN",
  reason: "Not run: the run was interrupted.",
  controls: [],
  files: {},
});

test("JUnit has a case for each claim and each control; what shows nothing is an error", () => {
  const xml = junit(record([outcome(), failing, gone]));
  expect(xml).toContain('<testsuites name="holdfast e2e" tests="5" failures="2" errors="1" time="754.4">');
  expect(xml.match(/<testcase /g)).toHaveLength(5);
  expect(xml.match(/<failure /g)).toHaveLength(2);
  expect(xml).toContain('<error type="NOT RUN" message="Not run: the run was interrupted."/>');
  expect(xml).toContain('message="Lost &lt;3&gt; &amp; &quot;more&quot; of `10 000`."');
});

test("the page says it all without a script and without anything from elsewhere", () => {
  const page = indexPage(record([outcome(), failing, gone], { passed: 2, failed: 3 }));
  expect(page).toContain('<h1 class="fail">2 passed, 3 failed');
  expect(page).toContain("Lost &lt;3&gt; &amp; &quot;more&quot; of <code>10 000</code>.");
  expect(page).toContain('<a href="E1.html">page</a>');
  expect(page).toContain('<a href="E1.control-no-drain.html">page</a>');
  expect(page).toContain('<span class="no">not as predicted</span>');
  expect(page).toContain('<span class="word not-run">NOT RUN</span>');
  expect(page).toContain("prefers-color-scheme: dark");
  expect(page).not.toMatch(/<script|src=|https?:|url\(|@import/);
});

test("what was repeated is said in every form, with what the first attempt said", () => {
  const again = "Attempt 1 was INVALID (3 of <50> sockets), so this is attempt 2.";
  const controls = [{ name: "no spread", verdict: "FAIL" as const, reason: "", asPredicted: true, again }];
  const repeated = record([outcome({ again }), outcome({ id: "pdb", controls })]);
  const escaped = "Attempt 1 was INVALID (3 of &lt;50&gt; sockets), so this is attempt 2.";
  expect(indexPage(repeated).split(`<span class="again">${escaped}</span>`)).toHaveLength(3);
  expect(junit(repeated).split(escaped)).toHaveLength(3);
  expect(closingLines({ record: repeated, outDir: "out" }).slice(-4)).toEqual([
    `REPEATED  zones: ${again}`,
    `REPEATED  pdb, control no spread: ${again}`,
    expect.stringContaining("index.html"),
    "2 passed, 0 failed",
  ]);
  expect(proofTable({ run: repeated, checks: [], experiments: [] })).toContain(`- pdb, control no spread: ${again}`);
});

const figures = {
  sent: 12_345,
  sentDuringFault: 3_100,
  seconds: 61.5,
  failed: {
    total: 0,
    byFate: { refused: 0, reset: 0, timeout: 0, incomplete: 0, shed: 0, status: 0, unsent: 0 },
    byConnection: { new: 0, persistent: 0 },
    allowed: 0,
  },
};
const e1 = {
  ...figures,
  id: "E1",
  hypothesis: "A rolling update loses no request.",
  verdict: "PASS",
  controls: [
    {
      ...figures,
      verdict: "FAIL",
      asPredicted: true,
      change: { path: "catalogue.shutdown.enabled", from: true, to: false },
      failed: {
        ...figures.failed,
        total: 114,
        byFate: { ...figures.failed.byFate, refused: 17, timeout: 83, reset: 14 },
        byConnection: { new: 100, persistent: 14 },
      },
    },
  ],
} as unknown as RunResult;
const zones: CheckResult = {
  schemaVersion: 1,
  id: "zones",
  kind: "check",
  title: "One replica in every zone",
  claims: "three zones",
  verdict: "PASS",
  reason: "zone-a | zone-b",
  seconds: 18.2,
  startedAt: "2026-11-24T10:00:00.000Z",
  control: { change: "no spread", verdict: "FAIL", reason: "", seconds: 5, expected: "FAIL", asPredicted: true },
};
const whole = record([outcome(), outcome({ id: "E1", kind: "experiment", files: { result: "E1.json" } }), gone]);

test("the proof table holds claim, figures, the control's figures, and what it was run on", () => {
  const table = proofTable({ run: whole, checks: [zones], experiments: [e1] });
  expect(table).toContain(
    "| **E1** | A rolling update loses no request. | **PASS** | 12 345 | 3 100 | 0 | 1 min 2 s | [json](E1.json) |",
  );
  expect(table).toContain(
    "| | control: `catalogue.shutdown.enabled: true -> false` | FAIL, as predicted | 12 345 | 3 100 | 114: 17 refused, 14 reset, 83 timeout; 100 new, 14 kept alive | 1 min 2 s | |",
  );
  expect(table).toContain(String.raw`| **PASS** | zone-a \| zone-b | no spread: FAIL, as predicted | 18.2 s |`);
  for (const said of ["2026-11-24 10:00 UTC", "0123456789ab", "kubernetes 1.36.4, helm 4.2.3", "2 cores, 24 GiB"]) {
    expect(table).toContain(said);
  }
  expect(table).toContain("- pdb: Not run: the run was interrupted.");
});

test("the proof's directory gets the table and the results, and loses those of an earlier run", () => {
  const dir = mkdtempSync(path.join(tmpdir(), "holdfast-proof-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const [outDir, proofDir] = [path.join(dir, "out"), path.join(dir, "proof")];
  for (const each of [outDir, proofDir]) mkdirSync(each);
  writeFileSync(path.join(proofDir, "E99.json"), "{}");
  const placed = { ...zones, reason: `\`helm upgrade ${path.join(REPO_ROOT, "charts", "service")}\` ended well` };
  for (const [name, content] of Object.entries({ e2e: whole, zones: placed, E1: e1 })) {
    writeFileSync(path.join(outDir, `${name}.json`), JSON.stringify(content));
  }
  writeProof({ outDir, proofDir });
  expect(readdirSync(proofDir).toSorted()).toEqual(["E1.json", "README.md", "e2e.json", "zones.json"]);
  expect(readFileSync(path.join(proofDir, "README.md"), "utf8")).toMatch(/^# What one run showed\n/);
  // Where somebody's checkout stands is no result.
  for (const name of readdirSync(proofDir)) {
    expect(readFileSync(path.join(proofDir, name), "utf8")).not.toContain(REPO_ROOT);
  }
});

test("without a run there is no proof, and a sentence", () => {
  expect(() => writeProof({ outDir: "/nowhere", proofDir: "/nowhere" })).toThrow(/run `.\/holdfast e2e --all` first/);
});
