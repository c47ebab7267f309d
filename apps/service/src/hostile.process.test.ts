import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";

import { expect, test, vi } from "vitest";

import { fault, metric, startService, type ServiceProcess } from "./service-process.fixture.ts";

// The longest takes 1 s alone, and once took more than 20 s beside other process tests on two cores.
vi.setConfig({ testTimeout: 60_000 });

function open(service: ServiceProcess): Socket {
  const { hostname, port } = new URL(service.url);
  // A service that closes on what it is sent resets; the answer that came before is what counts.
  return connect(Number(port), hostname).on("error", () => undefined);
}

/** Sends bytes as they are and gives all that comes back until the connection ends. */
async function raw(service: ServiceProcess, bytes: string | Buffer): Promise<string> {
  const socket = open(service);
  socket.write(bytes);
  return text(socket).catch(() => "");
}

function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

const head = (line: string, ...headers: string[]) => `${[line, "Host: x", ...headers].join("\r\n")}\r\n\r\n`;
const CLOSE = "Connection: close";

test("pipelined requests are answered in their order, though the first is the slowest", async () => {
  const service = await startService({ FAULTS_ENABLED: "true" });
  const answer = await raw(
    service,
    head("GET /api/products?limit=1 HTTP/1.1", "x-fault-delay-ms: 300") +
      head("GET /nope HTTP/1.1", "x-fault-delay-ms: 100") +
      head("DELETE /api/products HTTP/1.1") +
      head("GET /api/products/oak-chair HTTP/1.1", CLOSE),
  );
  expect(statuses(answer)).toEqual([200, 404, 405, 200]);
  const requests = () => service.lines.filter(({ msg }) => msg === "request");
  await expect.poll(() => requests().length).toBe(4);
  expect(new Set(requests().map((line) => line["trace_id"])).size).toBe(4);
});

/** A whole answer with this status that is a problem document. */
function problemWith(status: number): RegExp {
  return new RegExp(`^HTTP/1\\.1 ${status} .*content-type: application/problem\\+json.*"code":"[A-Z_]+"`, "is");
}

