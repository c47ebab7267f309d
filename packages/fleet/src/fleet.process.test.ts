import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { eventually, get, hammer, isFailure, testFleet } from "./fleet.fixture.ts";
import type { TestFleet } from "./fleet.fixture.ts";
import type { FleetErrorCode } from "./errors.ts";
import { isAlive } from "./watchman.ts";

// Most of it is waiting, so they run side by side; a busy machine needs the time.
vi.setConfig({ testTimeout: 30_000 });

const code = (code: FleetErrorCode, message = "") =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** How many replicas there were at most, and how many ready ones at least, while something happened. */
function extremes(fleet: TestFleet, start: { replicas: number }): { most: number; fewestReady: number } {
  const there = new Set<string>();
  const ready = new Set<string>();
  let begun = false;
  let most = 0;
  let fewestReady = Infinity;
  for (const event of fleet.events) {
    if (event.type === "rollout.start") begun = true;
    if (event.type === "replica.starting") there.add(event.replica);
    if (event.type === "replica.ready") ready.add(event.replica);
    if (event.type === "replica.ending") {
      there.delete(event.replica);
      ready.delete(event.replica);
    }
    if (!begun) continue;
    most = Math.max(most, there.size);
    fewestReady = Math.min(fewestReady, ready.size);
  }
  expect(there.size).toBe(start.replicas);
  return { most, fewestReady };
}

describe.concurrent("a fleet", () => {
  test("serves from all its replicas at one address, and stop() leaves neither process nor port", async () => {
    await using fleet = testFleet({ replicas: 3, env: { ON_SIGTERM: "drain", SPAWN: "child" } });
    await fleet.start();
    const replicas = fleet.replicas();
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(fleet.url)));
    expect(new Set(answers).size).toBe(3);
    expect(replicas.map(({ state, restarts, version }) => [state, restarts, version])).toEqual(
      replicas.map(() => ["ready", 0, "1"]),
    );
    for (const { name } of replicas) expect(name).toMatch(/^web-[a-z0-9]+-[a-z0-9]{5}$/);
    const children = replicas.map((replica) => Number(/child (\d+)/.exec(fleet.log(replica))?.[1]));
    const pids = [...replicas.map(({ pid }) => pid), ...children, fleet.balancerPid];
    expect(pids.map((pid) => isAlive(pid ?? 0))).toEqual(Array(7).fill(true));

    await fleet.stop();
    await eventually(() => pids.map((pid) => isAlive(pid ?? 0)), Array(7).fill(false));
    for (const port of [Number(new URL(fleet.url).port), ...replicas.flatMap((r) => [r.port, r.adminPort])]) {
      const server = createServer().listen(port, "127.0.0.1");
      await once(server, "listening");
      server.close();
    }
    expect(replicas.map((replica) => fleet.log(replica).includes("drained"))).toEqual([true, true, true]);
  });

  test("counts connections by replica", async () => {
    await using fleet = testFleet();
    await fleet.start();
    const socket = connect(Number(new URL(fleet.url).port), "127.0.0.1");
    await eventually(() => fleet.the().connections, 1);
    socket.destroy();
    await eventually(() => fleet.the().connections, 0);
    expect(fleet.replicas()).toHaveLength(1);
  });

  test("scales up and down, the newest go first, and with none left connecting is refused", async () => {
    await using fleet = testFleet();
    await fleet.start();
    const first = fleet.the().name;
    await fleet.scale(3);
    expect(fleet.replicas().filter(({ state }) => state === "ready")).toHaveLength(3);
    await fleet.scale(1);
    await fleet.settled();
    expect(fleet.replicas().map(({ name }) => name)).toEqual([first]);
    await fleet.scale(0);
    await fleet.settled();
    expect(await get(fleet.url)).toBe("ECONNREFUSED");
    await expect(fleet.scale(-1)).rejects.toEqual(code("FLEET_BAD_OPTIONS", "-1"));
  });

  test("a balancer that dies is replaced on the same port", async () => {
    await using fleet = testFleet();
    await fleet.start();
    const { balancerPid } = fleet;
    process.kill(balancerPid ?? 0, "SIGKILL");
    expect((await fleet.event("balancer.exited")).exit.signal).toBe("SIGKILL");
    await fleet.event("balancer.started", ({ pid }) => pid !== balancerPid);
    await fleet.settled();
    expect(await get(fleet.url)).toContain(fleet.the().name);
  });
});

