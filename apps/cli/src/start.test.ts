import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeDir } from "./start.ts";

test("a directory is made with those above it, and where none can be made that is said at once", async () => {
  const tmp = await mkdtemp(path.join(tmpdir(), "made-"));
  onTestFinished(() => rm(tmp, { recursive: true }));
  await makeDir(path.join(tmp, "a/b/c"), 0o700);
  await makeDir(path.join(tmp, "a/b/c"), 0o700);
  expect((await stat(path.join(tmp, "a/b/c"))).mode & 0o777).toBe(0o700);
  await expect(makeDir("/proc/nowhere/logs")).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
});
