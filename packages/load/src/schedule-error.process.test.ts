import { expect, test } from "vitest";

import { measureScheduleError } from "./schedule-error.ts";

test("measures how late the agent sends", { timeout: 30_000 }, async () => {
  const error = await measureScheduleError({ ratePerSecond: 100, durationMs: 1_000, persistentSockets: 10 });
  expect(error).toMatchObject({ ratePerSecond: 100, sent: 100, failed: 0 });
  expect(error.p50Ms).toBeGreaterThan(0);
  expect(error.p50Ms).toBeLessThanOrEqual(error.p99Ms);
  expect(error.p99Ms).toBeLessThanOrEqual(error.maxMs);
  expect(error.cpuMicrosPerRequest).toBeGreaterThan(0);
});
