/** Several requests on one socket: each keeps its own context, and each ends once, whatever becomes of the socket. */
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { expect, onTestFinished, test, vi } from "vitest";
import { startTelemetry } from "./index.ts";
import { connectRaw, countResponses, requestText, startObserved } from "./observed-server.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

const TRACES = { a: "a".repeat(32), b: "b".repeat(32), c: "c".repeat(32) } as const;
const PATHS = ["/a", "/b", "/c"] as const;
const traceOf = (path: string): string => TRACES[path.slice(1, 2) as keyof typeof TRACES];

function pipelined(method = "GET", body = ""): string {
  return PATHS.map((path) =>
    requestText(
      `${method} ${path}`,
      { traceparent: `00-${traceOf(path)}-1234567812345678-01`, "content-type": "application/json" },
      body,
    ),
  ).join("");
}

test("pipelined requests that wait at the same time keep their own context and are answered in order", async () => {
  const gates = new EventEmitter();
  const begun: string[] = [];
  const seen: Record<string, (string | undefined)[]> = {};
  const server = await startObserved((telemetry) => async (req, res) => {
    const path = req.url ?? "";
    seen[path] = [telemetry.current()?.traceId];
    telemetry.log.info({ path }, "begin");
    begun.push(path);
    if (begun.length === PATHS.length) gates.emit("all begun");
    await once(gates, path);
    seen[path].push(telemetry.current()?.traceId);
    telemetry.log.info({ path }, "end");
    res.end(path);
  });
  const client = await connectRaw(server.port);
  client.socket.write(pipelined());
  await once(gates, "all begun");
  expect(await server.metric("http_server_active_requests")).toBe(3);
  for (const path of ["/c", "/b", "/a"]) gates.emit(path);
  await client.until((received) => received.endsWith("/c"));
  expect(client.received.match(/^\/[abc]/gm)?.join("") ?? "").toBe("/a/b/c");
  await server.untilLog(() => server.access().length === 3);

  for (const path of PATHS) {
    expect(seen[path]).toEqual([traceOf(path), traceOf(path)]);
    const own = server.lines.filter((line) => line["path"] === path || line["url.path"] === path);
    expect(own.map((line) => line.msg)).toEqual(["begin", "end", "request"]);
    expect(new Set(own.map((line) => line.trace_id))).toEqual(new Set([traceOf(path)]));
    expect(new Set(own.map((line) => line.span_id)).size).toBe(1);
  }
  expect(server.access().map((line) => line["http.response.status_code"])).toEqual([200, 200, 200]);
  expect(await server.metric("http_server_active_requests")).toBe(0);
  expect(await server.metric("http_server_aborted_requests_total")).toBe(0);
});