test.each<[string, string, RegExp]>([
  ["no HTTP", "hello\r\n\r\n", problemWith(400)],
  ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003", problemWith(400)],
  ["an unknown method", head("BREW /api/products HTTP/1.1"), problemWith(400)],
  ["no host", `GET /api/products HTTP/1.1\r\n${CLOSE}\r\n\r\n`, problemWith(400)],
  ["a header with a space in its name", head("GET / HTTP/1.1", "a b: c"), problemWith(400)],
  ["a NUL in a header", head("GET / HTTP/1.1", "a: b\u0000c"), problemWith(400)],
  ["two lengths", head("POST /api/orders HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), problemWith(400)],
  [
    "length and chunks at once",
    head("POST /api/orders HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
    problemWith(400),
  ],
  ["headers of 20 KB", head("GET / HTTP/1.1", `a: ${"b".repeat(20_000)}`), problemWith(431)],
  [
    "a broken chunk",
    `${head("POST /api/orders HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")}zz\r\n`,
    problemWith(400),
  ],
  ["a path of 10 KB", head(`GET /${"a".repeat(10_000)} HTTP/1.1`, CLOSE), /^HTTP\/1\.1 414 .*URL_TOO_LONG/s],
  [
    "an absolute URL of elsewhere",
    head("GET http://example.org/api/products HTTP/1.1", CLOSE),
    /^HTTP\/1\.1 200 .*"items"/s,
  ],
  [
    "a question about the server",
    head("OPTIONS * HTTP/1.1", CLOSE),
    /^HTTP\/1\.1 204 .*Allow: GET, HEAD, POST, OPTIONS/s,
  ],
  [
    "an expectation that nobody knows",
    head("POST /api/orders HTTP/1.1", "Expect: magic", "Content-Length: 0", CLOSE),
    problemWith(417),
  ],
  ["a tunnel", head("CONNECT example.org:443 HTTP/1.1"), problemWith(405)],
])("%s is answered as what it is", async (_name, bytes, answered) => {
  const service = await shared();
  expect(await raw(service, Buffer.from(bytes, "latin1"))).toMatch(answered);
});

let sharedService: Promise<ServiceProcess> | undefined;
/** One process for all requests of which none may leave a trace in the next. */
function shared(): Promise<ServiceProcess> {
  sharedService ??= startService();
  return sharedService;
}

test.concurrent("a client that dribbles its headers or its body gets 408 in time, and keeps nobody from being served", async () => {
  const service = await startService({ HEADERS_TIMEOUT_SECONDS: "0.4", REQUEST_TIMEOUT_SECONDS: "0.8" });
  const startedMs = performance.now();
  const slow = [
    "GET /api/products HTTP/1.1\r\nHost: x\r\n",
    head("POST /api/orders HTTP/1.1", "Content-Type: application/json", "Content-Length: 1000"),
  ].map(async (beginning) => {
    const socket = open(service);
    socket.write(beginning);
    const dribble = setInterval(() => socket.write("a"), 50);
    const answer = await text(socket).catch(() => "");
    clearInterval(dribble);
    return answer;
  });
  expect((await fetch(`${service.url}/api/products`)).status).toBe(200);
  for (const answer of await Promise.all(slow)) {
    expect(statuses(answer)).toEqual([408]);
    expect(answer).toContain("application/problem+json");
  }
  expect(performance.now() - startedMs).toBeLessThan(9_000);
});

test.concurrent("a body without end is refused when the request's time is over", async () => {
  const service = await startService({ REQUEST_TIMEOUT_SECONDS: "0.8", HEADERS_TIMEOUT_SECONDS: "0.8" });
  const socket = open(service);
  socket.write(head("POST /api/orders HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked"));
  const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
  const flood = setInterval(() => socket.write(chunk), 10);
  const answer = await text(socket).catch(() => "");
  clearInterval(flood);
  expect(statuses(answer)).toEqual([408]);
});

test.each([
  ["traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
  ["traceparent", `00-${"z".repeat(32)}-00f067aa0ba902b7-01`],
  ["traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["traceparent", "a".repeat(8_000)],
  ["traceparent", '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","admin":"true'],
  ["tracestate", "x=".repeat(4_000)],
  ["baggage", `${"k=v,".repeat(2_000)}k=v`],
  ["x-request-deadline-ms", "-1"],
  ["x-request-deadline-ms", "9".repeat(400)],
])("a hostile %s is bounded or ignored (case %#)", async (name, value) => {
  const service = await shared();
  const path = `/hostile-${Math.random()}`;
  expect((await fetch(`${service.url}${path}`, { headers: { [name]: value } })).status).toBe(404);
  const line = await service.line((candidate) => candidate["url.path"] === path);
  expect(line?.["trace_id"]).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  expect(line?.["trace_id"]).not.toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect(line).not.toHaveProperty("admin");
  expect(JSON.stringify(line).length).toBeLessThan(2_000);
});

/** Grown memory in MB after some thousand requests of every wrong kind. */
async function growth(service: ServiceProcess, warm?: () => Promise<unknown>): Promise<number> {
  const wrong = [
    "hello\r\n\r\n",
    head("GET /%ZZ HTTP/1.1", CLOSE),
    head(`GET /${Math.random()} HTTP/1.1`, CLOSE),
    head("POST /api/orders HTTP/1.1", "Content-Type: application/json", "Content-Length: 3", CLOSE) + "{{{",
    head("GET / HTTP/1.1", `a: ${"b".repeat(20_000)}`),
    head("POST /api/orders HTTP/1.1", "Content-Length: 1000"),
  ];
  async function round(count: number): Promise<void> {
    let left = count;
    async function send(): Promise<void> {
      while (left > 0) {
        left -= 1;
        const socket = open(service);
        socket.write(wrong[left % wrong.length] as string);
        // The last kind never sends its body: the client goes away in the middle.
        if (left % wrong.length === wrong.length - 1) socket.end();
        await text(socket).catch(() => "");
      }
    }
    await Promise.all(Array.from({ length: 20 }, send));
  }
  const rss = async () => ((await metric(service, "process_resident_memory_bytes")) ?? 0) / 1_000_000;
  await round(ROUND);
  await warm?.();
  const before = await rss();
  await round(ROUND);
  return (await rss()) - before;
}

const ROUND = 600;
/** Memory that a heap takes and gives back from one round to the next; one leaked request of 30 KB in each would be more. */
const NOISE_MB = 25;

test("memory stays flat under malformed traffic", async () => {
  const service = await startService();
  expect(await growth(service)).toBeLessThan(NOISE_MB);
  expect((await fetch(`${service.url}/api/products`)).status).toBe(200);
  expect(await metric(service, "http_server_active_requests")).toBe(0);
});

test("control: a leak is seen by the same measure", async () => {
  const service = await startService({ FAULTS_ENABLED: "true" });
  const leak = () =>
    fault(service, { fault: "memory-leak", mebibytesPerSecond: 200, limitMebibytes: 300, ttlSeconds: 60 });
  expect(await growth(service, leak)).toBeGreaterThan(NOISE_MB);
});
