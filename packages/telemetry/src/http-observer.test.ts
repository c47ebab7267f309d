import express from "express";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createHttpObserver } from "./http-observer.ts";
import { createMetricStore, type MetricStore } from "./metrics.ts";
import type { EndedSpan, Traces } from "./traces.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface Observed {
  store: MetricStore;
  spans: EndedSpan[];
  /** Asks for a path and waits until the request is recorded. */
  ask(path: string, headers?: Record<string, string>): Promise<void>;
}

/** An observed app whose traces are exported into `spans`: no SDK, no endpoint. */
async function observed(samplingRatio: number, host = "127.0.0.1"): Promise<Observed> {
  const spans: EndedSpan[] = [];
  const traces: Traces = {
    exporting: true,
    samplingRatio,
    ready: Promise.resolve(),
    lostSpans: 0,
    record: (span) => void spans.push(span),
    close: async () => undefined,
  };
  const store = createMetricStore({ metrics: [], upstreams: [] });
  let ended = 0;
  const observer = createHttpObserver({
    log: {
      log: undefined as never,
      writes: () => {
        ended += 1;
        return false;
      },
      writeLine: () => expect.fail("the level is off"),
      lostLines: 0,
      end: () => undefined,
    },
    traces,
    redact: [],
    durations: store.histogramOf("http_server_request_duration_seconds"),
    onAborted: () => undefined,
    onRoutes: store.expectRoutes,
  });
  const app = express();
  app.get("/items/:id", (_req, res) => void res.end("ok"));
  app.get("/broken", (_req, res) => void res.status(500).end());
  const server = createServer(observer.observe(app));
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  async function ask(path: string, headers: Record<string, string> = {}): Promise<void> {
    const before = ended;
    await (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).arrayBuffer();
    await expect.poll(() => ended, { interval: 1 }).toBe(before + 1);
  }
  return { store, spans, ask };
}

async function exemplarsOf(store: MetricStore): Promise<string[]> {
  const { body } = await store.render("application/openmetrics-text");
  return body.split("\n").filter((line) => line.includes(" # {"));
}

test("a sampled request leaves an exemplar of its own span, in OpenMetrics alone", async () => {
  const { store, spans, ask } = await observed(0);
  await ask("/items/1", { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` });
  const [exemplar = "", ...more] = await exemplarsOf(store);
  expect(more).toEqual([]);
  expect(spans).toHaveLength(1);
  expect(exemplar).toContain(`# {trace_id="${TRACE_ID}",span_id="${spans[0]?.spanId}"} `);
  expect(exemplar).toContain('http_route="/items/:id"');
  const [, bound = "", value = "", time = ""] = /le="([^"]+)".* # \{.*\} (\S+) (\S+)$/.exec(exemplar) ?? [];
  expect(Number(value)).toBeLessThanOrEqual(bound === "+Inf" ? Infinity : Number(bound));
  expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(30);
  expect((await store.render(undefined)).body).not.toContain(" # {");
});

test("a request that is not sampled leaves no exemplar, also when it failed and got a span for that", async () => {
  const { store, spans, ask } = await observed(0);
  await ask("/items/1");
  await ask("/items/1", { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` });
  expect(spans).toEqual([]);
  await ask("/broken");
  expect(spans).toHaveLength(1);
  expect(await exemplarsOf(store)).toEqual([]);
});

test("the caller's decision wins over the ratio, both ways", async () => {
  const { spans, ask } = await observed(1);
  await ask("/items/1", { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` });
  expect(spans).toEqual([]);
  await ask("/items/1");
  expect(spans).toHaveLength(1);
});

test("a span has the caller as its parent, OpenTelemetry's attributes, and the route in its name", async () => {
  const { spans, ask } = await observed(0);
  await ask("/items/7?secret=1", { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, tracestate: "rojo=1" });
  const [span] = spans;
  expect(span).toMatchObject({
    name: "GET /items/:id",
    traceId: TRACE_ID,
    parent: { traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true, traceFlags: 1 },
    attributes: {
      "http.request.method": "GET",
      "http.route": "/items/:id",
      "http.response.status_code": 200,
      "url.path": "/items/7",
      "url.scheme": "http",
    },
  });
  expect(span?.parent?.traceState?.serialize()).toBe("rojo=1");
  expect(span?.endEpochMs).toBeGreaterThanOrEqual(span?.startEpochMs ?? Infinity);
  expect(JSON.stringify(span)).not.toContain("secret");
});

test("500 paths that no route matched are one series, and one name of a span", async () => {
  const { store, spans, ask } = await observed(1);
  for (let i = 0; i < 500; i += 1) await ask(`/odd-${i}`);
  const { body } = await store.render(undefined);
  const counts = body
    .split("\n")
    .filter((line) => line.startsWith("http_server_request_duration_seconds_count{") && !line.endsWith(" 0"));
  expect(counts).toEqual([
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="_UNMATCHED",http_response_status_code="404"} 500',
  ]);
  expect(new Set(spans.map(({ name }) => name))).toEqual(new Set(["GET"]));
});

test("a client that speaks IPv4 is named by its IPv4 address, on a socket that serves IPv6 too", async () => {
  const { spans, ask } = await observed(1, "::");
  await ask("/items/1");
  expect(spans[0]?.attributes["client.address"]).toBe("127.0.0.1");
});
