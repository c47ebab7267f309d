import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { serveControl } from "./control-socket.ts";
import { claimSessionDir, sessionDir, sessionNames } from "./session-dir.ts";

let tmp = "";

beforeEach(async () => {
  tmp = await mkdtemp(path.join(tmpdir(), "s-"));
  vi.stubEnv("TMPDIR", tmp);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(tmp, { recursive: true });
});

test("it is private to this user, and gone afterwards", async () => {
  const dir = sessionDir();
  const claimed = await claimSessionDir(dir);
  expect((await stat(dir.path)).mode & 0o777).toBe(0o700);
  expect(await sessionNames()).toEqual(["default"]);
  await claimed.release();
  expect(await sessionNames()).toEqual([]);
});

test("a second one of the same name is told about the first; another name is free", async () => {
  const dir = sessionDir();
  await claimSessionDir(dir);
  const server = await serveControl(dir.socket, () => ({ text: "", result: { pid: 7, url: "http://localhost:8080" } }));
  await expect(claimSessionDir(dir)).rejects.toMatchObject({
    code: "ALREADY_RUNNING",
    exitCode: 4,
    message:
      "A start of this checkout is running already (pid 7, http://localhost:8080): end it with `./holdfast stop`, or start this one beside it with `--name other`.",
  });
  await claimSessionDir(sessionDir("other"));
  await server.close("over");
});

test("one that lives and does not listen yet keeps its directory", async () => {
  const dir = sessionDir();
  const first = await claimSessionDir(dir);
  const owner = path.join(dir.path, "owner");
  // The parent of this process lives, and is not this one.
  await writeFile(owner, `${process.ppid} 0`);
  await expect(claimSessionDir(dir)).rejects.toMatchObject({ code: "ALREADY_STARTING", exitCode: 4 });
  await writeFile(owner, "");
  await expect(claimSessionDir(dir)).rejects.toMatchObject({ code: "ALREADY_STARTING" });
  const ended = spawnSync(process.execPath, ["--version"]);
  await writeFile(owner, `${ended.pid} 0`);
  const second = await claimSessionDir(dir);
  await first.release();
  expect(await sessionNames()).toEqual(["default"]);
  await second.release();
});

test("what a killed one has left is taken over", async () => {
  const dir = sessionDir();
  await claimSessionDir(dir);
  await writeFile(path.join(dir.path, "old.log"), "left over");
  // A socket file that nobody listens on any more, as SIGKILL leaves it.
  const server = await serveControl(dir.socket, () => ({ text: "" }));
  await server.close("over");
  await writeFile(dir.socket, "");
  await claimSessionDir(dir);
  await expect(stat(path.join(dir.path, "old.log"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("one that ends late does not take the directory from the one that came after it", async () => {
  const dir = sessionDir();
  const first = await claimSessionDir(dir);
  await claimSessionDir(dir);
  await first.release();
  expect(await sessionNames()).toEqual(["default"]);
});

test("a directory that others may read, or a link, is not used", async () => {
  const dir = sessionDir();
  await mkdir(dir.path);
  await chmod(dir.path, 0o755);
  await expect(claimSessionDir(dir)).rejects.toMatchObject({ code: "SESSION_DIR_NOT_OURS" });
  const linked = sessionDir("linked");
  await symlink(tmp, linked.path);
  await expect(claimSessionDir(linked)).rejects.toMatchObject({ code: "SESSION_DIR_NOT_OURS" });
});

test("a name is short and plain, and a path is one that a socket can have", () => {
  expect(() => sessionDir("../x")).toThrow(/--name takes 1 to 20/);
  expect(() => sessionDir("a".repeat(21))).toThrow(/--name takes 1 to 20/);
  vi.stubEnv("TMPDIR", `/tmp/${"long".repeat(30)}`);
  expect(() => sessionDir()).toThrow(/set TMPDIR to a shorter one/);
});

test("a temporary directory that cannot be written is named", async () => {
  vi.stubEnv("TMPDIR", path.join(tmp, "missing"));
  await expect(claimSessionDir(sessionDir())).rejects.toMatchObject({
    code: "SESSION_DIR",
    message: expect.stringMatching(/there is no such file or directory/),
  });
});
