import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { faultNames, faultRequest, type FaultRequest } from "../schemas/fault.ts";
import { createFaults, type FaultEvent, type Faults } from "./faults.ts";

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] }),
);
afterEach(() => void vi.useRealTimers());

function make(hasUpstream = true): {
  faults: Faults;
  events: FaultEvent[];
  unready: (string | undefined)[];
  exits: number[];
} {
  const [events, unready, exits] = [[] as FaultEvent[], [] as (string | undefined)[], [] as number[]];
  const faults = createFaults({
    hasUpstream,
    longestDelayMs: 1_000,
    lifecycle: { setUnready: (_source, reason) => unready.push(reason) },
    exit: (code) => exits.push(code),
  });
  faults.on((event) => events.push(event));
  return { faults, events, unready, exits };
}

const request = (fault: string, more: object = {}): FaultRequest => faultRequest.parse({ fault, ...more });

test("a name alone is a fault: every parameter has a default, and every fault a time to live", () => {
  for (const fault of faultNames) expect(faultRequest.parse({ fault })).toMatchObject({ fault, ttlSeconds: 30 });
});

test.each([
  { fault: "latency", ttlSeconds: 3601 },
  { fault: "latency", ttlSeconds: 0 },
  { fault: "latency", ratio: 1 },
  { fault: "fire" },
  { fault: "error-rate", ratio: 1.1 },
  { fault: "memory-leak", limitMebibytes: 1e9 },
  {},
])("%j is no fault", (wrong) => {
  expect(faultRequest.safeParse(wrong).success).toBe(false);
});

test.each([{}, { fault: "fire" }])("what is no fault is told which ones there are (%o)", (wrong) => {
  const { error } = faultRequest.safeParse(wrong);
  expect(error?.issues.map(({ message }) => message)).toEqual([`\`fault\` must be one of ${faultNames.join(", ")}.`]);
});

test("a fault ends with its time", () => {
  const { faults, events } = make();
  faults.start(request("latency", { ttlSeconds: 5, delayMs: 70 }));
  vi.advanceTimersByTime(4_000);
  expect(faults.disturbance.delayMs).toBe(70);
  expect(faults.list()).toEqual([{ fault: "latency", ttlSeconds: 5, delayMs: 70, remainingSeconds: 1 }]);
  vi.advanceTimersByTime(1_000);
  expect([faults.disturbance.delayMs, faults.list()]).toEqual([0, []]);
  expect(events.map(({ active, reason }) => [active, reason])).toEqual([
    [true, "started"],
    [false, "expired"],
  ]);
});

test("a fault that is switched on again starts anew, with its own time", () => {
  const { faults, events } = make();
  faults.start(request("latency", { ttlSeconds: 5 }));
  vi.advanceTimersByTime(4_000);
  faults.start(request("latency", { ttlSeconds: 5, delayMs: 1 }));
  vi.advanceTimersByTime(4_000);
  expect(faults.disturbance.delayMs).toBe(1);
  expect(events.map(({ reason }) => reason)).toEqual(["started", "replaced", "started"]);
});

test("several faults work side by side, and are cleared one by one or together", () => {
  const { faults } = make();
  for (const fault of ["latency", "error-rate", "dependency-failure", "ignore-sigterm", "readiness-off"])
    faults.start(request(fault));
  expect(faults.disturbance).toEqual({ delayMs: 1000, errorRatio: 1, upstream: "error", ignoreSignals: true });
  faults.clear("latency");
  expect(faults.disturbance.delayMs).toBe(0);
  faults.clear();
  expect(faults.disturbance).toEqual({ delayMs: 0, errorRatio: 0, upstream: undefined, ignoreSignals: false });
  expect(faults.list()).toEqual([]);
});

test("readiness is given back", () => {
  const { faults, unready } = make();
  faults.start(request("readiness-off", { ttlSeconds: 1 }));
  vi.advanceTimersByTime(1_000);
  expect(unready).toEqual(["readiness-off is switched on", undefined]);
});

test("the process ends after the answer has left, and not when the fault was cleared before", () => {
  const { faults, exits } = make();
  faults.start(request("exit", { code: 3 }));
  expect(exits).toEqual([]);
  faults.clear();
  vi.advanceTimersByTime(1_000);
  expect(exits).toEqual([]);
  faults.start(request("exit", { code: 3 }));
  vi.advanceTimersByTime(1_000);
  expect(exits).toEqual([3]);
});

test("what cannot work here is a conflict: a start that is over, an upstream that is not there", () => {
  expect(() => make().faults.start(request("slow-start"))).toThrow(/FAULT_SLOW_START_SECONDS/);
  expect(() => make(false).faults.start(request("dependency-failure"))).toThrow(/STOCK_URL/);
});

test("a slow start waits, and ends early when the process shall end", async () => {
  const { faults, events } = make();
  const stop = new AbortController();
  const started = faults.slowStart(60_000, stop.signal);
  expect(events).toEqual([{ fault: "slow-start", active: true, reason: "started" }]);
  stop.abort();
  await started;
  expect(events).toHaveLength(2);
});
