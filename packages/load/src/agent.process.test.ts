import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, expect, test, vi, type TestContext } from "vitest";

import type { Fate, Ledger, LedgerLine, RequestRecord } from "./ledger.ts";
import { startLoad } from "./load-run.ts";
import type { LoadPlan, RequestKind } from "./plan.ts";
import { answers, startTarget, type Target } from "./target-fixture.ts";

// Each test starts a process; on a busy machine that alone can take seconds.
vi.setConfig({ testTimeout: 30_000 });
const soon = { timeout: 10_000 };

let dir: string;
let files = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-agent-"));
  // Each test starts the same program: it is compiled once.
  vi.stubEnv("NODE_COMPILE_CACHE", join(dir, "compiled"));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

async function target({ onTestFinished }: TestContext, opts: Parameters<typeof startTarget>[0] = {}): Promise<Target> {
  const started = await startTarget(opts);
  onTestFinished(() => started.close());
  return started;
}

function load(plan: Omit<LoadPlan, "persistentSockets" | "requests"> & Partial<LoadPlan>): Promise<Ledger> {
  const whole = { persistentSockets: 4, requests: [{ name: "ok", path: "/ok", weight: 1 }], ...plan };
  return startLoad(whole, { ledgerFile: join(dir, `${files++}.jsonl`) }).ended;
}

const kinds = (names: string[]): RequestKind[] => names.map((name) => ({ name, path: `/${name}`, weight: 1 }));
const isPersistent = ({ connection }: RequestRecord) => connection === "persistent";

const expected: Record<string, { fate: Fate; status?: number; error?: string }> = {
  ok: { fate: "answered", status: 200 },
  degraded: { fate: "degraded", status: 200 },
  head: { fate: "answered", status: 200 },
  "no-content": { fate: "answered", status: 204 },
  chunked: { fate: "answered", status: 200 },
  slow: { fate: "answered", status: 200 },
  close: { fate: "answered", status: 200 },
  missing: { fate: "status", status: 404 },
  unavailable: { fate: "status", status: 503 },
  shed: { fate: "shed", status: 503 },
  hang: { fate: "timeout" },
  "hang-in-body": { fate: "timeout", status: 200 },
  reset: { fate: "reset", error: "ECONNRESET" },
  "hang-up": { fate: "reset", error: "ECONNRESET" },
  cut: { fate: "incomplete", status: 200, error: "CUT_SHORT" },
  "cut-chunked": { fate: "incomplete", status: 200, error: "CUT_SHORT" },
  "cut-by-reset": { fate: "incomplete", status: 200, error: "ECONNRESET" },
  "no-length": { fate: "incomplete", status: 200, error: "LENGTH_UNKNOWN" },
  "no-http": { fate: "incomplete", error: "HPE_INVALID_CONSTANT" },
};

test.concurrent("every way to answer or to fail gets its fate, on either connection kind", async (context) => {
  expect(Object.keys(expected).map((name) => `/${name}`)).toEqual(Object.keys(answers));
  const { url } = await target(context, {
    answer: (request, response) => answers[request.url ?? ""]?.(request, response),
  });
  const names = Object.keys(expected);
  const requests = kinds(names);
  for (const kind of requests) {
    if (kind.name === "head") kind.method = "HEAD";
    if (kind.name === "no-content") kind.expectStatus = 204;
  }
  const ledger = await load({
    url,
    requests,
    ratePerSecond: 100,
    durationMs: names.length * 40,
    timeoutMs: 700,
    persistentSockets: 20,
  });

  expect(ledger.problems).toEqual([]);
  const fates = (connection: string) =>
    Object.fromEntries(
      names.map((name) => {
        const records = ledger.requests.filter(
          (request) => request.connection === connection && request.request === name,
        );
        const outcomes = new Set(records.map(({ fate, status, error }) => JSON.stringify({ fate, status, error })));
        return [name, [...outcomes].map((outcome) => JSON.parse(outcome))];
      }),
    );
  const each = Object.fromEntries(Object.entries(expected).map(([name, outcome]) => [name, [outcome]]));
  expect(fates("new")).toEqual(each);
  expect(fates("persistent")).toEqual(each);
  const hung = ledger.requests.filter(({ fate }) => fate === "timeout");
  for (const { scheduledMs, endMs } of hung) {
    // Node's timers may be early by one of their milliseconds.
    expect(endMs - scheduledMs).toBeGreaterThanOrEqual(698);
    expect(endMs - scheduledMs).toBeLessThan(1_000);
  }
});

