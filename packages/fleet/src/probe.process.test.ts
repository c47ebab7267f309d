import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createProber } from "./probe.ts";
import type { ProbeAnswer } from "./probe.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const probe = {
  path: "/readyz",
  periodMs: 40,
  timeoutMs: 30,
  failureThreshold: 1,
  successThreshold: 1,
  initialDelayMs: 0,
};

async function admin(handler: RequestListener) {
  let connections = 0;
  const server = createServer(handler).listen(0, "127.0.0.1");
  server.on("connection", () => (connections += 1));
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/** For answers that do come, on a busy machine too. */
const patient = { ...probe, timeoutMs: 5_000 };

/** The first answers of a probe, with the times at which they came. */
async function answers(port: number, count: number, opts = probe) {
  const prober = createProber();
  cleanups.push(() => prober.close());
  const startedMs = performance.now();
  const got: (ProbeAnswer & { atMs: number })[] = [];
  await new Promise<void>((resolve) => {
    const running = prober.probe({
      port,
      probe: opts,
      answered(answer) {
        got.push({ ...answer, atMs: performance.now() - startedMs });
        if (got.length < count) return;
        running.stop();
        resolve();
      },
    });
  });
  return got;
}

async function firstAnswer(port: number, opts = patient): Promise<string> {
  const [answer] = await answers(port, 1, opts);
  return answer === undefined ? "none" : answer.ok ? "ok" : answer.reason;
}

test("200 to 399 is a success, a redirect included and not followed; anything else is a failure", async () => {
  for (const [status, said] of [
    [200, "ok"],
    [302, "ok"],
    [399, "ok"],
    [404, "/readyz answered 404"],
    [503, "/readyz answered 503"],
  ] as const) {
    const { port } = await admin((_, response) => response.writeHead(status, { location: "/elsewhere" }).end());
    expect(await firstAnswer(port)).toBe(said);
  }
});

test("no answer in time, no complete answer in time and nobody there are failures that say which", async () => {
  const silent = await admin(() => undefined);
  expect(await firstAnswer(silent.port, probe)).toBe("/readyz: no answer within 30 ms");
  const halting = await admin((_, response) => response.writeHead(200, { "content-length": 10 }).write("half"));
  expect(await firstAnswer(halting.port, probe)).toBe("/readyz: no answer within 30 ms");
  const gone = await admin(() => undefined);
  for (const cleanup of cleanups.splice(-1)) await cleanup();
  expect(await firstAnswer(gone.port)).toBe("/readyz: connection refused");
});

test("asks at once and then every period, over a new connection each time", async () => {
  const { port, connections } = await admin((_, response) => response.end());
  const got = await answers(port, 4, patient);
  expect(got[3]?.atMs).toBeGreaterThanOrEqual(3 * probe.periodMs - 5);
  expect(connections()).toBe(4);
  const [first] = await answers(port, 1, { ...patient, periodMs: 10_000 });
  expect(first?.atMs).toBeLessThan(10_000);
});

test("waits for its initial delay", async () => {
  const { port } = await admin((_, response) => response.end());
  const [first] = await answers(port, 1, { ...patient, initialDelayMs: 100 });
  expect(first?.atMs).toBeGreaterThanOrEqual(98);
});
