import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { afterAll, beforeAll, expect, test, vi, type TestContext } from "vitest";

import { nowEpochMs } from "./clock.ts";
import { judge } from "./judge.ts";
import { readLedger } from "./ledger-reader.ts";
import { startLoad, type LoadOptions, type LoadRun } from "./load-run.ts";
import type { LoadPlan } from "./plan.ts";
import type { PassRule } from "./rule.ts";
import type { LoadStats } from "./stats.ts";
import { startTarget, type Target } from "./target-fixture.ts";

// Each test starts a process; on a busy machine that alone can take seconds.
vi.setConfig({ testTimeout: 30_000 });
const soon = { timeout: 10_000 };

let dir: string;
let files = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-run-"));
  // Each test starts the same program: it is compiled once.
  vi.stubEnv("NODE_COMPILE_CACHE", join(dir, "compiled"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const requests = [{ name: "ok", path: "/ok", weight: 1 }];

interface Setting {
  target: Target;
  ledgerFile: string;
  start(plan?: Partial<LoadPlan>, opts?: LoadOptions): LoadRun;
  filesLeft(): Promise<string[]>;
}

/** A target and a place for a ledger; when the test is over, no agent may be left. */
async function setUp({ onTestFinished }: TestContext): Promise<Setting> {
  const target = await startTarget({ servedBy: "r0" });
  const ledgerFile = join(dir, `${files++}`, "run.ledger.jsonl");
  const runs: LoadRun[] = [];
  onTestFinished(async () => {
    await Promise.allSettled(runs.map((run) => run.stop()));
    await target.close();
    if (runs.some(({ agentPid }) => isAlive(agentPid))) throw new Error("an agent outlived its run");
  });
  return {
    target,
    ledgerFile,
    start(plan = {}, opts = {}) {
      const run = startLoad(
        { url: target.url, ratePerSecond: 50, persistentSockets: 6, requests, ...plan },
        { ledgerFile, tickMs: 100, ...opts },
      );
      runs.push(run);
      return run;
    },
    filesLeft: () => readdir(join(ledgerFile, "..")).catch(() => []),
  };
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Judges what a run of two seconds can show, on a machine that may be busy. */
const rule: PassRule = {
  kind: "planned",
  windows: [{ name: "ending", from: "replica.ending", to: "replica.ended" }],
  minScheduledInWindows: 10,
  baseline: { minMs: 200 },
  minAfterMs: 200,
  victims: ["replica.ending"],
  maxScheduleLagMs: { p99: 1_000, max: 1_000 },
};

async function runWithWindow(run: LoadRun, meanwhile: () => Promise<unknown> | unknown): Promise<void> {
  await run.ready;
  await delay(400);
  run.mark("replica.ending", { subject: "r0" });
  await delay(400);
  await meanwhile();
  run.mark("replica.ended", { subject: "r0" });
  await delay(400);
}

test.concurrent("the ledger can be read while it is written", async (context) => {
  const { start } = await setUp(context);
  const run = start({}, { rule });
  await run.ready;
  run.mark("half-way", { subject: "r0" });
  const soFar = await vi.waitFor(async () => {
    const ledger = await run.ledgerSoFar();
    expect(ledger.events.map(({ name }) => name)).toContain("half-way");
    return ledger;
  }, soon);
  expect(soFar.requests.length).toBeGreaterThan(0);
  expect(soFar.problems).toContain("it was cut off: its last line, the seal, is missing");
  const whole = await run.stop();
  expect(whole.requests.slice(0, 1)).toEqual(soFar.requests.slice(0, 1));
  expect(whole.problems).toEqual([]);
  await expect(run.ledgerSoFar()).rejects.toMatchObject({ code: "LOAD_LEDGER_READ" });
});

test.concurrent("a run under which nothing fails is a PASS, and anyone who reads its file comes to the same verdict", async (context) => {
  const { start, ledgerFile, filesLeft } = await setUp(context);
  const run = start({}, { rule, about: { experiment: "E0" } });
  await runWithWindow(run, () => undefined);
  const ledger = await run.stop();
  const verdict = judge(ledger);

  expect(verdict.reason).toMatch(/^0 of \d+ requests failed/);
  expect(verdict).toMatchObject({ verdict: "PASS", victims: [{ subject: "r0", sockets: 6 }] });
  expect(judge(await readLedger(ledgerFile))).toEqual(verdict);
  expect(ledger.header.about).toEqual({ experiment: "E0" });
  expect(await filesLeft()).toEqual(["run.ledger.jsonl"]);
});

test.concurrent("the same run against a target that resets one connection is a FAIL", async (context) => {
  const { start, target } = await setUp(context);
  const run = start({}, { rule });
  await runWithWindow(run, () =>
    target.server.prependOnceListener("request", ({ socket }) => {
      socket.resetAndDestroy();
    }),
  );
  const verdict = judge(await run.stop());
  expect(verdict).toMatchObject({ verdict: "FAIL", code: "failures", failed: { total: 1 } });
});

test.concurrent("an agent that was stopped for a while makes the run INVALID by its own lag, not by the target's", async (context) => {
  const { start, ledgerFile } = await setUp(context);
  const run = start({}, { rule });
  await runWithWindow(run, async () => {
    process.kill(run.agentPid ?? 0, "SIGSTOP");
    await delay(1_200);
    process.kill(run.agentPid ?? 0, "SIGCONT");
  });
  const ledger = await run.stop();
  const verdict = judge(ledger);

  expect(verdict).toMatchObject({ verdict: "INVALID", code: "schedule-lag", failed: { total: 0 } });
  expect(verdict.scheduleLag.maxMs).toBeGreaterThan(1_000);
  expect(judge(await readLedger(ledgerFile))).toEqual(verdict);
});

test.concurrent("marks stand on the same clock as the requests", async (context) => {
  const { start, target } = await setUp(context);
  const run = start({ ratePerSecond: 20, requests: [{ name: "slow", path: "/slow", weight: 1 }] });
  const arrivedMs = new Map<string, number>();
  target.server.on("request", ({ headers }) => {
    const atMs = nowEpochMs();
    const traceId = String(headers["traceparent"]).slice(3, 35);
    arrivedMs.set(traceId, atMs);
    run.mark("arrived", { subject: traceId, atMs });
  });
  await run.ready;
  await delay(500);
  const { requests, events, clocks } = await run.stop();

  const arrivals = events.filter(({ name }) => name === "arrived");
  expect(arrivals.length).toBeGreaterThan(10);
  expect(clocks.length).toBeGreaterThanOrEqual(2);
  const errorMs = Math.max(...clocks.map(({ uncertaintyMs }) => uncertaintyMs)) + 0.01;
  for (const { subject, atMs } of arrivals) {
    const request = requests.find(({ traceId }) => traceId === subject);
    expect(atMs).toBeGreaterThan((request?.sentMs ?? Infinity) - errorMs);
    expect(atMs).toBeLessThan((request?.endMs ?? 0) + errorMs);
  }
});

test.concurrent("tells what is going on while it runs, and changes its rate", async (context) => {
  const { start } = await setUp(context);
  const ticks: LoadStats[] = [];
  const run = start({}, { onTick: (stats) => ticks.push(stats), windowMs: 1_000 });
  await run.ready;
  await context.expect.poll(() => ticks.at(-1)?.window.perSecond, soon).toBeGreaterThan(30);
  run.setRate(200);
  await context.expect.poll(() => ticks.at(-1)?.window.perSecond, soon).toBeGreaterThan(130);
  expect(ticks.at(-1)).toMatchObject({ ratePerSecond: 200, openSockets: 6, failed: 0 });
  expect(ticks.at(-1)?.window.servedBy["r0"]).toBeGreaterThan(0);

  const ledger = await run.stop();
  expect(ledger.rates.map(({ ratePerSecond }) => ratePerSecond)).toEqual([50, 200]);
  expect(judge(ledger, rule).code).not.toBe("ledger-damaged");
});

test.concurrent("stop lets what is under way finish", async (context) => {
  const { start } = await setUp(context);
  const run = start({ requests: [{ name: "slow", path: "/slow", weight: 1 }] });
  await run.ready;
  const stoppedMs = nowEpochMs();
  const { requests, header, end } = await run.stop();
  const finishedAfter = requests.filter(({ endMs }) => endMs + header.epochMs > stoppedMs + 100);
  expect(finishedAfter.length).toBeGreaterThan(0);
  expect(requests.every(({ fate }) => fate === "answered")).toBe(true);
  expect(end).toMatchObject({ stoppedBy: "stop", scheduled: requests.length });
  expect(await run.stop()).toBe(await run.ended);
});

test.concurrent("stopped before it has begun, it has sent nothing", async (context) => {
  const { start } = await setUp(context);
  const run = start();
  const ledger = await run.stop();
  expect(ledger.requests).toEqual([]);
  expect(judge(ledger, rule)).toMatchObject({ verdict: "INVALID", code: "no-fault" });
  await expect(run.ready).rejects.toMatchObject({ code: "LOAD_NOT_READY" });
});

test.concurrent("a rate that cannot be is refused, and the run goes on", async (context) => {
  const { start } = await setUp(context);
  const run = start();
  await run.ready;
  expect(() => run.setRate(0)).toThrow(expect.objectContaining({ code: "LOAD_PLAN_INVALID" }));
  expect(judge(await run.stop(), rule).code).not.toBe("ledger-damaged");
});

test.concurrent("ends by itself when its duration is over", async (context) => {
  const { start } = await setUp(context);
  const { requests, end } = await start({ ratePerSecond: 100, durationMs: 300 }).ended;
  expect(requests).toHaveLength(30);
  expect(end?.stoppedBy).toBe("duration");
});

test.concurrent("without a file nothing is kept, and its ledger proves nothing", async (context) => {
  const { target } = await setUp(context);
  const run = startLoad({ url: target.url, ratePerSecond: 50, persistentSockets: 2, requests }, { rule });
  await run.ready;
  expect(run.stats().answered).toBeGreaterThan(0);
  expect(judge(await run.stop())).toMatchObject({ verdict: "INVALID", code: "ledger-damaged" });
});

test.concurrent("a target that does not answer in time is said to be not ready", async (context) => {
  const { start } = await setUp(context);
  const run = start({ requests: [{ name: "missing", path: "/missing", weight: 1 }] }, { readyWithinMs: 800 });
  await expect(run.ready).rejects.toMatchObject({
    code: "LOAD_NOT_READY",
    message: expect.stringMatching(
      /did not answer as expected in time: \d+ of \d+ requests failed, and 6 of 6 persistent sockets are open/,
    ),
  });
});

test.concurrent("a plan or a rule that cannot be is refused before anything starts", async (context) => {
  const { start } = await setUp(context);
  expect(() => startLoad({} as LoadPlan)).toThrow(expect.objectContaining({ code: "LOAD_PLAN_INVALID" }));
  expect(() => start({}, { rule: { ...rule, windows: [] } })).toThrow(
    expect.objectContaining({ code: "LOAD_RULE_INVALID" }),
  );
});

test.concurrent("an aborted run leaves no result and no process", async (context) => {
  const { start, filesLeft } = await setUp(context);
  const controller = new AbortController();
  const run = start({}, { signal: controller.signal });
  await run.ready;
  controller.abort();
  await expect(run.ended).rejects.toMatchObject({ code: "LOAD_ABORTED" });
  expect(isAlive(run.agentPid)).toBe(false);
  expect(await filesLeft()).toEqual([]);
});

test.concurrent("an agent that is killed leaves no result", async (context) => {
  const { start, filesLeft } = await setUp(context);
  const run = start();
  await run.ready;
  process.kill(run.agentPid ?? 0, "SIGKILL");
  await expect(run.ended).rejects.toMatchObject({
    code: "LOAD_AGENT_DIED",
    message: "The load agent ended before it was told to (SIGKILL), so its run has no result.",
  });
  await expect(run.stop()).rejects.toMatchObject({ code: "LOAD_AGENT_DIED" });
  expect(await filesLeft()).toEqual([]);
});

test.concurrent.for<[string[], RegExp]>([
  [["./no-such-program"], /could not be started \(ENOENT\)/],
  [
    [process.execPath, "-e", "console.error('no such image'); process.exit(3)"],
    /ended before it was told to \(exit code 3: no such image\)/,
  ],
  [
    [process.execPath, "-e", "console.log('Welcome'); setInterval(() => {}, 1000)"],
    /said what no ledger holds \(Welcome\)/,
  ],
])("an agent that cannot run (%j) is said so in a sentence", async ([command, message], context) => {
  const { start, filesLeft } = await setUp(context);
  const run = start({}, { command });
  await expect(run.ended).rejects.toMatchObject({ code: "LOAD_AGENT_DIED", message: expect.stringMatching(message) });
  await expect(run.ready).rejects.toMatchObject({ code: "LOAD_AGENT_DIED" });
  expect(await filesLeft()).toEqual([]);
});

test.concurrent("what the agent says is wrong is passed on", async (context) => {
  const { start } = await setUp(context);
  const run = start({ url: "http://nowhere.invalid" });
  await expect(run.ended).rejects.toMatchObject({
    message: expect.stringMatching(/"nowhere.invalid" could not be resolved/),
  });
});

test.concurrent("a full disk breaks the run off with a clear error, and nothing is called a result", async (context) => {
  const { start, ledgerFile, filesLeft } = await setUp(context);
  await mkdir(join(ledgerFile, ".."));
  await symlink("/dev/full", `${ledgerFile}.partial`);
  const run = start();
  await expect(run.ended).rejects.toMatchObject({
    code: "LOAD_LEDGER_WRITE",
    message: `The ledger ${ledgerFile} cannot be written (there is no space left; make room, or name another folder), so the run was broken off and has no result.`,
  });
  expect(await filesLeft()).toEqual([]);
});

test.concurrent("a folder that cannot be made is said so, and the agent does not run on", async (context) => {
  const { start, ledgerFile } = await setUp(context);
  await writeFile(join(ledgerFile, ".."), "");
  const run = start();
  await expect(run.ended).rejects.toMatchObject({
    code: "LOAD_LEDGER_WRITE",
    message: expect.stringMatching(/ENOTDIR|EEXIST/),
  });
  expect(isAlive(run.agentPid)).toBe(false);
});

test.concurrent("where no folder can be made at all, that is said too, and at once", async (context) => {
  const { start } = await setUp(context);
  const run = start({}, { ledgerFile: "/proc/holdfast/results/run.jsonl" });
  await expect(run.ended).rejects.toMatchObject({ code: "LOAD_LEDGER_WRITE" });
});

test.concurrent("an agent that hangs when it is told to stop is ended, and its run has no result", async (context) => {
  const { start, filesLeft } = await setUp(context);
  const run = start({ timeoutMs: 100 });
  await run.ready;
  process.kill(run.agentPid ?? 0, "SIGSTOP");
  await expect(run.stop()).rejects.toMatchObject({ code: "LOAD_AGENT_STUCK" });
  expect(isAlive(run.agentPid)).toBe(false);
  expect(await filesLeft()).toEqual([]);
});

/** Runs a load in a process of its own, in a group of its own as a terminal's foreground job is. */
async function startParent({ target, ledgerFile }: Setting): Promise<{ pid: number; agentPid: number }> {
  const script = `
    import { startLoad } from ${JSON.stringify(new URL("./load-run.ts", import.meta.url).href)};
    const run = startLoad(${JSON.stringify({ url: target.url, ratePerSecond: 50, persistentSockets: 2, requests })}, { ledgerFile: ${JSON.stringify(ledgerFile)} });
    await run.ready;
    console.log(run.agentPid);
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  return { pid: parent.pid ?? 0, agentPid: Number(line) };
}

test.concurrent("when its parent is killed, the agent ends too", async (context) => {
  const setting = await setUp(context);
  const { pid, agentPid } = await startParent(setting);
  expect(isAlive(agentPid)).toBe(true);
  process.kill(pid, "SIGKILL");
  await context.expect.poll(() => isAlive(agentPid), soon).toBe(false);
  // Not under the name of a result.
  expect(await setting.filesLeft()).toEqual(["run.ledger.jsonl.partial"]);
});

test.concurrent("Ctrl-C leaves no process", async (context) => {
  const setting = await setUp(context);
  const { pid, agentPid } = await startParent(setting);
  process.kill(-pid, "SIGINT");
  await vi.waitFor(() => expect(isAlive(agentPid) || isAlive(pid)).toBe(false), soon);
});

test.concurrent("the ledger is JSON lines: the plan and the rule first, the seal last", async (context) => {
  const { start, ledgerFile } = await setUp(context);
  const run = start({}, { rule });
  await run.ready;
  await run.stop();
  const lines = (await readFile(ledgerFile, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ type: "plan", schemaVersion: 1, plan: { ratePerSecond: 50 }, rule });
  expect(lines.at(-2)).toMatchObject({ type: "end", stoppedBy: "stop" });
  expect(lines.at(-1)).toMatchObject({ type: "seal", lines: lines.length - 1 });
  expect(new Set(lines.map(({ type }) => type))).toEqual(
    new Set(["plan", "rate", "socket", "clock", "event", "request", "end", "seal"]),
  );
});
