import type { LoadStats } from "@holdfast/load";
import { expect, test } from "vitest";
import { createLoadView, loadLine } from "./load-view.ts";
import { createFakeTerminal } from "./terminal.fixture.ts";

const stats = {
  ended: 2_400,
  degraded: 0,
  failed: 3,
  byFate: { refused: 2, reset: 1, timeout: 0 },
  window: { perSecond: 200, p50Ms: 3.14, p99Ms: 9.4 },
} as unknown as LoadStats;

test("a load's numbers in one line", () => {
  expect(loadLine(stats, 12_300)).toBe(
    "12 s · 200 requests/s · p50 3.1 ms, p99 9.4 ms · 2 400 ended, 0 degraded, 3 failed: 2 refused, 1 reset",
  );
});

test("where nothing is redrawn there is a line every five seconds", () => {
  const { terminal, said } = createFakeTerminal();
  const view = createLoadView(terminal);
  for (let second = 1; second <= 11; second += 1) view.tick(stats, second * 1_000);
  view.end();
  expect(
    said.err
      .trim()
      .split("\n")
      .map((line) => line.split(" · ")[0]),
  ).toEqual(["5 s", "10 s"]);
});
