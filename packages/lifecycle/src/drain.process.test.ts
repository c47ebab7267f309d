/** How a process drains: its phases, its signals and its end. */
import { expect, test } from "vitest";

import { startBusyClient } from "./testing/busy-client.ts";
import { get } from "./testing/http-get.ts";
import { connectClient } from "./testing/raw-client.ts";
import {
  hasBegun,
  isExit,
  isListening,
  isPhase,
  isPhaseEnd,
  isState,
  startReplica,
  startServing,
} from "./testing/replica.ts";
import type { Replica } from "./testing/replica.ts";

/** From the signal to the exit, by the process's own clock: what the machine does beside it does not count. */
function drainMs({ lines }: Replica): number {
  const [signal, exit] = [lines.find((line) => line.type === "signal"), lines.find(isExit)];
  return (exit?.atMs ?? Infinity) - (signal?.atMs ?? 0);
}

test("SIGTERM while idle: all five phases in order, exit 0, nothing on stderr", async () => {
  const replica = await startServing();
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 0, signal: null });
  expect(drainMs(replica)).toBeLessThan(1000);
  expect(replica.stderr()).toBe("");
  const phases = replica.lines.filter((line) => line.type === "phase").map((line) => `${line.phase} ${line.at}`);
  expect(phases).toEqual(
    ["lag", "announce", "drain", "close", "flush"].flatMap((phase) => [`${phase} start`, `${phase} end`]),
  );
  const states = replica.lines.filter((line) => line.type === "state").map((line) => line.to);
  expect(states).toEqual(["ready", "draining", "stopped"]);
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", code: 0, reason: "drained after SIGTERM" });
});

test.concurrent("SIGINT drains as SIGTERM does", async () => {
  const replica = await startServing();
  replica.kill("SIGINT");
  expect(await replica.exited).toMatchObject({ code: 0 });
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", reason: "drained after SIGINT" });
});

test("20 busy keep-alive clients: no request is lost and the exit follows the announcement at once", async () => {
  const replica = await startServing();
  const clients = Array.from({ length: 20 }, () => startBusyClient(replica.port, "/slow?ms=5"));
  await expect.poll(() => clients.every((client) => client.answered > 10)).toBe(true);
  replica.kill("SIGTERM");
  const announced = await replica.line(isPhaseEnd("announce"));
  const exit = await replica.exited;
  await Promise.all(clients.map((client) => client.done));

  expect(clients.flatMap((client) => client.failures)).toEqual([]);
  expect(exit.code).toBe(0);
  // By hand it takes 10 to 50 ms; here the clients share the cores with other tests.
  expect(exit.atMs - announced.atMs).toBeLessThan(1500);
});

test("20 busy keep-alive clients whose requests outlast the announcement are all answered", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0.2 } });
  // A client that has just been answered must ask again within the announcement, also where it shares its cores.
  const clients = Array.from({ length: 20 }, () => startBusyClient(replica.port, "/slow?ms=600"));
  await expect.poll(() => clients.every((client) => client.answered > 0)).toBe(true);
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 0 });
  await Promise.all(clients.map((client) => client.done));
  expect(clients.flatMap((client) => client.failures)).toEqual([]);
});

test("control: with the drain switched off the same clients lose requests", async () => {
  const replica = await startServing({ lifecycle: { drainEnabled: false } });
  const clients = Array.from({ length: 20 }, () => startBusyClient(replica.port, "/slow?ms=5"));
  await expect.poll(() => clients.every((client) => client.answered > 10)).toBe(true);
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 143 });
  await Promise.all(clients.map((client) => client.done));

  expect(clients.flatMap((client) => client.failures).length).toBeGreaterThan(0);
  expect(replica.lines.some((line) => line.type === "phase")).toBe(false);
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", code: 143 });
});

test.concurrent("a second signal at least 1 s after the first exits at once, an earlier one is ignored", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0 } });
  const client = await connectClient(replica.port);
  client.get("/stuck");
  await replica.line(hasBegun("/stuck"));
  replica.kill("SIGINT");
  const first = await replica.line((line) => line.type === "signal" && !line.repeated);
  replica.kill("SIGINT"); // as npm does
  const again = await replica.line((line) => line.type === "signal" && line.repeated);
  expect(again.atMs - first.atMs).toBeLessThan(1000);
  expect(await get(replica.adminPort, "/livez")).toMatchObject({ status: 200 });

  // No event marks the second that must pass.
  await new Promise((resolve) => {
    setTimeout(resolve, 1100);
  });
  replica.kill("SIGINT");
  expect(await replica.exited).toMatchObject({ code: 130 });
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", code: 130, reason: "second signal (SIGINT)" });
  expect(replica.lines.some(isPhase("drain", "end"))).toBe(false);
});

test.concurrent("SIGTERM while starting: the startup probe said 503, exit 0 at once", async () => {
  const replica = startReplica({ prepare: "hang" });
  const { port } = await replica.line(isListening("admin"));
  expect(await get(port, "/startupz")).toMatchObject({ status: 503 });
  expect(await get(port, "/readyz")).toMatchObject({ status: 503 });
  expect(await get(port, "/livez")).toMatchObject({ status: 200 });
  expect(replica.lines.some(isListening("public"))).toBe(false);
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 0 });
  expect(drainMs(replica)).toBeLessThan(1000);
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", code: 0, reason: "SIGTERM while starting" });
  expect(replica.lines.some(isState("ready"))).toBe(false);
});

test.concurrent("parts that never close keep the exit waiting no longer than their phases", async () => {
  const replica = await startServing({
    lifecycle: { closeSeconds: 0.2, flushSeconds: 0.2 },
    hangingClose: true,
    hangingFlush: true,
  });
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 0 });
  expect(replica.lines.find(isPhaseEnd("close"))).toMatchObject({
    outcome: "deadline",
    problems: ["database did not close within 0.2 s"],
  });
  expect(replica.lines.find(isPhaseEnd("flush"))).toMatchObject({
    outcome: "deadline",
    problems: ["telemetry did not close within 0.2 s"],
  });
});

test.concurrent("a program may ignore signals for a while", async () => {
  const replica = await startServing({ ignoreSignals: true });
  replica.kill("SIGTERM");
  replica.kill("SIGINT");
  expect(await get(replica.port, "/still-here")).toMatchObject({ status: 200 });
  expect(await get(replica.adminPort, "/readyz")).toMatchObject({ status: 200 });
  expect(replica.lines.some((line) => line.type === "signal")).toBe(false);
});
