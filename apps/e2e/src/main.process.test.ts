import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

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
  expect(stderr).toMatch(/^holdfast e2e: There is nothing called "e99" to prove; there are zones, .*E5\.\n$/);
});