test("behind Express' body parser, too, each pipelined request logs under its own trace", async () => {
  const server = await startObserved((telemetry) => {
    const app = express();
    app.use(express.json());
    app.post("/:name", (req, res) => {
      telemetry.log.info({ path: req.path }, "parsed");
      res.json({ trace: telemetry.current()?.traceId });
    });
    return app;
  });
  const client = await connectRaw(server.port);
  client.socket.write(pipelined("POST", '{"x":1}'));
  await server.untilLog(() => server.access().length === 3);
  const parsed = server.lines.filter((line) => line.msg === "parsed");
  expect(parsed.map((line) => [line["path"], line.trace_id])).toEqual(PATHS.map((path) => [path, traceOf(path)]));
  await client.until((received) => countResponses(received) === 3 && received.includes(TRACES.c));
  const order = [...client.received.matchAll(/"trace":"(.)/g)].map(([, letter]) => letter);
  expect(order).toEqual(["a", "b", "c"]);
});

test("body events of a pipelined request never run under another request's trace", async () => {
  const foreign: string[] = [];
  let ended = 0;
  const server = await startObserved((telemetry) => (req, res) => {
    const own = traceOf(req.url ?? "");
    function compare(event: string): void {
      // Node emits these events outside of the handler's context: none is right, another request's is not.
      const seen = telemetry.current()?.traceId;
      if (seen !== undefined && seen !== own) foreign.push(`${event} of ${req.url}: ${seen}`);
    }
    req.on("data", () => compare("data"));
    req.on("end", () => {
      compare("end");
      ended += 1;
      res.end();
    });
  });
  const client = await connectRaw(server.port);
  client.socket.write(pipelined("POST", '{"x":1}'));
  await server.untilLog(() => server.access().length === 3);
  expect(ended).toBe(3);
  expect(foreign).toEqual([]);
});

// What decides between AsyncLocalStorage's run and its enterWith: the latter leaves a request's context behind for
// whatever runs next in the same turn, which on a pipelined socket is the next request's way in.
test("around the observer no request is the current one, neither the last nor the next of a pipelined socket", async () => {
  const around: unknown[] = [];
  const inside: (string | undefined)[] = [];
  const telemetry = startTelemetry({
    serviceName: "test",
    serviceVersion: "0",
    instanceId: "test-1",
    logLevel: "silent",
  });
  const observed = telemetry.observe((req, res) => {
    inside.push(telemetry.current()?.traceId);
    res.end(req.url);
  });
  const server = createServer((req, res) => {
    around.push(telemetry.current());
    observed(req, res);
    around.push(telemetry.current());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await telemetry.close();
  });
  const client = await connectRaw((server.address() as AddressInfo).port);
  client.socket.write(pipelined());
  await client.until((received) => received.endsWith("/c"));
  expect(inside).toEqual(PATHS.map(traceOf));
  expect(around).toEqual(Array.from({ length: 2 * PATHS.length }));
});

test("after a request has ended, the same socket's idle time belongs to no request", async () => {
  const server = await startObserved((telemetry) => (_req, res) => {
    res.end(telemetry.current()?.traceId);
  });
  const client = await connectRaw(server.port);
  client.socket.write(requestText("GET /one", { traceparent: `00-${TRACES.a}-1234567812345678-01` }));
  await client.until((received) => received.includes(TRACES.a));
  client.socket.write(requestText("GET /two"));
  await server.untilLog(() => server.access().length === 2);
  const [one, two] = server.access();
  expect(one?.trace_id).toBe(TRACES.a);
  expect(two?.trace_id).toMatch(/^[\da-f]{32}$/);
  expect(two?.trace_id).not.toBe(TRACES.a);
  expect(server.telemetry.current()).toBeUndefined();
});

interface Held {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Three pipelined requests: the first in mid-response, the second answered in full but not at its turn, the third held. */
async function abortThree(): Promise<{ server: Awaited<ReturnType<typeof startObserved>>; held: Held[] }> {
  const held: Held[] = [];
  const arrived = new EventEmitter();
  const server = await startObserved(() => (req, res) => {
    held.push({ req, res });
    if (req.url === "/a") res.writeHead(200).write("the first half");
    if (req.url === "/b") res.end("all of it");
    if (held.length === PATHS.length) arrived.emit("all");
  });
  const client = await connectRaw(server.port);
  client.socket.write(pipelined());
  if (held.length < PATHS.length) await once(arrived, "all");
  await client.until((received) => received.includes("the first half"));
  client.socket.destroy();
  await server.untilLog(() => server.access().length >= PATHS.length);
  return { server, held };
}

test("requests of a socket that is destroyed in mid-response are logged once each, as aborted", async () => {
  const { server, held } = await abortThree();
  // Handlers that answer too late must not end their requests again.
  for (const { res } of held) res.end("late");
  const next = await connectRaw(server.port);
  next.socket.write(requestText("GET /a"));
  await next.until((received) => received.includes("the first half"));
  next.socket.destroy();
  await server.untilLog(() => server.access().length >= 4);

  expect(server.access().map((line) => line["url.path"])).toEqual(["/a", "/b", "/c", "/a"]);
  for (const line of server.access()) expect(line).toMatchObject({ level: "warn", "error.type": "aborted" });
  expect(await server.metric("http_server_active_requests")).toBe(0);
  expect(await server.metric("http_server_aborted_requests_total")).toBe(4);
  const metrics = await server.metrics();
  expect(metrics).not.toMatch(/^http_server_request_duration_seconds.*status_code="200"/m);
  expect(metrics).toMatch(/^http_server_request_duration_seconds_count\{.*status_code="_ABORTED"\} 4$/m);
});

test("an aborted response that never reached the wire is logged without a status code", async () => {
  const { server } = await abortThree();
  const statusOf = Object.fromEntries(
    server.access().map((line) => [line["url.path"], line["http.response.status_code"]]),
  );
  expect(statusOf["/b"]).toBeUndefined();
  expect(statusOf["/c"]).toBeUndefined();
});

test("a client that leaves while it still sends its body is an aborted request, and no active one", async () => {
  const arrived = new EventEmitter();
  const server = await startObserved(() => (req) => {
    req.on("error", () => undefined);
    arrived.emit("request");
  });
  const client = await connectRaw(server.port);
  const request = once(arrived, "request");
  client.socket.write("POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\nhalf");
  await request;
  client.socket.destroy();
  await server.untilLog(() => server.access().length > 0);
  expect(server.access()[0]).toMatchObject({ level: "warn", "error.type": "aborted", "url.path": "/upload" });
  expect(server.access()[0]).not.toHaveProperty("http.response.status_code");
  expect(await server.metric("http_server_active_requests")).toBe(0);
});