test.concurrent("a target that is down refuses the new connections and keeps the persistent requests waiting", async () => {
  const placeholder = createServer().listen(0, "127.0.0.1");
  await once(placeholder, "listening");
  const { port } = placeholder.address() as { port: number };
  await new Promise((resolve) => placeholder.close(resolve));
  const ledger = await load({ url: `http://127.0.0.1:${port}`, ratePerSecond: 40, durationMs: 500, timeoutMs: 400 });

  expect(ledger.problems).toEqual([]);
  expect(ledger.requests).toHaveLength(20);
  for (const request of ledger.requests) {
    expect(request).toMatchObject(
      isPersistent(request)
        ? { fate: "unsent", error: "NO_IDLE_SOCKET", socket: -1, traceId: "" }
        : { fate: "refused", error: "ECONNREFUSED" },
    );
  }
  expect(ledger.sockets.length).toBeGreaterThan(8);
  expect(ledger.sockets.every(({ state, error }) => state === "failed" && error === "ECONNREFUSED")).toBe(true);
});

test.concurrent("a target that hangs does not slow the sender down", async (context) => {
  const { url } = await target(context, { answer: () => undefined });
  const ledger = await load({
    url,
    ratePerSecond: 200,
    durationMs: 1_000,
    timeoutMs: 600,
    newShare: 1,
    persistentSockets: 0,
  });

  expect(ledger.requests).toHaveLength(200);
  const [first, last] = [ledger.requests[0], ledger.requests.at(-1)];
  expect((last?.scheduledMs ?? 0) - (first?.scheduledMs ?? 0)).toBeCloseTo(995, 1);
  expect((last?.sentMs ?? 0) - (first?.sentMs ?? 0)).toBeLessThan(1_200);
  expect(ledger.requests.every(({ fate }) => fate === "timeout")).toBe(true);
});

test.concurrent("latency counts from the scheduled time: who waits for an idle socket is late", async (context) => {
  const started = await target(context);
  const { url } = started;
  // Two sockets, each busy for 300 ms a request, can carry 6.7 a second.
  const ledger = await load({
    url,
    requests: kinds(["slow"]),
    ratePerSecond: 20,
    durationMs: 500,
    timeoutMs: 5_000,
    newShare: 0,
    persistentSockets: 2,
  });

  expect(ledger.requests.every(({ fate }) => fate === "answered")).toBe(true);
  const last = ledger.requests.at(-1) as RequestRecord;
  expect(last.waitedMs).toBeGreaterThan(800);
  expect(last.endMs - last.scheduledMs).toBeGreaterThan(1_100);
  expect(ledger.end?.scheduleLag.p50Ms).toBeLessThan(100);
  // Never a new one in its place.
  expect(started.connections).toBe(2);
});

test.concurrent("persistent sockets are used in turn, new connections once each", async (context) => {
  const started = await target(context);
  const ledger = await load({ url: started.url, ratePerSecond: 50, durationMs: 600 });

  const persistent = ledger.requests.filter(isPersistent);
  const idleSinceMs = new Map<number, number>();
  for (const { socket, sentMs, endMs } of persistent) {
    const idle = [...idleSinceMs].filter(([, sinceMs]) => sinceMs < sentMs);
    // Whoever had been idle longest was next, and those that were never used before all others.
    const longest = idle.toSorted(([, a], [, b]) => a - b)[0]?.[0];
    expect(socket).toBe(idleSinceMs.size < 4 ? idleSinceMs.size : longest);
    idleSinceMs.set(socket, endMs);
  }
  const fresh = ledger.requests.filter((request) => !isPersistent(request)).map(({ socket }) => socket);
  expect(new Set(fresh).size).toBe(15);
  expect(started.connections).toBe(4 + 15);
});

test.concurrent("an answer that closes its socket costs nothing: the socket is replaced in the background", async (context) => {
  const started = await target(context);
  const ledger = await load({
    url: started.url,
    requests: kinds(["close"]),
    ratePerSecond: 50,
    durationMs: 500,
    newShare: 0,
  });

  expect(ledger.requests.every(({ fate }) => fate === "answered")).toBe(true);
  expect(new Set(ledger.requests.map(({ socket }) => socket)).size).toBe(25);
  const closed = ledger.sockets.filter(({ state }) => state === "closed");
  // The last ones may be closed by the agent's own end, before the server's FIN has been read.
  expect(closed.length).toBeGreaterThanOrEqual(20);
  expect(closed.every(({ by }) => by === "server")).toBe(true);
});

test.concurrent("sockets that the server closes while they are idle are noticed and replaced", async (context) => {
  const started = await target(context);
  const run = startLoad(
    { url: started.url, requests: kinds(["ok"]), ratePerSecond: 20, newShare: 0, persistentSockets: 3 },
    { ledgerFile: join(dir, "idle.jsonl") },
  );
  await context.expect.poll(() => started.seen.length, soon).toBeGreaterThanOrEqual(6);
  started.server.closeIdleConnections();
  await context.expect.poll(() => started.connections, soon).toBeGreaterThanOrEqual(5);
  const answered = started.seen.length;
  await context.expect.poll(() => started.seen.length, soon).toBeGreaterThanOrEqual(answered + 3);
  const { sockets } = await run.stop();
  expect(sockets.filter(({ state, by }) => state === "closed" && by === "server").length).toBeGreaterThanOrEqual(2);
});

