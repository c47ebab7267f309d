import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";

const MAIN = path.join(import.meta.dirname, "main.ts");

function e2e(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("--help and --list need no cluster", { timeout: 30_000 }, () => {
  expect(e2e("--help")).toMatchObject({
    status: 0,
    stderr: "",
    stdout: expect.stringContaining("./holdfast e2e --all --proof"),
  });
  expect(e2e("--list")).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/^core {2}zones/) });
});

test("an unknown id is wrong usage: the ids are named and nothing is started", { timeout: 30_000 }, () => {
  const { status, stdout, stderr } = e2e("--only", "zones,E99");
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^holdfast e2e: There is nothing called "e99" to prove; there are zones, .*E5, .*\.\n$/);
});

test("where nothing can be run, every file says so instead of what an earlier run left", { timeout: 30_000 }, () => {
  const dir = mkdtempSync(path.join(tmpdir(), "holdfast-e2e-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const out = path.join(dir, "out");
  mkdirSync(out);
  for (const name of ["e2e.json", "zones.json"]) writeFileSync(path.join(out, name), '{"passed":1}');

  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [MAIN, "--only", "zones,E3", "--name", "ci", "--out", "out"],
    // Relative to where it is called from, as a person writes it.
    { encoding: "utf8", cwd: dir, env: { ...process.env, HOLDFAST_BUNDLE: "no-bundle" } },
  );
  expect(status).toBe(4);
  expect(stderr).toContain(path.join(dir, "no-bundle"));
  expect(stderr).toMatch(/^holdfast e2e: kind, kubectl and helm could not be had/m);
  expect(stdout).toMatch(/\n0 passed, \d+ failed\n$/);
  const record = JSON.parse(readFileSync(path.join(out, "e2e.json"), "utf8"));
  const outcomes = [{ id: "zones", verdict: "NOT RUN" }, { id: "E3" }];
  expect(record).toMatchObject({ passed: 0, cluster: "ci", outcomes });
  expect(readFileSync(path.join(out, "index.html"), "utf8")).toContain("NOT RUN");
  expect(existsSync(path.join(out, "zones.json"))).toBe(false);
});

test("a name that no cluster can have is wrong usage", { timeout: 30_000 }, () => {
  expect(e2e("--name", "Bad_Name")).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining("small letters"),
  });
});
