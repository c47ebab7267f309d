import express, { Router } from "express";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { startTelemetry } from "./telemetry.ts";
import { parseTraceparent } from "./trace-context.ts";
import type { Telemetry, TelemetryOptions } from "./types.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Started {
  telemetry: Telemetry;
  lines: () => Promise<Record<string, unknown>[]>;
}

function start(opts: Partial<TelemetryOptions> = {}): Started {
  let text = "";
  const destination = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const telemetry = startTelemetry({
    serviceName: "catalogue",
    serviceVersion: "1.2.3",
    instanceId: "catalogue-1",
    destination,
    ...opts,
    metrics: [],
  });
  stops.push(() => telemetry.close());
  async function lines(): Promise<Record<string, unknown>[]> {
    await telemetry.close();
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  return { telemetry, lines };
}

async function serve({ telemetry }: Started, app: express.Express): Promise<string> {
  const server = createServer(telemetry.observe(app));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function render({ telemetry }: Started, accept?: string): Promise<string> {
  return (await telemetry.render({ headers: accept === undefined ? {} : { accept } })).body;
}

/** The access lines are written when the responses are closed, which their clients may see first. */
async function requestsDone(started: Started): Promise<void> {
  await expect.poll(() => render(started), { interval: 5 }).toContain("\nhttp_server_active_requests 0\n");
}

test("the process's own metrics are there, plausible, and asked for at each scrape", async () => {
  let utilization = 0.25;
  const started = start({ eventLoopUtilization: () => utilization });
  const value = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (.+)$`, "m").exec(await render(started))?.[1]);
  expect(await value("nodejs_eventloop_utilization")).toBe(0.25);
  utilization = 0.75;
  expect(await value("nodejs_eventloop_utilization")).toBe(0.75);
  expect(await value("process_start_time_seconds")).toBeCloseTo(performance.timeOrigin / 1000, 1);
  expect(await value("process_resident_memory_bytes")).toBeGreaterThan(await value("nodejs_heap_size_used_bytes"));
  expect(await value("nodejs_heap_size_total_bytes")).toBeGreaterThan(1_000_000);
  const { user, system } = process.cpuUsage();
  const cpuSeconds = await value("process_cpu_seconds_total");
  expect(cpuSeconds).toBeGreaterThanOrEqual((user + system) / 1e6);
  expect(cpuSeconds).toBeLessThan((user + system) / 1e6 + 10);
});

test("target_info says what is scraped", async () => {
  expect(await render(start())).toContain(
    'target_info{service_name="catalogue",service_version="1.2.3",service_instance_id="catalogue-1"} 1\n',
  );
});

test("the upstreams that are named have their series at 0", async () => {
  const text = await render(start({ upstreams: ["stock"] }));
  expect(text).toContain('http_client_attempts_total{upstream="stock",outcome="timeout"} 0\n');
  expect(text).toContain('circuit_breaker_state{upstream="stock",state="open"} 0\n');
});

test("a request: one access line by OpenTelemetry's names, in the trace of its caller, and one observation", async () => {
  const started = start({ traces: { samplingRatio: 0 } });
  const { telemetry } = started;
  const app = express();
  const orders = Router();
  orders.get("/:id", (_req, res) => {
    telemetry.log.info("inside");
    res.json(telemetry.current());
  });
  app.use("/orders", orders);
  const url = await serve(started, app);
  const response = await fetch(`${url}/orders/7?secret=1`, {
    headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, "user-agent": "x".repeat(1000) },
  });
  const current = (await response.json()) as { traceId: string; spanId: string; sampled: boolean };
  expect(current).toEqual({ traceId: TRACE_ID, spanId: expect.stringMatching(/^[\da-f]{16}$/), sampled: true });
  expect(current.spanId).not.toBe(SPAN_ID);
  await requestsDone(started);
  const text = await render(started);
  expect(text).toContain(
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/orders/:id",http_response_status_code="200"} 1\n',
  );
  const ids = { trace_id: TRACE_ID, span_id: current.spanId, trace_flags: "01" };
  const lines = await started.lines();
  expect(lines.map(({ msg, seq }) => [msg, seq])).toEqual([
    ["inside", 1],
    ["request", 2],
    ["telemetry.end", 3],
  ]);
  expect(lines[0]).toMatchObject(ids);
  expect(lines[1]).toEqual({
    level: "info",
    time: expect.any(String),
    seq: 2,
    msg: "request",
    ...ids,
    "service.name": "catalogue",
    "service.version": "1.2.3",
    "service.instance.id": "catalogue-1",
    "process.creation.time": expect.any(String),
    "http.request.method": "GET",
    "http.route": "/orders/:id",
    "http.response.status_code": 200,
    "http.server.request.duration_ms": expect.any(Number),
    "url.path": "/orders/7",
    "network.protocol.version": "1.1",
    "client.address": "127.0.0.1",
    "user_agent.original": "x".repeat(256),
  });
  expect(Number.isInteger(lines[1]?.["http.server.request.duration_ms"])).toBe(true);
});

test("outside of a request there are no ids, and headers are passed through as they are", () => {
  const { telemetry } = start();
  expect(telemetry.current()).toBeUndefined();
  const headers = { accept: "text/html" };
  expect(telemetry.propagate(headers)).toBe(headers);
});

test("hostile context headers are not passed on, good ones are, and the caller's headers stay", async () => {
  const started = start({ traces: { samplingRatio: 0 } });
  const app = express();
  app.get("/", (_req, res) => void res.json(started.telemetry.propagate({ accept: "text/html" })));
  const url = await serve(started, app);
  const ask = async (headers: Record<string, string>): Promise<Record<string, string>> =>
    (await (await fetch(url, { headers })).json()) as Record<string, string>;

  const good = { tracestate: "rojo=1,congo=2", baggage: "user=alice" };
  const passed = await ask({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, ...good });
  expect(passed).toEqual({
    accept: "text/html",
    traceparent: expect.stringMatching(`^00-${TRACE_ID}-(?!${SPAN_ID})[0-9a-f]{16}-01$`),
    ...good,
  });

  const hostile = await ask({
    traceparent: `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
    tracestate: "rojo=1",
    baggage: `user=${"a".repeat(9000)}`,
  });
  expect(Object.keys(hostile)).toEqual(["accept", "traceparent"]);
  const parent = parseTraceparent(hostile["traceparent"]);
  expect(parent?.sampled).toBe(false);
  expect(parent?.traceId).not.toBe(TRACE_ID);
});