describe.concurrent("starting", () => {
  test("a taken port is refused and nothing is begun", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using fleet = testFleet({ port });
    await expect(fleet.start()).rejects.toEqual(code("FLEET_PORT_TAKEN", `Port ${port} is taken`));
    expect(fleet.events.map(({ type }) => type)).toEqual(["fleet.stopping", "fleet.stopped"]);
    server.close();
  });

  test("a directory for logs that cannot be made is told, and the port is free again", async () => {
    const port = await freePort();
    await using fleet = testFleet({ port, logDir: join(process.execPath, "logs") });
    await expect(fleet.start()).rejects.toEqual(code("FLEET_LOG_DIR", "Choose another logDir"));
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
  });

  test("aborted half-way it leaves nothing", async () => {
    await using fleet = testFleet({ replicas: 2, env: { START_MS: "60000" } });
    const abort = new AbortController();
    const starting = fleet.start({ signal: abort.signal });
    const { pid } = await fleet.event("replica.starting");
    await fleet.event("replica.probe-failed");
    const { balancerPid } = fleet;
    abort.abort();
    await expect(starting).rejects.toEqual(code("FLEET_START_ABORTED"));
    expect([pid, balancerPid].map((pid) => isAlive(pid ?? 0))).toEqual([false, false]);
    expect(fleet.replicas()).toEqual([]);
  });

  test("replicas that only crash are given up, with the reason and what they last said", async () => {
    await using fleet = testFleet({
      replica: () => ({ command: [process.execPath, "-e", "throw new Error('no such database')"], env: {} }),
    });
    await expect(fleet.start()).rejects.toEqual(code("FLEET_START_FAILED", "no such database"));
    expect(fleet.replicas()).toEqual([]);
  });

  test("replicas that are not ready in time are given up", async () => {
    await using fleet = testFleet({ env: { FAIL: "readyz" } });
    await expect(fleet.start({ withinMs: 500 })).rejects.toEqual(
      code("FLEET_START_FAILED", "0 of 1 replicas are ready"),
    );
  });

  test("a command that cannot even be asked for is told", async () => {
    await using fleet = testFleet({
      replica: () => {
        throw new Error("the bundle is not built");
      },
    });
    await expect(fleet.start()).rejects.toEqual(code("FLEET_START_FAILED", "the bundle is not built"));
  });
});

describe.concurrent("endpoints", () => {
  test("a replica that exits at SIGTERM fails new connections for as long as the balancer does not know", async () => {
    await using fleet = testFleet({ replicas: 2, endpointLagMs: 400 });
    await fleet.start();
    const load = hammer(fleet.url, 10);
    await load.more(5);
    await fleet.scale(1);
    const ending = await fleet.event("replica.ending");
    const told = await fleet.event("endpoints", ({ atMs }) => atMs >= ending.atMs);
    const applied = await fleet.event("endpoints.applied", ({ generation }) => generation === told.generation);
    await load.more(10);
    const answers = await load.stop();
    expect(told.atMs - ending.atMs).toBeLessThan(20);
    expect(applied.atMs - told.atMs).toBeGreaterThanOrEqual(398);
    const failed = answers.filter(isFailure);
    expect(failed.length).toBeGreaterThan(0);
    expect(new Set(failed.map(({ body }) => body))).toEqual(new Set(["ECONNRESET"]));
    expect(failed.filter(({ sentMs }) => sentMs < ending.atMs - 200 || sentMs > applied.atMs + 5)).toEqual([]);
  });

  test("control: without the lag it fails none from the moment it is told to end", async () => {
    await using fleet = testFleet({ replicas: 2 });
    await fleet.start();
    const load = hammer(fleet.url, 10);
    await load.more(5);
    await fleet.scale(1);
    const ending = await fleet.event("replica.ending");
    const told = await fleet.event("endpoints", ({ atMs }) => atMs >= ending.atMs);
    const applied = await fleet.event("endpoints.applied", ({ generation }) => generation === told.generation);
    await load.more(20);
    const after = (await load.stop()).filter(({ sentMs }) => sentMs > applied.atMs + 5);
    expect(after.length).toBeGreaterThan(10);
    expect(after.filter(isFailure)).toEqual([]);
  });

  test("a replica that drains for longer than the lag fails none", async () => {
    await using fleet = testFleet({
      replicas: 2,
      endpointLagMs: 200,
      env: { ON_SIGTERM: "drain", LAG_MS: "400" },
    });
    await fleet.start();
    const load = hammer(fleet.url, 10);
    await load.more(5);
    await fleet.scale(1);
    await fleet.settled();
    await load.more(5);
    const answers = await load.stop();
    expect(answers.length).toBeGreaterThan(10);
    expect(answers.filter(isFailure)).toEqual([]);
  });
});

