import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { eventually, get } from "./fleet.fixture.ts";
import { isAlive } from "./watchman.ts";

vi.setConfig({ testTimeout: 30_000 });

const program = fileURLToPath(new URL("./parent.fixture.ts", import.meta.url));
interface Heard {
  type: string;
  pid?: number;
  url?: string;
}

/** @param onTestFinished of the test's own context, since they run side by side */
function startParent(env: Record<string, string>, onTestFinished: (cleanup: () => void) => void) {
  const logDir = mkdtempSync(join(tmpdir(), "fleet-orphan-"));
  onTestFinished(() => rmSync(logDir, { recursive: true }));
  const parent = spawn(process.execPath, [program], {
    env: { PATH: process.env["PATH"], LOG_DIR: logDir, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const heard: Heard[] = [];
  createInterface({ input: parent.stdout }).on("line", (line) => heard.push(JSON.parse(line) as Heard));
  const pids = () =>
    heard.flatMap(({ type, pid = 0 }) => (type === "balancer.started" || type === "replica.starting" ? [pid] : []));
  const logs = () => readdirSync(logDir).map((file) => readFileSync(join(logDir, file), "utf8"));
  const up = async () => {
    await eventually(() => heard.at(-1)?.type, "up");
    return heard.at(-1)?.url ?? "";
  };
  return { parent, pids, logs, up };
}

async function allGone(pids: number[]): Promise<void> {
  await eventually(() => pids.filter(isAlive), []);
}

test.concurrent("when its program is killed, the balancer has the replicas drain and then ends itself", async ({
  onTestFinished,
}) => {
  const { parent, pids, logs, up } = startParent({ ON_SIGTERM: "drain" }, onTestFinished);
  const url = await up();
  const slow = get(`${url}/?delayMs=500`);
  await eventually(() => pids().length, 3);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  // What was in flight is still answered, through a balancer that has lost its parent.
  expect(await slow).toMatch(/^web-/);
  await allGone(pids());
  expect(await get(url)).toBe("ECONNREFUSED");
  expect(logs().map((log) => log.includes("drained"))).toEqual([true, true]);
});

test.concurrent("replicas that ignore SIGTERM are killed when their grace is over", async ({ onTestFinished }) => {
  const { parent, pids, logs, up } = startParent({ ON_SIGTERM: "ignore" }, onTestFinished);
  await up();
  parent.kill("SIGKILL");
  await once(parent, "exit");
  const killedMs = performance.now();
  await allGone(pids());
  expect(performance.now() - killedMs).toBeGreaterThanOrEqual(1_400);
  expect(logs().map((log) => log.includes("SIGTERM ignored"))).toEqual([true, true]);
});

test.concurrent("a replica whose program dies between its birth and its first instruction never runs", async ({
  onTestFinished,
}) => {
  const { parent, pids, logs } = startParent({ DIE_AT: "replica.starting" }, onTestFinished);
  await once(parent, "exit");
  await eventually(() => pids().length, 2);
  await allGone(pids());
  expect(logs()).toEqual([""]);
});
