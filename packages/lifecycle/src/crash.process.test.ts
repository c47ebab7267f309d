import { expect, test } from "vitest";

import { get } from "./testing/http-get.ts";
import { connectClient } from "./testing/raw-client.ts";
import { hasBegun, isExit, isPhase, isPhaseEnd, startReplica, startServing } from "./testing/replica.ts";
import type { Line } from "./testing/replica.ts";

const isCrash = (line: Line): boolean => line.type === "crash";

for (const [path, origin, message] of [
  ["/crash", "uncaughtException", "a bug"],
  ["/reject", "unhandledRejection", "nobody catches this"],
] as const) {
  test.concurrent(`${origin}: unready at once, serves through its own lag, drains, exits 1`, async () => {
    const replica = await startServing({ lifecycle: { announceSeconds: 0.2, crash: { lagSeconds: 1 } } });
    const slow = await connectClient(replica.port);
    slow.get("/slow?ms=700");
    const trigger = await connectClient(replica.port);
    trigger.get(path);
    expect(await replica.line(isCrash)).toMatchObject({ origin, error: message });
    expect(await get(replica.adminPort, "/readyz")).toMatchObject({ status: 503 });
    expect(await get(replica.port, "/still-sent-here")).toMatchObject({ status: 200 });
    expect(await slow.response()).toMatchObject({ status: 200 });
    trigger.destroy();
    slow.destroy();

    expect(await replica.exited).toMatchObject({ code: 1 });
    expect(replica.lines.find(isPhaseEnd("lag"))?.tookMs).toBeGreaterThanOrEqual(990);
    expect(replica.lines.find(isExit)).toMatchObject({ code: 1, reason: `drained after ${origin}: ${message}` });
  });
}

test.concurrent("a crash drain has a hard deadline, whatever its phases are doing", async () => {
  const replica = await startServing({
    lifecycle: { announceSeconds: 0, crash: { lagSeconds: 0.1, deadlineSeconds: 0.5 } },
  });
  const stuck = await connectClient(replica.port);
  stuck.get("/stuck");
  await replica.line(hasBegun("/stuck"));
  const trigger = await connectClient(replica.port);
  trigger.get("/crash");
  expect(await replica.exited).toMatchObject({ code: 1 });
  expect(replica.lines.at(-1)).toMatchObject({
    type: "exit",
    reason: "uncaughtException: a bug; the drain was not done after 0.5 s",
  });
});

test.concurrent("SIGTERM ends the lag of a crash, since the endpoint is taken away by whoever sends it; the exit stays 1", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0, crash: { lagSeconds: 60 } } });
  const trigger = await connectClient(replica.port);
  trigger.get("/crash");
  await replica.line(isPhase("lag", "start"));
  trigger.destroy();
  replica.kill("SIGTERM");
  expect(await replica.exited).toMatchObject({ code: 1 });
});

test.concurrent("a crash in the middle of a drain is told, and turns the exit into 1", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 1 } });
  const slow = await connectClient(replica.port);
  slow.get("/slow?ms=500");
  await replica.line(hasBegun("/slow?ms=500"));
  replica.kill("SIGTERM");
  await replica.line(isPhase("announce", "start"));
  const trigger = await connectClient(replica.port);
  trigger.get("/reject");
  expect(await trigger.response()).toMatchObject({ status: 200 });
  expect(await slow.response()).toMatchObject({ status: 200 });
  expect(await replica.exited).toMatchObject({ code: 1 });
  expect(replica.lines.some(isCrash)).toBe(true);
});

test.concurrent("control: with the drain switched off a crash exits 1 at once and loses what is in flight", async () => {
  const replica = await startServing({ lifecycle: { drainEnabled: false } });
  const slow = await connectClient(replica.port);
  slow.get("/slow?ms=700");
  await replica.line(hasBegun("/slow?ms=700"));
  const trigger = await connectClient(replica.port);
  trigger.get("/crash");
  expect(await replica.exited).toMatchObject({ code: 1 });
  await expect(slow.response()).rejects.toThrow("before a whole response came");
});

test.concurrent("start-up work that fails: run() throws, the process ends with it and nothing is left open", async () => {
  const replica = startReplica({ prepare: "fail" });
  expect(await replica.exited).toMatchObject({ code: 1, signal: null });
  expect(replica.stderr()).toContain("The start-up work failed: no database.");
});

test.concurrent("a listener that throws is a crash of the program, told once to the others and not without end", async () => {
  const replica = startReplica({ brokenListener: true });
  expect(await replica.exited).toMatchObject({ code: 1 });
  const crashes = replica.lines.filter((line) => line.type === "crash");
  expect(crashes[0]).toMatchObject({ error: "the listener broke", origin: "uncaughtException" });
  expect(crashes.length).toBeLessThan(10);
  expect(replica.lines.at(-1)).toMatchObject({ type: "exit", code: 1 });
});
