import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createShedder, type Shedder, type ShedderEvent, type ShedderOptions } from "./shedder.ts";

const OPTIONS: ShedderOptions = { shedAbove: 0.9, resumeBelow: 0.6, intervalMs: 100, sustainedIntervals: 2 };

describe("measuring", () => {
  // Only the interval is faked. A test that does not yield is a busy event loop, so the utilisation is real.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
  afterEach(() => void vi.useRealTimers());

  function setUp(opts: Partial<ShedderOptions> = {}): { shedder: Shedder; events: ShedderEvent[] } {
    const shedder = createShedder({ ...OPTIONS, ...opts });
    onTestFinished(() => shedder.stop());
    const events: ShedderEvent[] = [];
    shedder.on((event) => events.push(event));
    return { shedder, events };
  }

  async function idle(intervals: number): Promise<void> {
    for (let i = 0; i < intervals; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      vi.advanceTimersByTime(100);
    }
  }

  test("busy intervals begin shedding, idle ones end it, and each interval says how it was", async () => {
    const { shedder, events } = setUp({ growStep: 0.5 });
    await idle(1);
    expect(shedder.shedding).toBe(false);
    expect(shedder.utilization).toBeLessThan(0.6);
    vi.advanceTimersByTime(100);
    expect(shedder.utilization).toBeGreaterThan(0.9);
    expect(shedder.shedding).toBe(false);
    vi.advanceTimersByTime(100);
    expect(shedder.shedding).toBe(true);
    expect(shedder.admitted).toBe(0.5);
    await idle(1);
    expect(shedder.shedding).toBe(false);
    expect(events.map((event) => event.type)).toEqual([
      "interval",
      "interval",
      "interval",
      "state",
      "interval",
      "state",
    ]);
    expect(events.at(-1)).toMatchObject({ type: "state", shedding: false });
  });

  test("stop() leaves no timer and lets everything in", () => {
    const { shedder, events } = setUp();
    vi.advanceTimersByTime(500);
    expect(shedder.shedding).toBe(true);
    shedder.stop();
    shedder.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(shedder.shedding).toBe(false);
    expect(events.filter((event) => event.type === "state").map((event) => event.shedding)).toEqual([true, false]);
  });

  test("plain node:http: every other request is refused at a share of one half", async () => {
    const { shedder, events } = setUp();
    const shed = shedder.middleware({ problem: { type: "https://example.com/problems/overload", instance: "r1" } });
    const server = createServer((req, res) => shed(req, res, () => void res.end("served"))).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await (await fetch(url)).text();
    vi.advanceTimersByTime(100);
    vi.advanceTimersByTime(100);
    expect(shedder.admitted).toBe(0.5);
    const bodies: string[] = [];
    for (let i = 0; i < 4; i++) bodies.push(await (await fetch(url)).text());
    expect(bodies.filter((body) => body === "served")).toHaveLength(2);
    expect(JSON.parse(bodies[0] as string)).toMatchObject({
      type: "https://example.com/problems/overload",
      instance: "r1",
      status: 503,
      code: "OVERLOADED",
    });
    expect(events.filter((event) => event.type === "shed")).toHaveLength(2);
    expect((await fetch(url, { method: "HEAD" })).headers.get("retry-after")).toMatch(/^[12]$/);
  });
});

describe("options out of range are refused in a sentence", () => {
  test.each<[Partial<ShedderOptions>, string]>([
    [{ shedAbove: 90 }, "shedAbove is 90: set a number from 0 to 1."],
    [{ resumeBelow: -1 }, "resumeBelow is -1: set a number from 0 to 1."],
    [
      { resumeBelow: 0.95 },
      "resumeBelow is 0.95 and shedAbove 0.9: set resumeBelow lower, or shedding begins and ends at once.",
    ],
    [{ intervalMs: 1 }, "intervalMs is 1: set a number from 10 to 60000."],
    [{ sustainedIntervals: 0 }, "sustainedIntervals is 0: set a whole number from 1 to 1000."],
    [{ shrinkFactor: 1 }, "shrinkFactor is 1: set a number from 0 to 0.99."],
    [{ growStep: 0 }, "growStep is 0: set a number from 0.01 to 1."],
    [{ minShare: 1 }, "minShare is 1: set a number from 0 to 0.5."],
    [{ retryAfterSeconds: 0 }, "retryAfterSeconds is 0: set a number from 1 to 3600."],
  ])("%j", (opts, message) => {
    expect(() => createShedder({ ...OPTIONS, ...opts })).toThrow(message);
  });
});
