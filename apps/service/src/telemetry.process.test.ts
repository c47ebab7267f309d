/** What a process leaves behind for those who look for it: spans at a receiver, lines in files, and time to send them on. */
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, expect, test, vi } from "vitest";

import {
  fault,
  isEvent,
  isState,
  metric,
  spawnService,
  startService,
  type LogLine,
  type ServiceProcess,
} from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

const cleanUps: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const CLIENT = "00f067aa0ba902b7";
const SAMPLED = "4bf92f3577b34da6a3ce929d0e0e4736";
const UNSAMPLED = "0af7651916cd43dd8448eb211c80319c";

interface Span {
  readonly id: string;
  readonly parentId: string | undefined;
}

interface Sink {
  readonly url: string;
  readonly exports: readonly { path: string | undefined; headers: IncomingHttpHeaders }[];
  spansOf(traceId: string): Span[];
}

/** A receiver of OTLP/HTTP. Of a span's protobuf it reads what stands at its beginning: the ids of trace, span and parent. */
async function startSink(): Promise<Sink> {
  const exports: { path: string | undefined; headers: IncomingHttpHeaders }[] = [];
  let received = "";
  const server = createServer(async (req, res) => {
    received += (await buffer(req)).toString("hex");
    exports.push({ path: req.url, headers: req.headers });
    res.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(() => server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exports,
    spansOf(traceId) {
      const ids = new RegExp(`0a10${traceId}1208([0-9a-f]{16})(?:2208([0-9a-f]{16}))?`, "g");
      return [...received.matchAll(ids)].map(([, id = "", parentId]) => ({ id, parentId }));
    },
  };
}

async function get(url: string, traceparent?: string): Promise<number> {
  const response = await fetch(url, { headers: traceparent === undefined ? {} : { traceparent } });
  await response.arrayBuffer();
  return response.status;
}

async function end(service: ServiceProcess): Promise<void> {
  service.kill("SIGTERM");
  await service.exited;
}

test.concurrent("a request's spans join under the client's, its lines carry the same ids, and one that failed unsampled has its span", async () => {
  const sink = await startSink();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20token",
    OTEL_TRACES_SAMPLER_ARG: "0",
    FAULTS_ENABLED: "true",
    ANNOUNCE_SECONDS: "0",
  };
  const stock = await startService({ SERVICE_ROLE: "stock", ...env });
  // Tests share their machine: the first call of a process may take its time.
  const catalogue = await startService({ STOCK_URL: stock.url, STOCK_ATTEMPT_TIMEOUT_MS: "5000", ...env });
  const url = `${catalogue.url}/api/products/walnut-desk`;
  expect(await get(url, `00-${SAMPLED}-${CLIENT}-01`)).toBe(200);
  await fault(catalogue, { fault: "error-rate" });
  expect(await get(url, `00-${UNSAMPLED}-${CLIENT}-00`)).toBe(500);
  await Promise.all([catalogue, stock].map(end));

  const accessOf = (service: ServiceProcess, traceId: string) =>
    service.lines.filter(({ msg, trace_id: id }) => msg === "request" && id === traceId);
  const [asked] = accessOf(catalogue, SAMPLED);
  const [served] = accessOf(stock, SAMPLED);
  expect(asked).toMatchObject({ "http.route": "/api/products/:id", "http.client.attempts": 1 });
  const spans = sink.spansOf(SAMPLED);
  const call = spans.find(({ parentId }) => parentId === asked?.["span_id"]);
  expect(spans).toHaveLength(3);
  expect(spans).toEqual(
    expect.arrayContaining([
      { id: asked?.["span_id"], parentId: CLIENT },
      { id: served?.["span_id"], parentId: call?.id },
    ]),
  );
  const [failed] = accessOf(catalogue, UNSAMPLED);
  expect(failed).toMatchObject({ level: "error", trace_flags: "00", "http.response.status_code": 500 });
  expect(sink.spansOf(UNSAMPLED)).toEqual([{ id: failed?.["span_id"], parentId: CLIENT }]);
  expect(new Set(sink.exports.map(({ path }) => path))).toEqual(new Set(["/v1/traces"]));
  expect(sink.exports[0]?.headers["authorization"]).toBe("Bearer token");
  expect(catalogue.stderr + stock.stderr).toBe("");
});

test.concurrent("an endpoint that takes no traces costs one warning and the spans, which are counted, and no request", async () => {
  const other = await startService({ SERVICE_ROLE: "stock" });
  const service = await startService({
    OTEL_EXPORTER_OTLP_ENDPOINT: other.url,
    OTEL_TRACES_SAMPLER_ARG: "1",
    ANNOUNCE_SECONDS: "0",
  });
  expect(await get(`${service.url}/api/products`)).toBe(200);
  await service.line(({ msg }) => msg.startsWith("Traces are not delivered"));
  expect(await metric(service, "trace_spans_lost_total")).toBe(1);
  expect(await get(`${service.url}/api/products`)).toBe(200);
  // The next export is that of the end.
  await end(service);
  const warnings = service.lines.filter(({ level }) => level === "warn");
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.msg).toMatch(/^Traces are not delivered to http:.*\. Requests are served as before, /);
});

