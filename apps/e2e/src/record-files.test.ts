import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { CHECKS } from "./items.ts";
import { createRecorder } from "./record-files.ts";
import { outcome } from "./run-record.fixture.ts";

const items = CHECKS.filter(({ id }) => ["zones", "pdb"].includes(id));

function outDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "holdfast-e2e-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("what an earlier run left is removed, and nothing else", () => {
  const dir = outDir();
  for (const name of [
    "e2e.json",
    "index.html",
    "junit.xml",
    "zones.json",
    "E1.control-no-drain.html",
    "E11.json",
    "notes.txt",
  ])
    writeFileSync(path.join(dir, name), "");
  mkdirSync(path.join(dir, "E1.logs"));
  createRecorder({ outDir: dir, ids: ["zones", "E1"], items, cluster: "ci" });
  expect(readdirSync(dir).toSorted()).toEqual(["E11.json", "notes.txt"]);
});

test("a run that ends early says what did not run, and why, in every file", () => {
  const dir = outDir();
  const recorder = createRecorder({ outDir: dir, ids: [], items, cluster: "ci" });
  recorder.add(outcome());
  const record = recorder.write("the cluster could not be brought up");
  expect(record).toMatchObject({ passed: 2, failed: 2, cluster: "ci", versions: { kubernetes: "unknown" } });
  expect(record.outcomes.map(({ id, verdict }) => [id, verdict])).toEqual([
    ["zones", "PASS"],
    ["pdb", "NOT RUN"],
  ]);
  expect(JSON.parse(readFileSync(path.join(dir, "e2e.json"), "utf8"))).toEqual(record);
  for (const name of ["index.html", "junit.xml"])
    expect(readFileSync(path.join(dir, name), "utf8")).toContain("the cluster could not be brought up");
});
