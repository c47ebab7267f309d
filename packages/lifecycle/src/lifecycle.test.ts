import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import type { LifecycleEvent } from "./events.ts";
import { createLifecycle } from "./lifecycle.ts";
import { createProbeHandler } from "./probe-handler.ts";
import { createApp } from "./testing/app.ts";
import { get } from "./testing/http-get.ts";
import { startLocal } from "./testing/local.ts";

const HOST = "127.0.0.1";

test("before it runs it is starting, and says so", () => {
  const lifecycle = createLifecycle();
  expect(lifecycle.state).toBe("starting");
  expect(lifecycle.probe("startupz")).toEqual({
    status: 503,
    state: "starting",
    reason: "start-up work is not done",
  });
});

test("the admin port answers the probes by the state, and 404 to the rest", async () => {
  const { lifecycle, adminPort } = await startLocal();
  const ask = async (): Promise<string> => {
    const probes = await Promise.all(["/livez", "/readyz?verbose", "/startupz"].map((path) => get(adminPort, path)));
    return probes.map((probe) => probe.status).join("/");
  };
  expect(await ask()).toBe("200/200/200");
  lifecycle.setShedding(true, "loop at 0.95");
  expect(lifecycle.state).toBe("shedding");
  expect(await ask()).toBe("200/200/200");
  lifecycle.setUnready("stock", "5 failures in a row");
  expect(await ask()).toBe("200/503/200");
  expect(JSON.parse((await get(adminPort, "/readyz")).body)).toEqual({
    state: "unready",
    reason: "stock: 5 failures in a row",
  });
  expect((await get(adminPort, "/livez/more")).status).toBe(404);
});

test("each change of state is one event; what changes nothing is none", async () => {
  const { lifecycle, events, stop } = await startLocal();
  lifecycle.setUnready("stock", "gone");
  lifecycle.setUnready("stock", "still gone");
  lifecycle.setShedding(true);
  lifecycle.setUnready("stock", undefined);
  lifecycle.setUnready("stock", undefined);
  lifecycle.setShedding(false);
  expect(await stop()).toBe(0);
  const changes = events.filter((event) => event.type === "state").map((event) => `${event.from} -> ${event.to}`);
  expect(changes).toEqual([
    "starting -> ready",
    "ready -> unready",
    "unready -> shedding",
    "shedding -> ready",
    "ready -> draining",
    "draining -> stopped",
  ]);
});

test("what made it unready while it started holds when it has started", async () => {
  const lifecycle = createLifecycle({ announceSeconds: 0 });
  lifecycle.setUnready("fault", "readiness-off");
  const stopping = new AbortController();
  const states: string[] = [];
  lifecycle.on((event) => {
    if (event.type === "state") {
      states.push(event.to);
      stopping.abort();
    }
  });
  await lifecycle.run({
    public: { handler: createApp(), host: HOST, port: 0 },
    admin: { handler: createProbeHandler(lifecycle), host: HOST, port: 0 },
    signals: false,
    stop: stopping.signal,
    exit: () => {},
  });
  expect(states).toEqual(["unready", "draining", "stopped"]);
});

test("a port that is taken: a sentence with a code, and nothing left open", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(0, HOST, resolve);
  });
  const { port } = taken.address() as AddressInfo;
  const lifecycle = createLifecycle();
  const events: LifecycleEvent[] = [];
  lifecycle.on((event) => events.push(event));
  const closed: string[] = [];

  const running = lifecycle.run({
    public: { handler: createApp(), host: HOST, port },
    admin: { handler: createProbeHandler(lifecycle), host: HOST, port: 0 },
    close: [{ name: "stock", close: () => void closed.push("stock") }],
    flush: [{ name: "telemetry", close: () => void closed.push("telemetry") }],
    exit: () => {},
  });
  await expect(running).rejects.toMatchObject({
    code: "PORT_TAKEN",
    exitCode: 4,
    message:
      `The public server cannot listen on port ${port} of 127.0.0.1: another program has it (EADDRINUSE). ` +
      "Stop that program or choose another port.",
  });
  expect(lifecycle.state).toBe("stopped");
  expect(closed).toEqual(["stock", "telemetry"]);
  const admin = events.find((event) => event.type === "listening");
  await expect(get(admin?.port ?? 0, "/livez")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(process.listenerCount("SIGTERM")).toBe(0);
  taken.close();
});

test("an address that is not this machine's is named", async () => {
  const lifecycle = createLifecycle();
  const running = lifecycle.run({
    public: { handler: createApp(), port: 0 },
    admin: { handler: createApp(), host: "192.0.2.1", port: 0 },
    signals: false,
  });
  await expect(running).rejects.toMatchObject({ code: "HOST_UNAVAILABLE", exitCode: 4 });
});

