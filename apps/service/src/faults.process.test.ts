import { expect, test, vi } from "vitest";

import { fault, isEvent, metric, probe, startService, type ServiceProcess } from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

const enabled = { FAULTS_ENABLED: "true" };

async function tookMs(call: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call;
  return performance.now() - startedMs;
}

const clear = (service: ServiceProcess) => fetch(`${service.adminUrl}/faults`, { method: "DELETE" });
const get = (service: ServiceProcess, headers: Record<string, string> = {}) =>
  fetch(`${service.url}/api/products`, { headers });

test.concurrent("without FAULTS_ENABLED there are no faults to switch on, and a request cannot delay itself", async () => {
  const service = await startService();
  expect((await fault(service, { fault: "latency" })).status).toBe(404);
  expect(await tookMs(get(service, { "x-fault-delay-ms": "9000" }))).toBeLessThan(6_000);
});

test.concurrent("who served an answer is said only with EXPOSE_REPLICA", async () => {
  const shown = await startService({ EXPOSE_REPLICA: "true", REPLICA_NAME: "shop-7" });
  const hidden = await startService({ REPLICA_NAME: "shop-7" });
  expect((await get(shown)).headers.get("x-served-by")).toBe("shop-7");
  expect((await fetch(`${shown.url}/nope`)).headers.get("x-served-by")).toBe("shop-7");
  expect((await get(hidden)).headers.has("x-served-by")).toBe(false);
});

test.concurrent("a request asks for its own delay, at most the longest request; nonsense is ignored", async () => {
  const service = await startService({ ...enabled, LONGEST_REQUEST_SECONDS: "2", STOCK_ATTEMPT_TIMEOUT_MS: "100" });
  expect(await tookMs(get(service, { "x-fault-delay-ms": "200" }))).toBeGreaterThanOrEqual(195);
  const longest = await tookMs(get(service, { "x-fault-delay-ms": "999999999" }));
  expect(longest).toBeGreaterThanOrEqual(1_995);
  expect(longest).toBeLessThan(9_000);
  for (const nonsense of ["-1", "1e9", "abc", "99999999999999999999"]) {
    expect(await tookMs(get(service, { "x-fault-delay-ms": nonsense }))).toBeLessThan(1_900);
  }
});

test.concurrent("a fault is listed and shown while it works, and ends when it is cleared", async () => {
  const service = await startService(enabled);
  const started = await fault(service, { fault: "error-rate" });
  expect([started.status, await started.json()]).toEqual([
    201,
    expect.objectContaining({ fault: "error-rate", ratio: 1, ttlSeconds: 30 }),
  ]);
  const response = await get(service);
  expect([response.status, await response.json()]).toEqual([500, expect.objectContaining({ code: "FAULT_INJECTED" })]);
  expect(await metric(service, 'faults_active{fault="error-rate"}')).toBe(1);
  expect(await (await fetch(`${service.adminUrl}/faults`)).json()).toEqual({
    active: [expect.objectContaining({ fault: "error-rate" })],
  });
  await clear(service);
  expect((await get(service)).status).toBe(200);
  expect(await metric(service, 'faults_active{fault="error-rate"}')).toBe(0);
});

test.concurrent("a fault that nobody clears ends by itself", async () => {
  const service = await startService(enabled);
  await fault(service, { fault: "error-rate", ttlSeconds: 0.3 });
  await service.line(isEvent("fault", { fault: "error-rate", active: false, reason: "expired" }));
  expect((await get(service)).status).toBe(200);
});

test.concurrent("readiness can be taken away and given back", async () => {
  const service = await startService(enabled);
  await fault(service, { fault: "readiness-off" });
  expect([await probe(service, "livez"), await probe(service, "readyz"), await probe(service, "startupz")]).toEqual([
    200, 503, 200,
  ]);
  expect((await get(service)).status).toBe(200);
  expect((await fetch(`${service.adminUrl}/faults/readiness-off`, { method: "DELETE" })).status).toBe(204);
  expect(await probe(service, "readyz")).toBe(200);
});

test.concurrent("a blocked event loop answers nothing, not even liveness, until its time is over", async () => {
  const service = await startService(enabled);
  await fault(service, { fault: "event-loop-block", ttlSeconds: 1.5 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const waited = await tookMs(probe(service, "livez"));
  expect(waited).toBeGreaterThan(500);
  expect(waited).toBeLessThan(9_000);
});

test.concurrent("a leak grows to its limit and no further", async () => {
  const service = await startService(enabled);
  const rss = () => metric(service, "process_resident_memory_bytes").then((bytes) => (bytes ?? 0) / 1_048_576);
  const before = await rss();
  await fault(service, { fault: "memory-leak", mebibytesPerSecond: 400, limitMebibytes: 100, ttlSeconds: 20 });
  await vi.waitFor(async () => expect(await rss()).toBeGreaterThan(before + 90), { timeout: 8_000 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await rss()).toBeLessThan(before + 150);
});

test.concurrent("signals can be ignored for a while", async () => {
  const service = await startService({ ...enabled, ANNOUNCE_SECONDS: "0" });
  await fault(service, { fault: "ignore-sigterm" });
  service.kill("SIGTERM");
  expect((await get(service)).status).toBe(200);
  await clear(service);
  expect(service.lines.filter(isEvent("lifecycle.signal"))).toEqual([]);
  service.kill("SIGTERM");
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

test.concurrent("the process can be made to end", async () => {
  const service = await startService(enabled);
  expect((await fault(service, { fault: "exit", code: 7 })).status).toBe(201);
  expect(await service.exited).toEqual({ code: 7, signal: null });
});

test.concurrent("a dependency can be made to fail, where there is one", async () => {
  const stock = await startService({ SERVICE_ROLE: "stock", ...enabled });
  const catalogue = await startService({ STOCK_URL: stock.url, ...enabled });
  expect((await fault(stock, { fault: "dependency-failure" })).status).toBe(409);
  await fault(catalogue, { fault: "dependency-failure" });
  const response = await fetch(`${catalogue.url}/api/products/oak-chair`);
  expect([response.status, response.headers.get("x-degraded")]).toEqual([200, "stock"]);
});

test.concurrent("a hard dependency that is gone makes the replica unready, and ready again when it is back", async () => {
  const stock = await startService({ SERVICE_ROLE: "stock", ...enabled });
  const catalogue = await startService({
    STOCK_URL: stock.url,
    STOCK_HARD_AFTER_FAILURES: "2",
    STOCK_BREAKER_OPEN_SECONDS: "0.1",
    ...enabled,
  });
  await fault(catalogue, { fault: "dependency-failure" });
  for (let call = 0; call < 2; call += 1) await (await fetch(`${catalogue.url}/api/products/oak-chair`)).arrayBuffer();
  expect([await probe(catalogue, "readyz"), await probe(catalogue, "livez")]).toEqual([503, 200]);
  await clear(catalogue);
  await vi.waitFor(async () => expect(await probe(catalogue, "readyz")).toBe(200), { timeout: 5_000 });
});
