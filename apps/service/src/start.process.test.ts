import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { expect, test, vi } from "vitest";

import { buildVersion } from "./version.ts";
import { isEvent, isState, probe, spawnService, startService } from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

test.concurrent("a wrong configuration is named at once and whole, with exit code 2, and nothing was started", async () => {
  const service = await spawnService({ ADMIN_PORT: "none", DRAIN_SECONDS: "1", SHED_ABOV: "0.9" });
  expect(await service.exited).toEqual({ code: 2, signal: null });
  expect(service.stderr.trimEnd().split("\n")).toEqual([
    "The configuration has 2 mistakes; --help lists all variables.",
    '  ADMIN_PORT is "none": set a whole number from 0 to 65535.',
    "  DRAIN_SECONDS is 1, but LONGEST_REQUEST_SECONDS is 10: a drain would cut requests that are allowed. Set DRAIN_SECONDS to at least 10.",
    "  SHED_ABOV is not a variable of this service; did you mean SHED_ABOVE?",
  ]);
  expect(service.lines).toEqual([]);
});

test.concurrent("an unknown argument is one sentence and exit code 2", async () => {
  const service = await spawnService({}, ["--port=80"]);
  expect(await service.exited).toEqual({ code: 2, signal: null });
  expect(service.stderr).toMatch(/^"--port=80" is not understood: [^\n]*\n$/);
});

test.concurrent("--version and --help end with 0, whatever is configured", async () => {
  for (const args of [["--version"], ["--help"]]) {
    const service = await spawnService({ PORT: "wrong" }, args);
    expect([await service.exited, service.stderr]).toEqual([{ code: 0, signal: null }, ""]);
  }
});

test.concurrent.each(["PORT", "ADMIN_PORT"])("a taken %s is one sentence and exit code 4", async (variable) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const service = await spawnService({ [variable]: String(port) });
  expect(await service.exited).toEqual({ code: 4, signal: null });
  expect(service.stderr).toMatch(
    new RegExp(`^The (public|admin) server cannot listen on port ${port} [^\\n]*\\(EADDRINUSE\\)[^\\n]*\\.\\n$`),
  );
  const errors = service.lines.filter(({ level }) => level === "error");
  expect(errors.map(({ msg }) => `${msg}.\n`)).toEqual([`could not start: ${service.stderr}`]);
  expect(service.lines.at(-1)?.["event.name"]).toBe("telemetry.end");
  other.close();
});

test.concurrent("the program says which version it is, in its log as well", async () => {
  const service = await startService({ OTEL_SERVICE_NAME: "shop", REPLICA_NAME: "shop-1" });
  expect(service.lines.at(-1)).toMatchObject({
    "service.name": "shop",
    "service.version": buildVersion,
    "service.instance.id": "shop-1",
  });
});

test.concurrent("while it starts only the admin port answers: live, not ready, not started; then all three", async () => {
  const service = await spawnService({ FAULTS_ENABLED: "true", FAULT_SLOW_START_SECONDS: "2" });
  await service.line(isEvent("lifecycle.listening", { server: "admin" }));
  const probes = () => Promise.all((["livez", "readyz", "startupz"] as const).map((name) => probe(service, name)));
  expect(await probes()).toEqual([200, 503, 503]);
  expect(service.url).toBe("");
  await service.line(isState("ready"));
  expect(await probes()).toEqual([200, 200, 200]);
});

test.concurrent("SIGTERM while it starts ends it at once with 0", async () => {
  const service = await spawnService({ FAULTS_ENABLED: "true", FAULT_SLOW_START_SECONDS: "60" });
  await service.line(isEvent("fault", { fault: "slow-start" }));
  const sentMs = performance.now();
  service.kill("SIGTERM");
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - sentMs).toBeLessThan(10_000);
});
