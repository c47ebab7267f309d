/** Spans as a real receiver gets them over OTLP/HTTP. */
import { EventEmitter, once } from "node:events";
import { Agent, createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  connectRaw,
  countResponses,
  requestText,
  startObserved,
  type ObservedServer,
} from "./observed-server.fixture.ts";
import { startOtlpSink } from "./otlp-sink.fixture.ts";
import { get, startService } from "./process.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALLER_ID = "b7ad6b7169203331";
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

const traceparent = (flags: "00" | "01"): Record<string, string> => ({
  traceparent: `00-${TRACE_ID}-${CALLER_ID}-${flags}`,
});

async function send(server: ObservedServer, path: string, headers: Record<string, string> = {}): Promise<void> {
  const client = await connectRaw(server.port);
  const logged = server.access().length;
  client.socket.write(requestText(`GET ${path}`, headers));
  await client.until((received) => countResponses(received) > 0);
  await server.untilLog(() => server.access().length > logged);
}

test("a sampled request's span has the client's span as its parent, and is the parent of its call upstream", async () => {
  const sink = await startOtlpSink();
  const upstreamHeaders: IncomingHttpHeaders[] = [];
  const upstream = createServer((req, res) => {
    upstreamHeaders.push(req.headers);
    res.end("7");
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  onTestFinished(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port } = upstream.address() as AddressInfo;
  const server = await startObserved(
    (telemetry) => async (_req, res) => {
      telemetry.log.info("in the handler");
      const opts = { peer: `127.0.0.1:${port}`, method: "GET", route: "/stock/:id" };
      res.end(
        await telemetry.clientCall(opts, async function askStock(headers) {
          const answer = await fetch(`http://127.0.0.1:${port}/stock/1`, { headers });
          return { status: answer.status, value: await answer.text() };
        }),
      );
    },
    {
      telemetry: {
        traces: { endpoint: sink.url, samplingRatio: 0, headers: { "x-api-key": "k" } },
        resourceAttributes: { "deployment.environment.name": "test" },
      },
      observe: { route: () => "/products/:id" },
    },
  );
  await send(server, "/products/1?q=secret", { ...traceparent("01"), tracestate: "vendor=1", baggage: "k=v" });
  await server.close();

  expect(sink.exports.map(({ path }) => path)).toEqual(["/v1/traces"]);
  expect(sink.exports[0]?.headers).toMatchObject({ "x-api-key": "k", "content-type": "application/x-protobuf" });
  expect(sink.spans).toHaveLength(2);
  const request = sink.spans.find((span) => span.kind === SERVER);
  const call = sink.spans.find((span) => span.kind === CLIENT);
  expect(request).toMatchObject({
    traceId: TRACE_ID,
    parentSpanId: CALLER_ID,
    traceState: "vendor=1",
    name: "GET /products/:id",
    statusCode: 0,
  });
  expect(request?.attributes).toMatchObject({
    "http.request.method": "GET",
    "http.route": "/products/:id",
    "http.response.status_code": 200,
    "url.path": "/products/1",
  });
  expect(request?.resource).toMatchObject({
    "service.name": "test",
    "service.version": "0",
    "service.instance.id": "test-1",
    "deployment.environment.name": "test",
  });
  expect(call).toMatchObject({ traceId: TRACE_ID, parentSpanId: request?.spanId, name: "GET /stock/:id" });
  expect(call?.attributes).toMatchObject({ "server.address": "127.0.0.1", "server.port": port });
  expect(upstreamHeaders).toMatchObject([
    { traceparent: `00-${TRACE_ID}-${call?.spanId}-01`, tracestate: "vendor=1", baggage: "k=v" },
  ]);
  // The call lies within the request, and both within this minute.
  expect(call?.startEpochMs).toBeGreaterThanOrEqual(request?.startEpochMs ?? Infinity);
  expect(call?.endEpochMs).toBeLessThanOrEqual(request?.endEpochMs ?? 0);
  expect(Math.abs(Date.now() - (request?.endEpochMs ?? 0))).toBeLessThan(60_000);
  // Lines of handler and observer lead to that very span.
  const ids = server.lines.filter((line) => line.trace_id !== undefined).map((line) => [line.trace_id, line.span_id]);
  expect(ids).toEqual([
    [TRACE_ID, request?.spanId],
    [TRACE_ID, request?.spanId],
  ]);
});

test("a request that was not sampled leaves a span when it fails or is aborted, and none else", async () => {
  const sink = await startOtlpSink();
  const outgoing: Record<string, string>[] = [];
  const begun = new EventEmitter();
  const server = await startObserved(
    (telemetry) => async (req, res) => {
      if (req.url === "/hangs") return void begun.emit("hangs");
      await telemetry.clientCall({ peer: "stock", method: "GET", route: "/" }, async (headers) => {
        outgoing.push(headers);
        return { status: 200, value: undefined };
      });
      res.writeHead(req.url === "/fails" ? 500 : req.url === "/missing" ? 404 : 200).end();
    },
    { telemetry: { traces: { endpoint: sink.url, samplingRatio: 1 } } },
  );
  for (const path of ["/fine", "/missing", "/fails"]) await send(server, path, traceparent("00"));
  const client = await connectRaw(server.port);
  const hanging = once(begun, "hangs");
  client.socket.write(requestText("GET /hangs", traceparent("00")));
  await hanging;
  client.socket.destroy();
  await server.untilLog(() => server.access().length === 4);
  await server.close();

  const access = Object.fromEntries(server.access().map((line) => [line["url.path"], line]));
  const failed = { traceId: TRACE_ID, parentSpanId: CALLER_ID, kind: SERVER, statusCode: ERROR };
  expect(sink.spans).toMatchObject([
    { ...failed, spanId: access["/fails"]?.span_id, attributes: { "error.type": "500" } },
    { ...failed, spanId: access["/hangs"]?.span_id, attributes: { "error.type": "aborted" } },
  ]);
  // Without a span of its own, the request itself is the callee's parent, and the caller's decision goes on.
  expect(outgoing[0]).toEqual({ traceparent: `00-${TRACE_ID}-${access["/fine"]?.span_id}-00` });
});

const REQUESTS = 40;

test.each([
  [1, REQUESTS],
  [0, 0],
])("of new traces the share %d is exported, under the ids of their log lines", async (samplingRatio, expected) => {
  const sink = await startOtlpSink();
  const server = await startObserved(() => (_req, res) => void res.end(), {
    telemetry: { traces: { endpoint: sink.url, samplingRatio } },
  });
  const client = await connectRaw(server.port);
  client.socket.write(requestText("GET /").repeat(REQUESTS));
  await server.untilLog(() => server.access().length === REQUESTS);
  await server.close();
  expect(sink.spans).toHaveLength(expected);
  expect(sink.spans.filter((span) => span.parentSpanId !== "")).toEqual([]);
  const logged = new Set(server.access().map((line) => line.span_id));
  expect(new Set(sink.spans.map((span) => span.spanId)).size).toBe(expected);
  expect(sink.spans.filter((span) => !logged.has(span.spanId))).toEqual([]);
});

/** Median ms of a request, one after the other on one connection. */
async function medianMs(server: ObservedServer): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const times: number[] = [];
  for (let request = 0; request < 200; request += 1) {
    const startMs = performance.now();
    expect(await get(server.port, "/", agent)).toBe("ok");
    times.push(performance.now() - startMs);
  }
  return times.sort((one, other) => one - other)[times.length / 2] ?? 0;
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("an endpoint that is away costs its spans, not the requests and not the end", async () => {
  const answer = () => (_req: unknown, res: { end: (body: string) => void }) => res.end("ok");
  const sink = await startOtlpSink();
  const healthy = await startObserved(answer, { telemetry: { traces: { endpoint: sink.url, samplingRatio: 1 } } });
  const healthyMs = await medianMs(healthy);
  await healthy.close();
  const endpoint = `http://127.0.0.1:${await closedPort()}`;
  const server = await startObserved(answer, { telemetry: { traces: { endpoint, samplingRatio: 1 } } });
  // Loaded machines jitter; an export that a request waits for takes a second and more.
  expect(await medianMs(server)).toBeLessThan(3 * healthyMs + 5);
  const startMs = performance.now();
  await server.close();
  expect(performance.now() - startMs).toBeLessThan(4000);
  const said = server.lines.filter((line) => line.msg !== "request");
  expect(said.at(-1)).toMatchObject({ "event.name": "telemetry.end", last_seq: server.lines.length });
  expect(said.filter((line) => line.msg.includes(endpoint) && line.level === "warn")).toHaveLength(1);
  expect(server.access()).toHaveLength(200);
});

test("an endpoint that refuses spans is complained of once, counted, and its return said once", async () => {
  const sink = await startOtlpSink();
  sink.answerWith = 400;
  const server = await startObserved(() => (_req, res) => void res.end(), {
    // Each of four exports is waited for.
    telemetry: { traces: { endpoint: sink.url, samplingRatio: 1, exportDelayMs: 50 } },
  });
  const about = (level: string) => server.lines.filter((line) => line.level === level && line.msg.includes(sink.url));
  for (const path of ["/lost-1", "/lost-2"]) {
    const exported = sink.nextExport();
    await send(server, path);
    await exported;
  }
  await server.untilLog(() => about("warn").length > 0);
  sink.answerWith = 200;
  await send(server, "/kept-1");
  await server.untilLog(() => about("info").length > 0);
  await send(server, "/kept-2");
  expect(await server.metric("trace_spans_lost_total")).toBe(2);
  await server.close();
  expect(about("warn")).toHaveLength(1);
  expect(about("info")).toMatchObject([{ spans_lost: 2 }]);
  expect(sink.spans.map((span) => span.attributes["url.path"])).toEqual(["/kept-1", "/kept-2"]);
});

const SDK = /sdk-node|sdk-trace|exporter-trace|trace-sdk/;

test("without an endpoint nothing is sent anywhere and the SDK is not loaded, whatever the environment says", async () => {
  const sink = await startOtlpSink();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_EXPORTER: "otlp", OTEL_METRICS_EXPORTER: "otlp" };
  const service = await startService(env, "pipe");
  const { stdout } = service.child;
  if (stdout === null) throw new Error("The fixture has no stdout.");
  const log = text(stdout);
  await get(service.port, "/work/1");
  const { loaded, connects } = JSON.parse(await get(service.port, "/process")) as Record<string, string[]>;
  expect(await service.end("close")).toEqual([0, null]);
  expect(loaded?.filter((url) => SDK.test(url))).toEqual([]);
  expect(connects).toEqual([]);
  expect(sink.exports).toEqual([]);
  expect(await log).toContain('"trace_id"');
});

test("with an endpoint traces are sent there, and no other signal", async () => {
  const sink = await startOtlpSink();
  const service = await startService({ OTLP_ENDPOINT: sink.url, OTEL_METRICS_EXPORTER: "otlp" });
  await get(service.port, "/work/1");
  const { loaded } = JSON.parse(await get(service.port, "/process")) as Record<string, string[]>;
  expect(await service.end("close")).toEqual([0, null]);
  expect(loaded?.filter((url) => SDK.test(url))).not.toEqual([]);
  expect(new Set(sink.exports.map(({ path }) => path))).toEqual(new Set(["/v1/traces"]));
  expect(sink.spans.map((span) => span.attributes["url.path"])).toEqual(["/work/1", "/process"]);
});
