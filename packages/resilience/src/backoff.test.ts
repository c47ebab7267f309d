import { expect, test } from "vitest";
import { createBackoff } from "./backoff.ts";

const BASE_MS = 100;
const MAX_MS = 1_000;

function delaysOf(callers: number): number[][] {
  return Array.from({ length: callers }, () => {
    const next = createBackoff({ baseDelayMs: BASE_MS, maxDelayMs: MAX_MS });
    return Array.from({ length: 8 }, next);
  });
}

test("retry n waits from 0 to base x 2^(n-1), never more than the maximum", () => {
  for (const delays of delaysOf(1_000)) {
    for (const [index, delayMs] of delays.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(Math.min(MAX_MS, BASE_MS * 2 ** index));
    }
  }
});

test("full jitter: callers that failed together come back spread over the whole span", () => {
  const firstDelays = delaysOf(2_000).map((delays) => delays[0] as number);
  const perTenth = Array.from({ length: 10 }, () => 0);
  for (const delayMs of firstDelays) {
    const tenth = Math.floor(delayMs / (BASE_MS / 10));
    perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
  }
  // 200 expected in each tenth; 120 is six standard deviations away. Without jitter one tenth would hold all 2 000.
  for (const count of perTenth) expect(count).toBeGreaterThan(120);
});

test("a base of 0 retries at once", () => {
  expect(createBackoff({ baseDelayMs: 0, maxDelayMs: 0 })()).toBe(0);
});
