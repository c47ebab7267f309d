import { expect, test } from "vitest";
import { createFleet } from "./fleet.ts";
import { resolveOptions } from "./options.ts";

const given = {
  name: "web",
  port: 0,
  replicas: 3,
  version: "1",
  logDir: "logs",
  replica: () => ({ command: ["true"], env: {} }),
};

test("defaults are Kubernetes' where it has one", () => {
  expect(resolveOptions(given)).toMatchObject({
    endpointLagMs: 1_000,
    exitNoticeMs: 1_000,
    linkDelayMs: 0,
    rollout: { maxSurge: 1, maxUnavailable: 0, progressDeadlineMs: 600_000 },
    terminationGraceMs: 30_000,
    restartBackoffMs: { initialMs: 10_000, maxMs: 300_000 },
    selfHealing: true,
  });
});

test("a probe may be changed in part or switched off", () => {
  const { probes } = resolveOptions({ ...given, probes: { readiness: { periodMs: 100 }, liveness: false } });
  expect(probes.readiness).toMatchObject({ path: "/readyz", periodMs: 100, failureThreshold: 2 });
  expect(probes.liveness).toBe(false);
});

test("all mistakes are told at once, each with what is allowed", () => {
  const wrong = {
    ...given,
    name: "Web_1",
    port: 70_000,
    replicas: 1.5,
    endpointLagMs: -1,
    rollout: { maxSurge: 0, maxUnavailable: 0 },
    restartBackoffMs: { initialMs: 100, maxMs: 10 },
    probes: { liveness: { successThreshold: 2 }, startup: { path: "startupz", timeoutMs: NaN } },
  };
  const refused = () => createFleet(wrong);
  expect(refused).toThrow(expect.objectContaining({ code: "FLEET_BAD_OPTIONS" }));
  for (const part of [
    'name is "Web_1"',
    "port is 70000, must be a whole number from 0 to 65535",
    "replicas is 1.5",
    "endpointLagMs is -1",
    "both 0",
    "restartBackoffMs.maxMs is 10, must be milliseconds from 100",
    "probes.liveness.successThreshold is 2",
    'probes.startup.path is "startupz", must begin with /',
    "probes.startup.timeoutMs is NaN",
  ]) {
    expect(refused).toThrow(part);
  }
});

test("nothing works before start() or after stop(), and says so", async () => {
  const fleet = createFleet(given);
  const code = (code: string) => expect.objectContaining({ code });
  expect(() => fleet.url).toThrow(code("FLEET_NOT_STARTED"));
  await expect(fleet.rollOut({ version: "2" })).rejects.toEqual(code("FLEET_NOT_STARTED"));
  await fleet.stop();
  await expect(fleet.scale(1)).rejects.toEqual(code("FLEET_STOPPED"));
  await expect(fleet.start()).rejects.toEqual(code("FLEET_STOPPED"));
});