test("a call upstream is measured by peer, method and status, and rethrows what it throws", async () => {
  const started = start();
  const call = { peer: "stock:8080", method: "GET", route: "/api/stock/:id" };
  expect(await started.telemetry.clientCall(call, async () => ({ status: 200, value: "in stock" }))).toBe("in stock");
  const error = new Error("gone");
  await expect(started.telemetry.clientCall(call, () => Promise.reject(error))).rejects.toBe(error);
  const text = await render(started);
  const count = (status: string): string =>
    `http_client_request_duration_seconds_count{server_address="stock:8080",http_request_method="GET",http_response_status_code="${status}"} 1\n`;
  expect(text).toContain(count("200"));
  expect(text).toContain(count("_NONE"));
});

test("a call upstream inside of a request gets the request's context", async () => {
  const started = start();
  const app = express();
  app.get("/", async (_req, res) => {
    const call = { peer: "stock", method: "GET", route: "/" };
    res.json(await started.telemetry.clientCall(call, async (headers) => ({ status: 200, value: headers })));
  });
  const url = await serve(started, app);
  const response = await fetch(url, { headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` } });
  const headers = (await response.json()) as Record<string, string>;
  expect(parseTraceparent(headers["traceparent"])).toMatchObject({ traceId: TRACE_ID, sampled: false });
});

test("the access line says how many attempts at upstreams its request made, and how many had no answer", async () => {
  const started = start();
  const app = express();
  async function attempt(statuses: string): Promise<void> {
    for (const status of statuses.split(",")) {
      const call = { peer: "stock", method: "GET", route: "/" };
      const answer = async () => {
        if (status === "none") throw new Error("timed out");
        return { status: Number(status), value: undefined };
      };
      await started.telemetry.clientCall(call, answer).catch(() => undefined);
    }
  }
  app.get("/:statuses", (req, res) => void attempt(req.params.statuses).then(() => res.end()));
  app.get("/", (_req, res) => void res.end());
  const url = await serve(started, app);
  for (const path of ["", "200", "503,200", "none,200", "none,none"]) await fetch(`${url}/${path}`);
  await requestsDone(started);
  // Outside of a request there is no line to say it on.
  await started.telemetry.clientCall({ peer: "stock", method: "GET", route: "/" }, async () => ({
    status: 200,
    value: 1,
  }));
  const access = (await started.lines()).filter(({ msg }) => msg === "request");
  expect(
    access.map((line) => [line["url.path"], line["http.client.attempts"], line["http.client.unanswered"]]),
  ).toEqual([
    ["/", undefined, undefined],
    ["/200", 1, undefined],
    ["/503,200", 2, undefined],
    ["/none,200", 2, 1],
    ["/none,none", 2, 2],
  ]);
});

test.for([["client.address"], ["url.path"], ["user_agent.original"], ['["client.address"]']])(
  "%s is redacted in the access line as in pino's lines",
  async ([path = ""]) => {
    const started = start({ redact: [path] });
    const name = path.replaceAll(/[[\]"]/g, "");
    const app = express();
    app.get("/secret", (_req, res) => {
      started.telemetry.log.info({ [name]: "secret" }, "pino");
      res.end();
    });
    const url = await serve(started, app);
    await fetch(`${url}/secret`);
    await requestsDone(started);
    const lines = await started.lines();
    expect(lines.filter(({ msg }) => msg !== "telemetry.end").map((line) => [line["msg"], line[name]])).toEqual([
      ["pino", "[redacted]"],
      ["request", "[redacted]"],
    ]);
  },
);

test("at level error a good request writes no line, a failed one does", async () => {
  const started = start({ logLevel: "error" });
  const app = express();
  app.get("/good", (_req, res) => void res.end());
  app.get("/bad", (_req, res) => void res.status(500).end());
  const url = await serve(started, app);
  await fetch(`${url}/good`);
  await fetch(`${url}/bad`);
  await requestsDone(started);
  const lines = await started.lines();
  expect(lines.map((line) => [line["msg"], line["http.route"], line["error.type"]])).toEqual([
    ["request", "/bad", "500"],
    ["telemetry.end", undefined, undefined],
  ]);
});

test("the routes of an observed app have their error series before the first request", async () => {
  const started = start();
  const app = express();
  app.get("/quiet", (_req, res) => void res.end());
  started.telemetry.observe(app);
  expect(await render(started)).toContain(
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/quiet",http_response_status_code="500"} 0\n',
  );
});

test("without an endpoint no exemplar points to a trace that nobody can find", async () => {
  const started = start({ traces: { samplingRatio: 1 } });
  const app = express();
  app.get("/", (_req, res) => void res.end());
  const url = await serve(started, app);
  await fetch(url);
  await requestsDone(started);
  expect(await render(started, "application/openmetrics-text")).not.toContain(" # {");
});

test.for([
  [{ samplingRatio: 1.5 }, "1.5"],
  [{ samplingRatio: -0.1 }, "-0.1"],
  [{ samplingRatio: Number.NaN }, "NaN"],
  [{ endpoint: "collector" }, "collector"],
  [{ endpoint: "grpc://collector:4317" }, "grpc://collector:4317"],
] as const)("traces %o are refused with a sentence that names the value", ([traces, value]) => {
  expect(() => start({ traces })).toThrow(
    expect.objectContaining({ code: "TRACES_OPTION_INVALID", message: expect.stringContaining(value) }),
  );
});
