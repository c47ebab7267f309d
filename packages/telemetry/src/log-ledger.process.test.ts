/** What the log still says when its process or its reader is gone. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { get, numbersTo, parseLines, startService, temporaryFolder } from "./process.fixture.ts";
import type { LogLine } from "./observed-server.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

const seqs = (lines: readonly LogLine[]): number[] => lines.map((line) => line.seq);

const CLIENTS = 20;

test.each([1, 2])("SIGKILL under load loses no line of an earlier event-loop turn (round %i)", async (round) => {
  const file = join(temporaryFolder(), "service.log");
  const service = await startService({ LOG_FILE: file });
  const answered: string[][] = [];
  let answers = 0;
  const killAfter = 300 + 200 * round;

  async function sendUntilGone(client: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const paths: string[] = [];
    answered.push(paths);
    for (let request = 1; ; request += 1) {
      const path = `/work/${client}/${request}`;
      try {
        await get(service.port, path, agent);
      } catch {
        return;
      }
      paths.push(path);
      answers += 1;
      if (answers === killAfter) await service.kill();
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => sendUntilGone(client)));

  const lines = parseLines(readFileSync(file, "utf8"));
  expect(seqs(lines)).toEqual(numbersTo(lines.length));
  const pathsOf = (msg: string, field: string) =>
    new Set(lines.filter((line) => line.msg === msg).map((line) => line[field]));
  const [begun, inTheMiddle, ended] = [
    pathsOf("step one", "path"),
    pathsOf("step two", "path"),
    pathsOf("request", "url.path"),
  ];
  // Its answer was sent a turn after its first line, so that line was stored before.
  expect(answered.flat().filter((path) => !begun.has(path))).toEqual([]);
  // All the rest of a request was logged in the turn of its answer: stored, once the same connection got another one.
  const settled = answered.flatMap((paths) => paths.slice(0, -1));
  expect(settled.length).toBeGreaterThan(killAfter - 2 * CLIENTS);
  expect(settled.filter((path) => !inTheMiddle.has(path) || !ended.has(path))).toEqual([]);
});

test.each(["close", "exit"] as const)(
  "the last line of a process that ends by %s names its own seq",
  async (ending) => {
    const file = join(temporaryFolder(), "service.log");
    const service = await startService({ LOG_FILE: file });
    await get(service.port, "/work/1");
    await get(service.port, "/burst?lines=100&chars=10");
    expect(await service.end(ending)).toEqual([0, null]);
    const lines = parseLines(readFileSync(file, "utf8"));
    expect(seqs(lines)).toEqual(numbersTo(lines.length));
    expect(lines.filter((line) => line["event.name"] === "telemetry.end")).toEqual([lines.at(-1)]);
    expect(lines.at(-1)?.["last_seq"]).toBe(lines.length);
    expect(lines.filter((line) => line.msg === "request")).toHaveLength(2);
  },
);

// More than a pipe and the reader's buffer take, less than the service keeps in memory.
const SOME_BURST = "/burst?lines=700&chars=1000";
// More than the service keeps in memory.
const LARGE_BURST = "/burst?lines=3000&chars=1000";
const UNREAD_MS = 300;

test.each(["blocking", "nonblocking"])("a %s stdout pipe that is read late loses no line", async (mode) => {
  const service = await startService({ PIPE_MODE: mode }, "pipe");
  const { stdout } = service.child;
  if (stdout === null) throw new Error("The fixture has no stdout.");
  const bursts = get(service.port, LARGE_BURST);
  // The reader reads nothing: that is the fault, and it has to last.
  await delay(UNREAD_MS);
  const log = text(stdout);
  expect(await bursts).toBe("ok");
  expect(await get(service.port, "/after")).toBe("ok");
  expect(await service.end("close")).toEqual([0, null]);
  const lines = parseLines(await log);
  expect(seqs(lines)).toEqual(numbersTo(lines.length));
  expect(lines.filter((line) => line.msg === "burst")).toHaveLength(3000);
  expect(lines.at(-1)).toMatchObject({ "event.name": "telemetry.end", last_seq: lines.length });
});

test("a non-blocking stdout pipe that nobody reads does not keep the service from answering", async () => {
  const service = await startService({ PIPE_MODE: "nonblocking" }, "pipe");
  expect(await get(service.port, SOME_BURST)).toBe("ok");
  expect(await get(service.port, "/after")).toBe("ok");
  const { stdout } = service.child;
  if (stdout === null) throw new Error("The fixture has no stdout.");
  const log = text(stdout);
  expect(await service.end("close")).toEqual([0, null]);
  const lines = parseLines(await log);
  expect(seqs(lines)).toEqual(numbersTo(lines.length));
  expect(lines.filter((line) => line.msg === "burst")).toHaveLength(700);
});

test.each(["blocking", "nonblocking"])(
  "a service whose %s stdout pipe has lost its reader answers on, counts the lines and says it once",
  async (mode) => {
    const service = await startService({ PIPE_MODE: mode }, "pipe");
    const { stdout, stderr } = service.child;
    if (stdout === null || stderr === null) throw new Error("The fixture has no pipes.");
    const said = text(stderr);
    stdout.destroy();
    await once(stdout, "close");
    for (let request = 0; request < 20; request += 1) expect(await get(service.port, `/work/${request}`)).toBe("ok");
    const lost = Number(/^log_lines_lost_total (\d+)$/m.exec(await get(service.port, "/metrics"))?.[1]);
    expect(lost).toBeGreaterThanOrEqual(60);
    expect(await service.end("close")).toEqual([0, null]);
    expect((await said).match(/Log lines are being lost/g)).toHaveLength(1);
  },
);
