import { expect, test } from "vitest";
import { afterRestart, restartDelayMs } from "./back-off.ts";
import type { BackOff } from "./back-off.ts";

const kubernetes = { initialMs: 10_000, maxMs: 300_000 };

/** The delays of a container that runs for `ranMs` each time. */
function delays(runs: number[]): number[] {
  let backOff: BackOff | undefined;
  let nowMs = 1_000_000;
  return runs.map((ranMs) => {
    const exitedMs = nowMs + ranMs;
    const delayMs = restartDelayMs(backOff, exitedMs, kubernetes);
    nowMs = exitedMs + delayMs;
    backOff = afterRestart(backOff, { exitedMs, startedMs: nowMs }, kubernetes);
    return delayMs;
  });
}

test("the first restart is at once, then it doubles from 10 s to 5 min", () => {
  expect(delays(Array<number>(9).fill(100))).toEqual([
    0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
  ]);
});

test("a run longer than twice the longest delay wipes the slate", () => {
  expect(delays([100, 100, 100, 600_001, 100])).toEqual([0, 10_000, 20_000, 0, 10_000]);
});

test("a shorter run does not", () => {
  expect(delays([100, 100, 100, 599_999])).toEqual([0, 10_000, 20_000, 40_000]);
});
