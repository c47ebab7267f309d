import { expect, test } from "vitest";

import { drawLimits } from "./connection-age.ts";

test("limits are spread by the jitter up and down", () => {
  const settings = { maxRequests: 100, maxAgeSeconds: 60, jitter: 0.2 };
  expect(drawLimits(settings, () => 0)).toEqual({ maxRequests: 80, maxAgeMs: 48_000 });
  expect(drawLimits(settings, () => 0.5)).toEqual({ maxRequests: 100, maxAgeMs: 60_000 });
  expect(drawLimits(settings, () => 1)).toEqual({ maxRequests: 120, maxAgeMs: 72_000 });
});

test("0 is off, and a limit is never below one request", () => {
  expect(drawLimits({ maxRequests: 0, maxAgeSeconds: 0, jitter: 0.2 }, () => 0)).toEqual({
    maxRequests: Infinity,
    maxAgeMs: Infinity,
  });
  expect(drawLimits({ maxRequests: 1, maxAgeSeconds: 0, jitter: 1 }, () => 0).maxRequests).toBe(1);
});
