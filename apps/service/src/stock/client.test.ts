import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { startDeadline } from "@holdfast/resilience";
import type { Telemetry } from "@holdfast/telemetry";
import { afterEach, expect, test } from "vitest";

import { createStockClient, type StockClient, type StockClientOptions, type StockClientParts } from "./client.ts";

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const level = JSON.stringify({ productId: "oak-chair", available: 7 });

async function upstream(answer: RequestListener, configure?: (server: Server) => void): Promise<string> {
  const server = createServer(answer);
  configure?.(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Calls without spans. */
const untraced = observedCalls([]);

/** Calls whose statuses are noted, as a span and a metric of them would have it. */
function observedCalls(statuses: number[]): Pick<Telemetry, "clientCall"> {
  return {
    async clientCall(_call, request) {
      const { status, value } = await request({ traceparent: "00-1-2-01" });
      statuses.push(status);
      return value;
    },
  };
}

function client(url: string, opts: Partial<StockClientOptions & StockClientParts> = {}): StockClient {
  const { telemetry = untraced, lifecycle = { setUnready: () => undefined }, faults, ...rest } = opts;
  const made = createStockClient(
    {
      url,
      attemptTimeoutMs: 200,
      maxAttempts: 1,
      retryBudget: 1,
      breakerFailures: 100,
      breakerOpenMs: 100,
      staleMs: 60_000,
      connections: 4,
      idleMs: 1_000,
      hardAfterFailures: 0,
      ...rest,
    },
    { telemetry, lifecycle, faults },
  );
  cleanups.push(() => made.close());
  return made;
}

function ask(stock: StockClient, withinMs = 2_000) {
  return stock.stockOf("oak-chair", { deadline: startDeadline(withinMs), signal: new AbortController().signal });
}

test("a level is asked for with the deadline and the trace, and given as current", async () => {
  const asked: IncomingMessage[] = [];
  const url = await upstream((req, res) => {
    asked.push(req);
    res.end(level);
  });
  expect(await ask(client(`${url}/base`), 150)).toEqual({ state: "current", available: 7 });
  expect(asked[0]?.url).toBe("/base/api/stock/oak-chair");
  expect(asked[0]?.headers["traceparent"]).toBe("00-1-2-01");
  expect(Number(asked[0]?.headers["x-request-deadline-ms"])).toBeGreaterThan(0);
  expect(Number(asked[0]?.headers["x-request-deadline-ms"])).toBeLessThanOrEqual(150);
});

test("when the upstream fails, the last known level is given with its age; without one it is unknown", async () => {
  let up = true;
  const url = await upstream((_req, res) => (up ? res.end(level) : res.writeHead(500).end()));
  const stock = client(url);
  expect(await ask(stock)).toEqual({ state: "current", available: 7 });
  up = false;
  expect(await ask(stock)).toEqual({ state: "stale", available: 7, ageSeconds: 0 });
  expect(await ask(client(url))).toEqual({ state: "unknown" });
});

test("a level that is too old is unknown: wrong would be worse", async () => {
  let up = true;
  const url = await upstream((_req, res) => (up ? res.end(level) : res.writeHead(500).end()));
  const stock = client(url, { staleMs: 0 });
  await ask(stock);
  up = false;
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect(await ask(stock)).toEqual({ state: "unknown" });
});

test.each<[string, RequestListener]>([
  ["hangs", () => undefined],
  ["resets", (req) => req.socket.resetAndDestroy()],
  ["answers 503", (_req, res) => void res.writeHead(503).end()],
  ["answers 429", (_req, res) => void res.writeHead(429, { "retry-after": "1" }).end()],
  ["answers 404", (_req, res) => void res.writeHead(404).end()],
  ["answers no JSON", (_req, res) => void res.end("<html>")],
  ["answers another shape", (_req, res) => void res.end('{"available":"many"}')],
  ["answers without end", (_req, res) => void res.end("x".repeat(100_000))],
  ["stops in the middle", (_req, res) => void res.writeHead(200, { "content-length": "60" }).write('{"productId":')],
])("an upstream that %s makes stock unknown, in time", async (_name, answer) => {
  const startedMs = performance.now();
  expect(await ask(client(await upstream(answer)))).toEqual({ state: "unknown" });
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});

test("an upstream that is not there makes stock unknown", async () => {
  expect(await ask(client("http://127.0.0.1:1"))).toEqual({ state: "unknown" });
});

test("a 404 is an answer: it opens no breaker and is not asked twice", async () => {
  let asked = 0;
  const url = await upstream((_req, res) => {
    asked += 1;
    res.writeHead(404).end();
  });
  const stock = client(url, { breakerFailures: 1, maxAttempts: 3 });
  await ask(stock);
  await ask(stock);
  expect([asked, stock.upstream.state]).toEqual([2, "closed"]);
});

test("the breaker opens after failures in a row, asks nobody while open, and closes when the upstream is back", async () => {
  let up = false;
  let asked = 0;
  const url = await upstream((_req, res) => {
    asked += 1;
    if (up) res.end(level);
    else res.writeHead(500).end();
  });
  const stock = client(url, { breakerFailures: 3, breakerOpenMs: 100 });
  for (let call = 0; call < 10; call += 1) await ask(stock);
  expect([asked, stock.upstream.state]).toEqual([3, "open"]);
  up = true;
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(await ask(stock)).toEqual({ state: "current", available: 7 });
  expect(stock.upstream.state).toBe("closed");
});

test("a failed attempt is made again, within the budget", async () => {
  let asked = 0;
  const url = await upstream((_req, res) => {
    asked += 1;
    if (asked === 1) res.writeHead(503).end();
    else res.end(level);
  });
  expect(await ask(client(url, { maxAttempts: 2 }))).toEqual({ state: "current", available: 7 });
  expect(asked).toBe(2);
});

test("an answer that is none to work with is measured as an answer, by its status", async () => {
  const answers: [status: number, body: string][] = [
    [503, ""],
    [404, ""],
    [200, "<html>"],
  ];
  const statuses: number[] = [];
  const url = await upstream((_req, res) => {
    const [status, body] = answers.shift() ?? [200, level];
    res.writeHead(status).end(body);
  });
  const stock = client(url, { telemetry: observedCalls(statuses) });
  for (let call = 0; call < 4; call += 1) await ask(stock);
  expect(statuses).toEqual([503, 404, 200, 200]);
});

test("a caller that leaves is not waited for", async () => {
  const url = await upstream(() => undefined);
  const gone = new AbortController();
  const call = client(url).stockOf("oak-chair", { deadline: startDeadline(5_000), signal: gone.signal });
  gone.abort();
  await expect(call).rejects.toMatchObject({ code: "CALL_ABORTED" });
});

/** Who closes an idle socket first: the client, as `idleMs` below the upstream's keep-alive makes sure, or the upstream. */
async function whoClosesFirst(idleMs: number): Promise<"client" | "upstream"> {
  let opened: Socket | undefined;
  const url = await upstream(
    // With this header set Node adds no Keep-Alive, which would tell the client; a proxy between the two drops it as well.
    (_req, res) => void res.setHeader("Connection", "keep-alive").end(level),
    (server) => {
      Object.assign(server, { keepAliveTimeout: 200, keepAliveTimeoutBuffer: 0 });
      server.on("connection", (socket) => (opened = socket));
    },
  );
  const stock = client(url, { idleMs });
  await ask(stock);
  const socket = opened as unknown as Socket;
  let ended = false;
  socket.once("end", () => (ended = true));
  await once(socket, "close");
  return ended ? "client" : "upstream";
}

test("an idle socket is closed by the client before the upstream does it", async () => {
  expect(await whoClosesFirst(50)).toBe("client");
});

test("control: with a longer idle time the upstream closes first, and a request may meet that close", async () => {
  expect(await whoClosesFirst(5_000)).toBe("upstream");
});
