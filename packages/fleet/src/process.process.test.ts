import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeExit, launchProcess } from "./process.ts";
import type { LaunchedProcess } from "./process.ts";
import { isAlive } from "./watchman.ts";

let dir: string;
let logFile: string;
const launched: LaunchedProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "fleet-process-"));
  logFile = join(dir, "replica.log");
});
afterEach(async () => {
  for (const process of launched.splice(0)) process.killGroup();
  await rm(dir, { recursive: true });
});

function launch(script: string, beforeRun: (pid: number) => Promise<void> = async () => undefined): LaunchedProcess {
  const child = launchProcess({
    command: ["/bin/sh", "-c", script],
    env: { PATH: process.env["PATH"] ?? "", GREETING: "hello" },
    logFile,
    beforeRun,
  });
  launched.push(child);
  return child;
}

async function logged(text: string): Promise<void> {
  await expect.poll(() => readFile(logFile, "utf8")).toContain(text);
}

test("runs in a process group of its own, with the environment it was given and nothing else open", async () => {
  const child = launch(
    'echo "$GREETING ${HOME:-homeless} pid $$"; ps -o pgid= -p $$; { true >&3; } 2>&- && echo open || echo closed',
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const [greeting, group, third] = (await readFile(logFile, "utf8")).split("\n").map((line) => line.trim());
  expect(greeting).toBe(`hello homeless pid ${child.pid}`);
  expect(group).toBe(String(child.pid));
  expect(third).toBe("closed");
});

test("stdout and stderr are appended to what the run before has written", async () => {
  await launch("echo one; echo two >&2").exited;
  await launch("echo three").exited;
  expect(await readFile(logFile, "utf8")).toBe("one\ntwo\nthree\n");
});

test("the command runs only when the watchman knows its pid", async () => {
  const { promise: known, resolve } = Promise.withResolvers<void>();
  let pid: number | undefined;
  const child = launch("echo ran", (announced) => {
    pid = announced;
    return known;
  });
  expect(pid).toBe(child.pid);
  expect(await readFile(logFile, "utf8")).toBe("");
  resolve();
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(await readFile(logFile, "utf8")).toBe("ran\n");
});

test("the command never runs when the watchman cannot know it", async () => {
  const child = launch("echo ran", () => Promise.reject(new Error("no watchman")));
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(await readFile(logFile, "utf8")).toBe("");
});

test("SIGTERM goes to the process alone; what it started goes when it ends", async () => {
  const child = launch("sleep 60 & echo child $!; trap 'echo terminated; exit 7' TERM; while :; do sleep 0.05; done");
  await logged("child ");
  child.signal("SIGTERM");
  expect(await child.exited).toEqual({ code: 7, signal: null });
  const log = await readFile(logFile, "utf8");
  expect(log).toContain("terminated");
  await expect.poll(() => isAlive(Number(/child (\d+)/.exec(log)?.[1]))).toBe(false);
});

test("what cannot be started exits with a reason, and throws nothing", async () => {
  const opts = { env: {}, logFile, beforeRun: async () => undefined };
  const noDirectory = await launchProcess({ ...opts, command: ["true"], cwd: join(dir, "absent") }).exited;
  expect(describeExit(noDirectory)).toMatch(/^could not be started: .*ENOENT/);
  const noLog = await launchProcess({ ...opts, command: ["true"], logFile: join(dir, "absent", "log") }).exited;
  expect(describeExit(noLog)).toMatch(/^could not be started: .*ENOENT/);
  const noProgram = await launchProcess({ ...opts, command: ["/absent/program"] }).exited;
  expect(describeExit(noProgram)).toBe("exited with code 127");
  expect(await readFile(logFile, "utf8")).toContain("/absent/program");
});