test.each([true, false])(
  "a stop while it starts (drain enabled: %s) exits 0 and opens no port afterwards",
  async (drainEnabled) => {
    const prepared = Promise.withResolvers<void>();
    let told: AbortSignal | undefined;
    const stopping = new AbortController();
    const lifecycle = createLifecycle({ drainEnabled });
    const events: LifecycleEvent[] = [];
    lifecycle.on((event) => events.push(event));
    const codes: number[] = [];
    await lifecycle.run({
      public: { handler: createApp(), host: HOST, port: 0 },
      admin: { handler: createProbeHandler(lifecycle), host: HOST, port: 0 },
      prepare: (signal) => {
        told = signal;
        stopping.abort();
        return prepared.promise;
      },
      signals: false,
      stop: stopping.signal,
      exit: (code) => void codes.push(code),
    });
    expect(told?.aborted).toBe(true);
    prepared.resolve();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(codes).toEqual([0]);
    const listening = events.flatMap((event) => (event.type === "listening" ? [event] : []));
    expect(listening.map((event) => event.server)).toEqual(["admin"]);
    await expect(get(listening[0]?.port ?? 0, "/livez")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  },
);

test("it runs once", async () => {
  const { lifecycle } = await startLocal();
  const again = lifecycle.run({
    public: { handler: createApp(), port: 0 },
    admin: { handler: createApp(), port: 0 },
  });
  await expect(again).rejects.toMatchObject({ code: "ALREADY_RUN", exitCode: 2 });
});

test("dependencies close before telemetry flushes; one that fails is named and stops nothing", async () => {
  const closed: string[] = [];
  const part = (name: string) => ({ name, close: () => void closed.push(name) });
  const broken = { name: "database", close: () => Promise.reject(new Error("gone already.")) };
  const { events, stop } = await startLocal({}, { close: [broken, part("stock")], flush: [part("telemetry")] });
  expect(await stop()).toBe(0);
  expect(closed).toEqual(["stock", "telemetry"]);
  const end = events.find((event) => event.type === "phase" && event.phase === "close" && event.at === "end");
  expect(end).toMatchObject({ outcome: "done", problems: ["database failed to close: gone already"] });
  expect(events.at(-1)).toEqual({
    type: "exit",
    code: 0,
    reason: "drained after stopped by the program; database failed to close: gone already",
  });
});

/** Phases that a stop went through, and how long it waited after telemetry had flushed. */
async function shippedAfter(shipSeconds: number): Promise<{ phases: string[]; waitedMs: number }> {
  let flushedMs = 0;
  const flush = [{ name: "telemetry", close: () => void (flushedMs = performance.now()) }];
  const { events, stop } = await startLocal({ shipSeconds }, { flush });
  expect(await stop()).toBe(0);
  const waitedMs = performance.now() - flushedMs;
  return {
    phases: events.flatMap((event) => (event.type === "phase" && event.at === "end" ? [event.phase] : [])),
    waitedMs,
  };
}

test("who sends the last lines on is waited for after telemetry has flushed, and only where told", async () => {
  const waited = await shippedAfter(0.3);
  expect(waited.phases).toEqual(["lag", "announce", "drain", "close", "flush", "ship"]);
  expect(waited.waitedMs).toBeGreaterThanOrEqual(299);
  const control = await shippedAfter(0);
  expect(control.phases).toEqual(["lag", "announce", "drain", "close", "flush"]);
  expect(control.waitedMs).toBeLessThan(299);
});

test("a stop while it starts waits for them, too: its few lines are all there are", async () => {
  const stopping = new AbortController();
  const lifecycle = createLifecycle({ shipSeconds: 0.2 });
  const phases: string[] = [];
  lifecycle.on((event) => {
    if (event.type === "phase" && event.at === "end") phases.push(`${event.phase} ${event.outcome}`);
  });
  let code: number | undefined;
  await lifecycle.run({
    public: { handler: createApp(), host: HOST, port: 0 },
    admin: { handler: createProbeHandler(lifecycle), host: HOST, port: 0 },
    prepare: () => {
      stopping.abort();
      return new Promise(() => {});
    },
    signals: false,
    stop: stopping.signal,
    exit: (exitCode) => void (code = exitCode),
  });
  expect([phases, code]).toEqual([["flush done", "ship done"], 0]);
});

test("a listener that is taken away hears nothing more", async () => {
  const lifecycle = createLifecycle();
  const heard: string[] = [];
  const off = lifecycle.on((event) => heard.push(event.type));
  off();
  lifecycle.setShedding(true);
  lifecycle.setUnready("a", "b");
  expect(heard).toEqual([]);
});

test("with the drain switched off a stop exits at once, without a phase", async () => {
  const { events, stop } = await startLocal({ drainEnabled: false });
  expect(await stop()).toBe(0);
  expect(events.filter((event) => event.type === "phase")).toEqual([]);
});
