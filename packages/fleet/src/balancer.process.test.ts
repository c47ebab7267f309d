import { afterEach, describe, expect, test } from "vitest";
import { startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";
import { createPorts } from "./ports.ts";
import type { Exit } from "./process.ts";

/** fork() runs whatever this names; what cannot be run stands for a system that is out of processes or memory. */
const { execPath } = process;
let release: (() => unknown)[] = [];
afterEach(async () => {
  process.execPath = execPath;
  for (const each of release.reverse()) await each();
  release = [];
});

async function testBalancer(): Promise<{ balancer: Balancer; started: number[]; exits: Exit[] }> {
  const service = await createPorts().reserve();
  release.push(() => service.release());
  const started: number[] = [];
  const exits: Exit[] = [];
  const balancer = await startBalancer({
    port: service.port,
    lagMs: 0,
    linkDelayMs: 0,
    graceMs: 100,
    onStarted: (pid) => started.push(pid),
    onApplied: () => undefined,
    onPortTaken: () => undefined,
    onConnections: () => undefined,
    onExited: (exit) => exits.push(exit),
  });
  release.push(() => balancer.stop());
  return { balancer, started, exits };
}

function kill(balancer: Balancer): void {
  if (balancer.pid === undefined) throw new Error("The balancer does not run.");
  process.kill(balancer.pid, "SIGKILL");
}

describe.each([
  { refusal: "emitted", unrunnable: "/nonexistent/node" },
  // A NUL in a path is refused before anything is spawned.
  { refusal: "thrown", unrunnable: "/nonexistent\0/node" },
])("a balancer that cannot be started again, the error $refusal", ({ unrunnable }) => {
  test("is tried again until it can", async () => {
    const { balancer, started, exits } = await testBalancer();
    process.execPath = unrunnable;
    kill(balancer);
    // The kill, and two failed attempts.
    await expect.poll(() => exits.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(3);
    expect(exits[0]).toMatchObject({ signal: "SIGKILL" });
    expect(exits[1]).toMatchObject({ code: null, signal: null, error: expect.any(String) });
    expect(balancer.pid).toBeUndefined();

    process.execPath = execPath;
    await expect.poll(() => started.length, { timeout: 5_000 }).toBe(2);
    expect(balancer.pid).toBe(started[1]);
  });

  test("does not keep stop() waiting", async () => {
    const { balancer, exits } = await testBalancer();
    process.execPath = unrunnable;
    kill(balancer);
    await expect.poll(() => exits.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    await balancer.stop();
    expect(balancer.pid).toBeUndefined();
  });

  test("is refused with a sentence when it is the first", async () => {
    process.execPath = unrunnable;
    await expect(testBalancer()).rejects.toMatchObject({
      code: "FLEET_BALANCER_FAILED",
      message: expect.stringMatching(/^The balancer process did not start: it could not be started: /),
    });
  });
});
