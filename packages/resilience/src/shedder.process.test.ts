import { spawn } from "node:child_process";
import { request as httpRequest } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import type { ServiceMessage } from "./service.fixture.ts";
import type { ShedderEvent, ShedderOptions } from "./shedder.ts";

const SERVICE = fileURLToPath(new URL("./service.fixture.ts", import.meta.url));
const SHEDDER: ShedderOptions = { shedAbove: 0.9, resumeBelow: 0.6, intervalMs: 100 };

interface Service {
  port: number;
  events: ShedderEvent[];
}

async function startService(shedder: ShedderOptions | "off"): Promise<Service> {
  const given = shedder === "off" ? shedder : JSON.stringify(shedder);
  const child = spawn(process.execPath, [SERVICE, given], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const events: ShedderEvent[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the service exited with ${code}`)));
    child.on("message", (message: ServiceMessage) => {
      if (message.type === "listening") resolve(message.port);
      if (message.type === "event") events.push(message.event);
    });
  });
  return { port, events };
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  tookMs: number;
}

interface Asked {
  method?: string;
  body?: string;
}

/** A connection a request: an open client, which does not wait for its turn. */
function ask(port: number, path: string, { method = "GET", body }: Asked = {}): Promise<Answer> {
  const startedAtMs = performance.now();
  const headers = body === undefined ? {} : { "content-type": "application/json", "content-length": body.length };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: "127.0.0.1", path, method, headers, agent: false }, (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text,
          tookMs: performance.now() - startedAtMs,
        }),
      );
    });
    request.once("error", reject);
    request.end(body);
  });
}

/** An open model: so many requests a second, whatever becomes of them. */
async function flood(port: number, opts: { perSecond: number; seconds: number } & Asked): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  const startedAtMs = performance.now();
  for (let sent = 0; sent < opts.perSecond * opts.seconds;) {
    const due = Math.floor(((performance.now() - startedAtMs) / 1_000) * opts.perSecond);
    for (; sent < due; sent++) answers.push(ask(port, "/work", opts));
    await delay(5);
  }
  return Promise.all(answers);
}

const OVERLOAD = { perSecond: 500, seconds: 1.2 };

/** The last fifth of what was sent. */
function late(answers: Answer[]): Answer[] {
  return answers.slice(Math.floor(0.8 * answers.length));
}

function median(answers: Answer[]): number {
  const sorted = answers.map((answer) => answer.tookMs).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function states(events: ShedderEvent[]): boolean[] {
  return events.filter((event) => event.type === "state").map((event) => event.shedding);
}

test(
  "with two and a half times more work than the loop can do, a share is refused before its body is parsed and the " +
    "rest is served in time; control: without shedding everybody waits longer and longer",
  { timeout: 60_000 },
  async () => {
    const body = JSON.stringify({ order: "x".repeat(2_000) });
    const control = await startService("off");
    const waiting = await flood(control.port, { ...OVERLOAD, method: "POST", body });
    expect(waiting.every((answer) => answer.status === 200)).toBe(true);

    const { port, events } = await startService(SHEDDER);
    expect((await ask(port, "/work")).status).toBe(200);
    const answers = await flood(port, { ...OVERLOAD, method: "POST", body });
    const served = answers.filter((answer) => answer.status === 200);
    const shed = answers.filter((answer) => answer.status === 503);
    expect(served.length + shed.length).toBe(answers.length);

    // Not all or nothing: most of the requests are refused and some are served all the time.
    expect(shed.length).toBeGreaterThan(0.25 * answers.length);
    expect(served.length).toBeGreaterThan(0.04 * answers.length);
    const { parsedBodies } = JSON.parse((await ask(port, "/work-done")).body) as { parsedBodies: number };
    expect(parsedBodies).toBe(served.length);

    const [first] = shed as [Answer];
    expect(first.headers["content-type"]).toBe("application/problem+json");
    expect(first.headers["cache-control"]).toBe("no-store");
    expect(JSON.parse(first.body)).toMatchObject({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      code: "OVERLOADED",
    });
    for (const answer of shed) expect(answer.headers["retry-after"]).toMatch(/^[12]$/);

    // What came last: there the queue has been worked off, or has grown all the time.
    const lateServedMs = median(late(answers).filter((answer) => answer.status === 200));
    expect(lateServedMs).toBeLessThan(median(late(waiting)) / 2);

    await vi.waitUntil(() => states(events).at(-1) === false, { timeout: 20_000 });
    expect(states(events)).toEqual([true, false]);
    expect((await ask(port, "/work")).status).toBe(200);
  },
);

test("probes on the same port are exempt while everything else is refused", { timeout: 20_000 }, async () => {
  const { port, events } = await startService({ ...SHEDDER, shrinkFactor: 0, minShare: 0, growStep: 0.01 });
  await ask(port, "/block?ms=150");
  // Two intervals in a row must be busy: the second block runs into the second interval.
  await Promise.all([ask(port, "/block?ms=300"), ask(port, "/block?ms=300"), ask(port, "/block?ms=300")]);
  await vi.waitUntil(() => states(events).at(-1) === true, { timeout: 5_000 });
  expect((await ask(port, "/work")).status).toBe(503);
  expect((await ask(port, "/livez")).status).toBe(200);
});

test("a load that the loop can do is never refused", { timeout: 20_000 }, async () => {
  const { port, events } = await startService({ shedAbove: 0.95, resumeBelow: 0.6, intervalMs: 300 });
  const answers = await flood(port, { perSecond: 20, seconds: 2 });
  const busy = events.filter((event) => event.type === "interval").map((event) => event.utilization > 0.95);
  expect(busy.length).toBeGreaterThan(2);
  // A tenth of what the loop can do; only when other programs starve this one for two intervals can it be too much.
  const starved = busy.some((isBusy, i) => isBusy && busy[i - 1] === true);
  expect(starved || answers.every((answer) => answer.status === 200)).toBe(true);
  expect(states(events).length > 0).toBe(starved);
});
