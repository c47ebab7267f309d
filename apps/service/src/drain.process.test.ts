import { setTimeout as sleep } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { startBusyClients } from "./busy-clients.fixture.ts";
import {
  isEvent,
  isState,
  metric,
  probe,
  startService,
  type LogLine,
  type ServiceProcess,
} from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

const CLIENTS = 20;
/** Enough answers that every client is in the middle of its traffic. */
const WARM = CLIENTS * 20;

async function busyService(env: Record<string, string> = {}) {
  const service = await startService({ ANNOUNCE_SECONDS: "10", ...env });
  const clients = startBusyClients(service.url, { count: CLIENTS });
  await expect.poll(() => clients.answered, { timeout: 5_000, interval: 20 }).toBeGreaterThan(WARM);
  return { service, clients };
}

test("a drain under load loses no request, and is over soon after the announcement", async () => {
  const { service, clients } = await busyService();
  service.kill("SIGTERM");
  const told = await service.line(isEvent("lifecycle.signal"));
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(await clients.stop()).toEqual({});
  expect(clients.sentAway).toBe(CLIENTS);
  // 20 to 40 ms on an idle machine, since the announcement ends with the last socket; tests share theirs.
  const end = service.lines.at(-1) as LogLine;
  expect(Date.parse(end.time) - Date.parse(told.time)).toBeLessThan(5_000);
});

test("control: without a drain requests are lost, by broken connections", async () => {
  const { service, clients } = await busyService({ DRAIN_ENABLED: "false" });
  service.kill("SIGTERM");
  expect(await service.exited).toEqual({ code: 143, signal: null });
  const lost = await clients.stop();
  expect(Object.keys(lost).join()).toMatch(/UND_ERR_SOCKET|ECONNRESET/);
  expect(clients.sentAway).toBe(0);
});

/** Resolves when the service works on one request. */
function untilItHasOne(service: ServiceProcess): Promise<void> {
  return vi.waitFor(async () => expect(await metric(service, "http_server_active_requests")).toBe(1), {
    timeout: 5_000,
    interval: 20,
  });
}

// What follows mostly waits, and may do so side by side.
test.concurrent("a slow request that began before SIGTERM is answered, and its socket is sent away", async () => {
  const service = await startService({ FAULTS_ENABLED: "true", ANNOUNCE_SECONDS: "0.2" });
  const slow = fetch(`${service.url}/api/products`, { headers: { "x-fault-delay-ms": "1500" } });
  await untilItHasOne(service);
  service.kill("SIGTERM");
  await service.line(isState("draining"));
  expect([await probe(service, "livez"), await probe(service, "readyz"), await probe(service, "startupz")]).toEqual([
    200, 503, 200,
  ]);
  const response = await slow;
  expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
  await response.json();
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

test.concurrent("every phase is told, and the last line is the ledger's end with nothing missing before it", async () => {
  const service = await startService({ ANNOUNCE_SECONDS: "0", LAG_SECONDS: "0.1" });
  await (await fetch(`${service.url}/api/products`)).arrayBuffer();
  service.kill("SIGTERM");
  await service.exited;
  const begun = service.lines.filter(isEvent("lifecycle.phase.start")).map((line) => line["phase"]);
  const ended = service.lines.filter(isEvent("lifecycle.phase.end")).map((line) => line["phase"]);
  expect(begun).toEqual(["lag", "announce", "drain", "close", "flush"]);
  expect(ended).toEqual(["lag", "announce", "drain", "close"]);
  expect(service.lines.map(({ seq }) => seq)).toEqual(service.lines.map((_line, index) => index + 1));
  expect(service.lines.at(-1)).toMatchObject({ "event.name": "telemetry.end", last_seq: service.lines.length });
});

test.concurrent("a second signal within a second is the same one; after it, it ends the process at once", async () => {
  const service = await startService({ FAULTS_ENABLED: "true", ANNOUNCE_SECONDS: "0" });
  const lost = fetch(`${service.url}/api/products`, { headers: { "x-fault-delay-ms": "8000" } }).catch(
    (error: Error) => error.message,
  );
  await untilItHasOne(service);
  service.kill("SIGTERM");
  await service.line(isEvent("lifecycle.signal", { repeated: false }));
  service.kill("SIGTERM");
  await service.line(isEvent("lifecycle.signal", { repeated: true }));
  await sleep(1_050);
  expect(await probe(service, "livez")).toBe(200);
  service.kill("SIGTERM");
  expect(await service.exited).toEqual({ code: 143, signal: null });
  expect(await lost).toBe("fetch failed");
  expect(service.lines.at(-1)?.["event.name"]).toBe("telemetry.end");
});
