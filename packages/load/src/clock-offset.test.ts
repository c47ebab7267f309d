import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createClockOffset } from "./clock-offset.ts";
import { nowEpochMs } from "./clock.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ["performance", "Date", "setTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An agent whose clock is 40 ms ahead, behind a link that takes as long as it is told. */
function createLink(delays: { thereMs: number; backMs: number }[]) {
  let round = 0;
  const offset = createClockOffset((ping) => {
    const { thereMs, backMs } = delays[round++ % delays.length] ?? { thereMs: 0, backMs: 0 };
    vi.advanceTimersByTime(thereMs);
    const atMs = nowEpochMs() + 40;
    vi.advanceTimersByTime(backMs);
    queueMicrotask(() => offset.pong({ ping, atMs }));
  });
  return offset;
}

test("finds the offset, and how far it may be off, from the quickest round", async () => {
  const offset = createLink([
    { thereMs: 200, backMs: 10 },
    { thereMs: 3, backMs: 1 },
    { thereMs: 10, backMs: 300 },
  ]);
  expect(offset).toMatchObject({ settled: false, estimate: undefined });
  offset.ping();
  await vi.waitFor(() => expect(offset.settled).toBe(true));
  const { offsetMs, uncertaintyMs } = offset.estimate ?? { offsetMs: Number.NaN, uncertaintyMs: Number.NaN };
  expect(uncertaintyMs).toBeCloseTo(2, 1);
  expect(Math.abs(offsetMs - 40)).toBeLessThanOrEqual(uncertaintyMs);
});

test("an answer that nobody asked for is not believed", () => {
  const offset = createClockOffset(() => undefined);
  for (let ping = 0; ping < 9; ping++) offset.pong({ ping, atMs: 5 });
  expect(offset.estimate).toBeUndefined();
});
