import { expect, test, vi } from "vitest";

import { fault, isEvent, isState, probe, startService } from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

const quick = { FAULTS_ENABLED: "true", ANNOUNCE_SECONDS: "0.1", CRASH_LAG_SECONDS: "1.5" };

test.concurrent.each(["exception", "rejection"])(
  "an error that nobody catches (%s) drains after the lag of a crash, and exits with 1",
  async (how) => {
    const service = await startService(quick);
    const slow = fetch(`${service.url}/api/products`, { headers: { "x-fault-delay-ms": "400" } });
    await fault(service, { fault: "exit", how });
    const crash = await service.line(isEvent("lifecycle.crash"));
    expect(crash).toMatchObject({
      level: "fatal",
      "exception.message": expect.stringContaining("fault exit") as string,
    });
    await service.line(isState("draining"));
    // The endpoints still send: nobody has told them yet.
    const response = await fetch(`${service.url}/api/products`);
    expect([response.status, await probe(service, "readyz"), await probe(service, "livez")]).toEqual([200, 503, 200]);
    expect((await slow).status).toBe(200);
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.lines.at(-1)?.["event.name"]).toBe("telemetry.end");
  },
);

test.concurrent("control: without a drain a crash takes the requests in flight with it", async () => {
  const service = await startService({ ...quick, DRAIN_ENABLED: "false" });
  const slow = fetch(`${service.url}/api/products`, { headers: { "x-fault-delay-ms": "9000" } }).catch(
    (error: Error) => error.message,
  );
  await fault(service, { fault: "exit", how: "exception" });
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(await slow).toBe("fetch failed");
});

test.concurrent("a crash that cannot drain ends at its deadline", async () => {
  const service = await startService({ ...quick, CRASH_LAG_SECONDS: "0", CRASH_DEADLINE_SECONDS: "0.5" });
  const lost = fetch(`${service.url}/api/products`, { headers: { "x-fault-delay-ms": "9000" } }).catch(
    (error: Error) => error.message,
  );
  await fault(service, { fault: "exit", how: "exception" });
  await service.line(isEvent("lifecycle.crash"));
  const crashedMs = performance.now();
  expect(await service.exited).toEqual({ code: 1, signal: null });
  expect(performance.now() - crashedMs).toBeLessThan(7_000);
  expect(await lost).toBe("fetch failed");
});
