import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createArrivals } from "./arrivals.ts";

// Time is the only thing that is faked here.
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

function start(opts: { ratePerSecond: number; untilMs?: number; onDue?: (scheduledMs: number) => void }) {
  const due: number[] = [];
  const onOver = vi.fn<() => void>();
  const arrivals = createArrivals({
    now: () => Date.now(),
    firstMs: 0,
    untilMs: opts.untilMs ?? Number.POSITIVE_INFINITY,
    onDue(scheduledMs) {
      due.push(scheduledMs);
      opts.onDue?.(scheduledMs);
    },
    onOver,
  });
  const first = arrivals.setRate(opts.ratePerSecond);
  return { arrivals, due, onOver, first };
}

test("requests fall due at a constant rate", async () => {
  const { due, first } = start({ ratePerSecond: 100 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(first).toEqual({ i: 0, atMs: 0 });
  expect(due).toHaveLength(101);
  expect(due.slice(0, 4)).toEqual([0, 10, 20, 30]);
});

test("more than one a millisecond fall due too", async () => {
  const { due } = start({ ratePerSecond: 2_500 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(due).toHaveLength(2_501);
});

test("a process that was stopped leaves nothing out: all that fell due meanwhile is sent, under its own time", async () => {
  const { due } = start({ ratePerSecond: 100 });
  await vi.advanceTimersByTimeAsync(100);
  vi.setSystemTime(Date.now() + 3_000);
  await vi.advanceTimersByTimeAsync(20);
  expect(due).toHaveLength(313);
  expect(due.at(-1)).toBe(3_120);
});

test("what is overdue is sent in turns, so that answers are read in between", async () => {
  const { due } = start({ ratePerSecond: 1_000 });
  vi.setSystemTime(1_000);
  await vi.advanceTimersToNextTimerAsync();
  expect(due.length).toBeLessThan(200);
  await vi.advanceTimersByTimeAsync(50);
  expect(due.length).toBeGreaterThan(1_000);
});

test("ends after its duration, with exactly as many requests as that holds", async () => {
  const { due, onOver } = start({ ratePerSecond: 100, untilMs: 500 });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(due).toHaveLength(50);
  expect(onOver).toHaveBeenCalledOnce();
});

test("a new rate counts from the next request on", async () => {
  const { arrivals, due } = start({ ratePerSecond: 100 });
  await vi.advanceTimersByTimeAsync(1_000);
  const first = arrivals.setRate(10);
  expect(first).toEqual({ i: 101, atMs: 1_100 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(due.slice(101)).toEqual([1_100, 1_200, 1_300, 1_400, 1_500, 1_600, 1_700, 1_800, 1_900, 2_000]);
});

test("a much higher rate begins at once", async () => {
  const { arrivals, due } = start({ ratePerSecond: 1 });
  await vi.advanceTimersByTimeAsync(500);
  expect(arrivals.setRate(100)).toEqual({ i: 1, atMs: 500 });
  await vi.advanceTimersByTimeAsync(100);
  expect(due.at(-1)).toBe(600);
});

test("stops at once", async () => {
  const { arrivals, due } = start({ ratePerSecond: 100 });
  await vi.advanceTimersByTimeAsync(100);
  arrivals.stop();
  await vi.advanceTimersByTimeAsync(100);
  expect(due).toHaveLength(11);
  expect(arrivals.scheduled).toBe(11);
});