test.concurrent("a socket on which a request timed out is closed by the agent and replaced", async (context) => {
  const { url } = await target(context, { answer: () => undefined });
  const ledger = await load({
    url,
    ratePerSecond: 20,
    durationMs: 300,
    timeoutMs: 200,
    newShare: 0,
    persistentSockets: 2,
  });

  expect(ledger.requests.some(({ fate }) => fate === "timeout")).toBe(true);
  const closed = ledger.sockets.filter(({ state }) => state === "closed");
  expect(closed.length).toBeGreaterThan(0);
  expect(closed.every(({ by }) => by === "agent")).toBe(true);
});

test.concurrent("each request carries a traceparent that the ledger knows, and what the plan says", async (context) => {
  const started = await target(context, { servedBy: "r7", answer: (_, response) => response.end("ok") });
  const order = {
    name: "order",
    method: "POST",
    path: "/base/orders?n={i}",
    headers: { "idempotency-key": "key-{i}" },
    body: '{"n":{i}}',
    weight: 1,
  };
  const ledger = await load({
    url: `${started.url}/base/`,
    requests: [{ ...order, path: "/orders?n={i}" }],
    ratePerSecond: 50,
    durationMs: 400,
    sampledShare: 0.5,
  });

  expect(ledger.requests).toHaveLength(20);
  for (const { i, traceId, sampled, servedBy, connection } of ledger.requests) {
    const request = started.seen.find(({ url }) => url === `/base/orders?n=${i}`);
    expect(request?.headers).toMatchObject({
      traceparent: expect.stringMatching(new RegExp(`^00-${traceId}-[0-9a-f]{16}-${sampled ? "01" : "00"}$`)),
      "idempotency-key": `key-${i}`,
      "content-length": String(`{"n":${i}}`.length),
      connection: connection === "new" ? "close" : "keep-alive",
      host: new URL(started.url).host,
    });
    expect(request?.method).toBe("POST");
    expect(servedBy).toBe("r7");
  }
  expect(new Set(ledger.requests.map(({ traceId }) => traceId)).size).toBe(20);
  expect(ledger.requests.filter(({ sampled }) => sampled)).toHaveLength(10);
});

function spawnAgent(context: TestContext, stdin: string) {
  const agent = spawn(process.execPath, [fileURLToPath(new URL("./agent.ts", import.meta.url))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  context.onTestFinished(() => void agent.kill("SIGKILL"));
  agent.stdin.write(stdin);
  const lines = text(agent.stdout).then(
    (out) =>
      out
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)) as LedgerLine[],
  );
  const exit = once(agent, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  return { agent, lines, exit };
}

const small = (url: string): LoadPlan => ({ url, ratePerSecond: 50, persistentSockets: 2, requests: kinds(["slow"]) });

test.concurrent.for(["eof", "signal", "stop"] as const)(
  "run by hand, it is stopped by %s, and finishes what is under way",
  async (how, context) => {
    const started = await target(context);
    const { agent, lines, exit } = spawnAgent(context, `${JSON.stringify(small(started.url))}\n`);
    await context.expect.poll(() => started.seen.length, soon).toBeGreaterThan(3);
    if (how === "eof") agent.stdin.end();
    if (how === "signal") agent.kill("SIGTERM");
    if (how === "stop") agent.stdin.write('{"stop":true}\n');

    expect(await exit).toEqual([0, null]);
    const end = (await lines).at(-1);
    expect(end).toMatchObject({ type: "end", stoppedBy: how, byFate: { answered: started.seen.length } });
  },
);

test.concurrent.for<[string, string]>([
  ["hello\n", "The load plan cannot be run: the first line on stdin is not JSON."],
  ["{}\n", "The load plan cannot be run: url must be a URL"],
  [
    `${JSON.stringify({ ...small("http://nowhere.invalid") })}\n`,
    'The target\'s name "nowhere.invalid" could not be resolved',
  ],
])("run by hand with %j, it says what is wrong and exits 1", async ([stdin, sentence], context) => {
  const { lines, exit } = spawnAgent(context, stdin);
  expect((await exit)[0]).toBe(1);
  expect((await lines).at(-1)).toMatchObject({ type: "error", sentence: expect.stringContaining(sentence) });
});

test.concurrent("when nobody reads any more, it ends", async (context) => {
  const { url } = await target(context);
  const { agent, lines, exit } = spawnAgent(context, `${JSON.stringify(small(url))}\n`);
  await once(agent.stdout, "data");
  agent.stdout.destroy();
  await expect(lines).rejects.toThrow("Premature close");
  expect((await exit)[0]).toBe(1);
});