describe.concurrent("the kubelet stand-in", () => {
  test("asks nothing else before startup has passed", async () => {
    await using fleet = testFleet({
      env: { START_MS: "500", FAIL: "livez,readyz" },
      probes: {
        startup: { periodMs: 25 },
        liveness: { periodMs: 25, failureThreshold: 2 },
        readiness: { periodMs: 25 },
      },
    });
    void fleet.start().catch(() => undefined);
    const { atMs, failures } = await fleet.event("replica.liveness-failed");
    expect(failures).toBe(2);
    const probes = fleet.events.filter((event) => event.type === "replica.probe-failed");
    const others = probes.filter(({ probe }) => probe !== "startup");
    const startups = probes.filter(({ probe }) => probe === "startup");
    expect(startups.length).toBeGreaterThan(0);
    expect(Math.min(...others.map((event) => event.atMs))).toBeGreaterThan(
      Math.max(...startups.map((event) => event.atMs)),
    );
    const starting = await fleet.event("replica.starting");
    expect(atMs - starting.atMs).toBeGreaterThan(400);
  });

  test("restarts what does not pass startup in time", async () => {
    await using fleet = testFleet({
      env: { START_MS: "60000" },
      probes: { startup: { periodMs: 50, failureThreshold: 4 } },
    });
    void fleet.start().catch(() => undefined);
    expect((await fleet.event("replica.startup-failed")).failures).toBe(4);
    expect((await fleet.event("replica.restarted")).restarts).toBe(1);
  });

  test("takes what is not ready out of the endpoints after as many failures as the threshold says, and back in", async () => {
    await using fleet = testFleet({ replicas: 2 });
    await fleet.start();
    const victim = fleet.the();
    await fleet.admin(victim, "/fail/readyz");
    await fleet.event("replica.unready");
    const failed = fleet.events.filter((event) => event.type === "replica.probe-failed" && event.probe === "readiness");
    expect(failed).toHaveLength(2);
    await fleet.event(
      "endpoints.applied",
      ({ backends, atMs }) => backends.length === 1 && atMs > (failed[1]?.atMs ?? 0),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(fleet.url)));
    expect(answers.filter((answer) => answer.startsWith(victim.name))).toEqual([]);
    expect(fleet.replicas().find(({ name }) => name === victim.name)).toMatchObject({ state: "unready", restarts: 0 });
    await fleet.admin(victim, "/heal/readyz");
    await fleet.settled();
    expect(fleet.replicas().map(({ state }) => state)).toEqual(["ready", "ready"]);
  });

  test("restarts what is stuck in its place: same name, ports and log; SIGTERM first, SIGKILL after the grace", async () => {
    await using fleet = testFleet({
      terminationGraceMs: 300,
      env: { ON_SIGTERM: "ignore" },
      probes: { liveness: { timeoutMs: 100 } },
    });
    await fleet.start();
    const before = fleet.the();
    await fleet.admin(before, "/fail/answers");
    const failed = await fleet.event("replica.liveness-failed");
    expect(failed).toMatchObject({ failures: 3, reason: "/livez: no answer within 100 ms" });
    const exited = await fleet.event("replica.exited");
    expect(exited.exit.signal).toBe("SIGKILL");
    expect(exited.atMs - failed.atMs).toBeGreaterThanOrEqual(298);
    await fleet.settled();
    const after = fleet.the();
    expect(after).toMatchObject({ name: before.name, port: before.port, adminPort: before.adminPort, restarts: 1 });
    expect(after.pid).not.toBe(before.pid);
    expect(fleet.log(after)).toMatch(/started[^]*SIGTERM ignored[^]*started/);
  });

  test("restarts what was killed, the first time at once, then with a doubling back-off", async () => {
    await using fleet = testFleet({ restartBackoffMs: { initialMs: 200, maxMs: 10_000 } });
    await fleet.start();
    const { name } = fleet.the();
    await fleet.kill(name);
    await fleet.event("replica.restarted");
    expect(fleet.events.filter(({ type }) => type === "replica.backoff")).toEqual([]);
    for (const [restarts, delayMs] of [
      [2, 200],
      [3, 400],
    ] as const) {
      await fleet.event("replica.ready", () => fleet.replicas()[0]?.restarts === restarts - 1);
      await fleet.settled();
      await fleet.kill(name);
      const backoff = await fleet.event("replica.backoff", (event) => event.restarts === restarts - 1);
      expect(backoff.delayMs).toBeGreaterThan(delayMs - 50);
      expect(backoff.delayMs).toBeLessThanOrEqual(delayMs);
      expect(fleet.replicas()[0]?.state).toBe("backoff");
      await expect(fleet.kill(name)).rejects.toEqual(code("FLEET_REPLICA_NOT_RUNNING", name));
      const restarted = await fleet.event("replica.restarted", (event) => event.restarts === restarts);
      expect(restarted.atMs - backoff.atMs).toBeGreaterThanOrEqual(backoff.delayMs - 2);
    }
    await expect(fleet.kill("web-none")).rejects.toEqual(code("FLEET_UNKNOWN_REPLICA", name));
  });

  test("notices an exit only when it looks, and until then the endpoint stays", async () => {
    await using fleet = testFleet({ exitNoticeMs: 800, probes: { readiness: { periodMs: 5_000 } } });
    await fleet.start();
    // Just after a look, so that the next one is far.
    await fleet.kill(fleet.the().name);
    const first = await fleet.event("replica.exit-noticed");
    await fleet.settled();
    const sinceLookMs = (performance.timeOrigin + performance.now() - first.atMs) % 800;
    await sleep(820 - sinceLookMs);
    await fleet.kill(fleet.the().name);
    const exited = await fleet.event("replica.exited", ({ atMs }) => atMs > first.atMs);
    expect(fleet.the("exited").restarts).toBe(1);
    expect(await get(fleet.url)).toBe("ECONNRESET");
    const noticed = await fleet.event("replica.exit-noticed", ({ atMs }) => atMs > exited.atMs);
    expect(noticed.tookMs).toBeGreaterThan(100);
    expect(noticed.tookMs).toBeLessThan(820);
    const gone = await fleet.event("endpoints", ({ atMs }) => atMs > exited.atMs);
    expect(gone.atMs).toBeGreaterThanOrEqual(noticed.atMs);
  });

  test("loses no line of a replica that is killed, and goes on in the same file", async () => {
    await using fleet = testFleet({ env: { CHATTY: "yes" } });
    await fleet.start();
    const { lines } = JSON.parse(await fleet.admin(fleet.the(), "/seen")) as { lines: number };
    await fleet.kill(fleet.the().name);
    await fleet.event("replica.restarted");
    await fleet.settled();
    const [, before = "", after = ""] = fleet.log(fleet.the()).split(/^started.*$/m);
    const numbers = [...before.matchAll(/^line (\d+)$/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(lines);
    expect(after).toContain("line 1\n");
  });

  test("control: with self-healing off the dead stay dead and go on being chosen", async () => {
    await using fleet = testFleet({ replicas: 2, selfHealing: false });
    await fleet.start();
    const victim = fleet.the();
    await fleet.kill(victim.name);
    await fleet.event("replica.exited");
    await sleep(300);
    expect(fleet.the("exited")).toMatchObject({ name: victim.name, restarts: 0 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(fleet.url)));
    expect(answers.filter((body) => isFailure({ body })).length).toBeGreaterThan(5);
    await expect(fleet.settled({ withinMs: 50 })).rejects.toEqual(code("FLEET_NOT_SETTLED", "was ended by SIGKILL"));
  });

  test("ends a deleted replica that ignores SIGTERM by SIGKILL, not before its grace is over", async () => {
    await using fleet = testFleet({ replicas: 2, terminationGraceMs: 300, env: { ON_SIGTERM: "ignore" } });
    await fleet.start();
    const names = fleet.replicas().map(({ name }) => name);
    await fleet.scale(1);
    // Out of the endpoints from the first moment on, though it lives and calls itself ready.
    const told = await fleet.event("endpoints", ({ terminating }) => terminating.length > 0);
    const survivors = names.filter((name) => name !== told.terminating[0]);
    expect(told.ready).toEqual(survivors);
    const applied = await fleet.event("endpoints.applied", ({ generation }) => generation === told.generation);
    expect(applied.backends).toEqual(survivors);
    const ended = await fleet.event("replica.ended");
    expect(ended).toMatchObject({ killed: true, exit: { code: null, signal: "SIGKILL" } });
    expect(ended.tookMs).toBeGreaterThanOrEqual(298);
  });

  test("a second stop() may shorten the grace", async () => {
    await using fleet = testFleet({ terminationGraceMs: 60_000, env: { ON_SIGTERM: "ignore" } });
    await fleet.start();
    const stopped = fleet.stop();
    await fleet.event("replica.ending");
    await sleep(100);
    expect(fleet.the("terminating").pid).toBeDefined();
    await fleet.stop({ graceMs: 0 });
    await stopped;
    expect((await fleet.event("replica.ended")).killed).toBe(true);
  });
});

describe.concurrent("a rollout", () => {
  test("adds before it removes, changes names and version, and is over before the old ones have ended", async () => {
    await using fleet = testFleet({ replicas: 3, endpointLagMs: 100, env: { ON_SIGTERM: "drain", LAG_MS: "600" } });
    await fleet.start();
    const load = hammer(fleet.url, 20);
    const before = fleet.replicas().map(({ name }) => name);
    await fleet.rollOut({ version: "2", env: { COLOUR: "green" } });
    const ending = fleet.replicas().filter(({ state }) => state === "terminating");
    expect(ending.length).toBeGreaterThan(0);
    expect(fleet.replicas().filter(({ state, version }) => state === "ready" && version === "2")).toHaveLength(3);
    await fleet.settled();
    expect(fleet.replicas().filter(({ name }) => before.includes(name))).toEqual([]);
    expect(await get(fleet.url)).toMatch(/ 2 green$/);
    const answers = await load.stop();
    expect(answers.filter(isFailure)).toEqual([]);
    expect(extremes(fleet, { replicas: 3 })).toEqual({ most: 4, fewestReady: 3 });
    expect((await fleet.event("rollout.end")).outcome).toBe("complete");
    const hash = (name: string) => name.split("-")[1];
    expect(new Set(before.map(hash)).size).toBe(1);
    expect(hash(fleet.the().name)).not.toBe(hash(before[0] ?? ""));
  });

  test("may remove before it adds, if told so; the same version again restarts all and keeps the environment", async () => {
    await using fleet = testFleet({ replicas: 2, rollout: { maxSurge: 0, maxUnavailable: 1 } });
    await fleet.start();
    await fleet.rollOut({ version: "1", env: { COLOUR: "red" } });
    await fleet.rollOut({ version: "1" });
    await fleet.settled();
    expect(fleet.events.filter(({ type }) => type === "replica.starting")).toHaveLength(6);
    expect(extremes(fleet, { replicas: 2 })).toEqual({ most: 2, fewestReady: 1 });
    expect(await get(fleet.url)).toMatch(/ 1 red$/);
  });

  test("that cannot get further says so, leaves the old ones serving, and is rolled back", async () => {
    await using fleet = testFleet({
      replicas: 2,
      rollout: { maxSurge: 1, maxUnavailable: 0, progressDeadlineMs: 700 },
    });
    await fleet.start();
    const before = fleet.replicas().map(({ name }) => name);
    await expect(fleet.rollOut({ version: "bad", env: { FAIL: "readyz" } })).rejects.toEqual(
      code("FLEET_PROGRESS_DEADLINE", "The rollout of web to bad exceeded its progress deadline"),
    );
    expect((await fleet.event("rollout.end")).outcome).toBe("deadline");
    expect(await get(fleet.url)).toContain(" 1 ");
    expect(fleet.replicas().map(({ version }) => version)).toEqual(["1", "1", "bad"]);
    await fleet.rollBack();
    await fleet.settled();
    expect(fleet.replicas().map(({ name }) => name)).toEqual(before);
    expect(fleet.events.findLast((event) => event.type === "rollout.start")).toMatchObject({
      rollback: true,
      from: "bad",
      version: "1",
      revision: 3,
    });
  });

  test("aborted it stays where it is until rolled back; nothing is scaled meanwhile", async () => {
    await using fleet = testFleet({ replicas: 2 });
    await fleet.start();
    await expect(fleet.rollBack()).rejects.toEqual(code("FLEET_NO_EARLIER_REVISION"));
    const abort = new AbortController();
    fleet.on((event) => {
      if (event.type === "replica.starting" && event.version === "2") abort.abort();
    });
    const rolling = fleet.rollOut({ version: "2", env: { START_MS: "60000" }, signal: abort.signal });
    await expect(rolling).rejects.toEqual(code("FLEET_ROLLOUT_ABORTED", "is starting"));
    await expect(fleet.scale(5)).rejects.toEqual(code("FLEET_ROLLOUT_PAUSED"));
    expect(fleet.replicas().map(({ version }) => version)).toEqual(["1", "1", "2"]);
    await fleet.rollBack();
    await fleet.settled();
    expect(fleet.replicas().map(({ version }) => version)).toEqual(["1", "1"]);
  });

  test("a newer one overtakes one that is under way", async () => {
    await using fleet = testFleet({ replicas: 2 });
    await fleet.start();
    const first = fleet.rollOut({ version: "2", env: { FAIL: "readyz" } });
    await fleet.event("replica.starting", ({ version }) => version === "2");
    const second = fleet.rollOut({ version: "3", env: {} });
    await expect(first).rejects.toEqual(code("FLEET_ROLLOUT_SUPERSEDED", "overtaken by one to 3"));
    await second;
    await fleet.settled();
    expect(fleet.replicas().map(({ version }) => version)).toEqual(["3", "3"]);
  });

  test("ends with stop(), even one that a listener calls at the first event", async () => {
    await using fleet = testFleet();
    await fleet.start();
    fleet.on(({ type }) => void (type === "rollout.start" && fleet.stop()));
    await expect(fleet.rollOut({ version: "2" })).rejects.toEqual(code("FLEET_STOPPED"));
    await expect(fleet.scale(2)).rejects.toEqual(code("FLEET_STOPPED"));
  });

  test("is ended by stop()", async () => {
    await using fleet = testFleet();
    await fleet.start();
    const rolling = fleet.rollOut({ version: "2", env: { FAIL: "readyz" } });
    await fleet.event("replica.starting", ({ version }) => version === "2");
    const stopped = fleet.stop();
    await expect(rolling).rejects.toEqual(code("FLEET_STOPPED"));
    await stopped;
    expect((await fleet.event("rollout.end")).outcome).toBe("stopped");
    expect(existsSync(fleet.logDir)).toBe(true);
  });
});