async function logDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "service-log-"));
  cleanUps.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function linesIn(dir: string): Promise<LogLine[]> {
  const names = (await readdir(dir)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
  return texts.flatMap((text) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as LogLine),
  );
}

const SHIP_MS = 1_000;
const shipping = {
  ANNOUNCE_SECONDS: "0",
  CRASH_LAG_SECONDS: "0",
  SHIP_SECONDS: String(SHIP_MS / 1000),
  FAULTS_ENABLED: "true",
};

test.concurrent.each(["SIGTERM", "crash"])(
  "after %s stdout and files have the same lines, and time is left to send them on",
  async (how) => {
    const dir = await logDirectory();
    const service = await startService({ ...shipping, LOG_FILE_DIR: dir });
    expect(await get(`${service.url}/api/products?limit=1`)).toBe(200);
    if (how === "SIGTERM") service.kill("SIGTERM");
    else await fault(service, { fault: "exit", how: "exception" });
    await service.line(isEvent("telemetry.end"));
    const endedMs = performance.now();
    // Whoever scrapes sees what it waits for.
    expect(await metric(service, 'lifecycle_drain_phase{phase="ship"}')).toBe(1);
    expect(await service.exited).toEqual({ code: how === "SIGTERM" ? 0 : 1, signal: null });
    expect(performance.now() - endedMs).toBeGreaterThan(0.7 * SHIP_MS);
    const lines = await linesIn(dir);
    expect(lines).toEqual(service.lines);
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_line, index) => index + 1));
    expect(new Set(lines.map((line) => line["log_shipping"]))).toEqual(new Set(["sidecar"]));
    expect(lines.at(-1)).toMatchObject({ "event.name": "telemetry.end", last_seq: lines.length });
  },
);

test.concurrent("a second signal ends that wait at once", async () => {
  const service = await startService({ ...shipping, SHIP_SECONDS: "60" });
  service.kill("SIGTERM");
  const told = await service.line(isEvent("telemetry.end"));
  // No event marks the second after which a signal counts as another one.
  await sleep(1_050 - (Date.now() - Date.parse(told.time)));
  service.kill("SIGTERM");
  expect(await service.exited).toEqual({ code: 143, signal: null });
});

test.concurrent("a log directory that is not there is one sentence that names the variable, and exit code 4", async () => {
  const service = await spawnService({ LOG_FILE_DIR: "/nowhere/to/log" });
  expect(await service.exited).toEqual({ code: 4, signal: null });
  expect(service.stderr).toMatch(
    /^LOG_FILE_DIR does not work\. No log file can be made in \/nowhere\/to\/log: ENOENT: [^\n]*\.\n$/,
  );
  expect(service.lines).toEqual([]);
});

test.concurrent("a log directory that goes away while it serves: said once, counted, and said when it is back", async () => {
  const dir = await logDirectory();
  const service = await startService({ LOG_FILE_DIR: dir });
  await rm(dir, { recursive: true });
  for (let request = 0; request < 5; request += 1) expect(await get(`${service.url}/api/products`)).toBe(200);
  const said = await service.line(isEvent("log.files.failing"));
  expect(said).toMatchObject({ level: "error", "error.type": "ENOENT", "file.directory": dir });
  // It is for the node's agent now, which takes what is not marked.
  expect(said).not.toHaveProperty("log_shipping");
  await mkdir(dir);
  expect(await get(`${service.url}/api/products`)).toBe(200);
  const lost = (await service.line(isEvent("log.files.recovered")))["log.lines_lost"];
  // The last request is answered before its line is written, which may find the directory back.
  expect(lost).toBeGreaterThanOrEqual(5);
  expect(await metric(service, "log_lines_lost_total")).toBe(lost);
  expect(service.lines.filter(isEvent("log.files.failing"))).toHaveLength(1);
  expect((await linesIn(dir)).map(({ msg }) => msg)).toContain("request");
  expect(service.lines.some(isState("stopped"))).toBe(false);
});
