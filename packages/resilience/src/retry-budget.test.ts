import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { seededRandom } from "./http-upstream.fixture.ts";
import { createRetryBudget } from "./retry-budget.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([0, 0.05, 0.2, 0.5, 1, 2])(
  "ratio %d: attempts / requests <= 1 + ratio at every moment of any traffic, and what may be spent is spent",
  (ratio) => {
    const random = seededRandom(1_000 * ratio + 3);
    const budget = createRetryBudget({ ratio, windowMs: 10_000 });
    let requests = 0;
    let retries = 0;
    for (let i = 0; i < 20_000; i++) {
      // Bursts, lulls longer than the window, and everything between.
      if (random() < 0.1) vi.advanceTimersByTime(Math.floor(random() ** 4 * 30_000));
      budget.request();
      requests += 1;
      const wanted = Math.floor(random() * 4);
      for (let n = 0; n < wanted; n++) if (budget.spend()) retries += 1;
      expect(retries).toBeLessThanOrEqual(ratio * requests);
    }
    // A budget that never gives anything would pass the bound above.
    expect(retries).toBeGreaterThanOrEqual(0.5 * Math.min(ratio, 1.2) * requests);
  },
);

test("in a steady outage all of the ratio is spent: 200 retries for 1 000 requests, one less where the window turns", () => {
  const budget = createRetryBudget({ ratio: 0.2, windowMs: 10_000 });
  let retries = 0;
  for (let i = 0; i < 1_000; i++) {
    vi.advanceTimersByTime(10);
    budget.request();
    for (let n = 0; n < 2; n++) if (budget.spend()) retries += 1;
  }
  expect(retries).toBeGreaterThanOrEqual(199);
  expect(retries).toBeLessThanOrEqual(200);
});

test("calm times are no savings: after a lull longer than the window a failing burst has its own share only", () => {
  const budget = createRetryBudget({ ratio: 0.2, windowMs: 10_000 });
  for (let i = 0; i < 10_000; i++) budget.request();
  vi.advanceTimersByTime(10_000);
  let retries = 0;
  for (let i = 0; i < 10; i++) {
    budget.request();
    if (budget.spend()) retries += 1;
  }
  expect(retries).toBe(2);
});

test("within the window a burst may spend what the traffic around it earned", () => {
  const budget = createRetryBudget({ ratio: 0.2, windowMs: 10_000 });
  for (let i = 0; i < 100; i++) budget.request();
  vi.advanceTimersByTime(5_000);
  let retries = 0;
  while (budget.spend()) retries += 1;
  expect(retries).toBe(20);
});

test("control: an infinite ratio always gives", () => {
  const budget = createRetryBudget({ ratio: Number.POSITIVE_INFINITY, windowMs: 10_000 });
  budget.request();
  for (let i = 0; i < 1_000; i++) expect(budget.spend()).toBe(true);
});
