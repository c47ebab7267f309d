import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withClusterLock } from "./cluster-lock.ts";
import { withLockFile } from "./lock-file.ts";

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "holdfast-lock-"));
  file = path.join(dir, "deep", "one.lock");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

it("lets one at a time in, whatever the order, and leaves no file", async () => {
  let inside = 0;
  let most = 0;
  const enter = () =>
    withLockFile(file, async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 8 }, enter));
  expect(most).toBe(1);
  expect(await readdir(path.dirname(file))).toEqual([]);
});

it("takes over what a dead process has left, once, however many want it", async () => {
  await withLockFile(file, async () => {});
  await writeFile(file, JSON.stringify({ pid: await deadPid(), id: "left" }));
  let inside = 0;
  const enter = () =>
    withLockFile(file, async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 8 }, enter));
  expect(existsSync(file)).toBe(false);
});

// Only there does the kernel tell when a process started.
it.runIf(process.platform === "linux")("does not take another process of the same id for the owner", async () => {
  await withLockFile(file, async () => {});
  await writeFile(file, JSON.stringify({ pid: process.pid, started: "1", id: "left" }));
  expect(await withLockFile(file, async () => "ours")).toBe("ours");
});

it("says who has it, once, and stops waiting when it is told to", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
  await withLockFile(file, async () => {});
  await writeFile(file, JSON.stringify({ pid: child.pid, id: "theirs" }));
  const told: number[] = [];
  const waited = withLockFile(file, async () => {}, {
    onWait: (pid) => told.push(pid),
    signal: AbortSignal.timeout(200),
  });
  await expect(waited).rejects.toThrow(/abort/i);
  expect(told).toEqual([child.pid]);
  child.kill();
});

it("gives it back when the action fails", async () => {
  await expect(withLockFile(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(file)).toBe(false);
});

it("holds a cluster's lock beside its directory, so that down may remove that", async () => {
  await withClusterLock({ name: "hf", stateDir: dir, progress: () => {} }, async () => {
    expect(existsSync(path.join(dir, "hf.lock"))).toBe(true);
  });
  expect(existsSync(path.join(dir, "hf.lock"))).toBe(false);
});
