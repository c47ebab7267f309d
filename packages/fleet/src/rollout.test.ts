import { describe, expect, test } from "vitest";
import { hasProgressed, planRollout } from "./rollout.ts";

describe("one step of a rolling update", () => {
  const count = (replicas: number, available = replicas) => ({ replicas, available });

  test.each([
    // wanted, surge, old, current -> current; the numbers of Kubernetes' own test of reconcileNewReplicaSet
    [10, 0, 0, 0, 10],
    [10, 2, 10, 0, 2],
    [10, 2, 5, 0, 7],
    [10, 2, 10, 2, 2],
    [10, 2, 0, 11, 10],
  ])("%i wanted, surge %i, %i old, %i new: %i new", (...row) => {
    const [replicas, maxSurge, old, current, expected] = row;
    const plan = planRollout(
      { replicas, maxSurge, maxUnavailable: 0 },
      { current: count(current, 0), old: [count(old)] },
    );
    expect(plan.current).toBe(expected);
  });

  test.each([
    // wanted, unavailable, old (ready), current (ready) -> old; the numbers of Kubernetes' own test of reconcileOldReplicaSets
    [10, 0, 10, 10, 0, 0, 10],
    [10, 2, 10, 10, 0, 0, 8],
    [10, 2, 10, 8, 0, 0, 8],
    [10, 2, 10, 9, 0, 0, 8],
    [10, 2, 8, 8, 2, 0, 8],
  ])("%i wanted, %i may miss, %i old (%i ready), %i new (%i ready): %i old", (...row) => {
    const [replicas, maxUnavailable, old, oldReady, current, currentReady, expected] = row;
    const plan = planRollout(
      { replicas, maxSurge: 0, maxUnavailable },
      { current: count(current, currentReady), old: [count(old, oldReady)] },
    );
    expect(plan.old).toEqual([expected]);
  });

  test("new ones that never get ready hold the old ones, even when one of those fails", () => {
    const plan = planRollout(
      { replicas: 10, maxSurge: 3, maxUnavailable: 2 },
      { current: count(5, 0), old: [count(8, 7)] },
    );
    expect(plan).toEqual({ current: 5, old: [8] });
  });

  test("a rollback from there takes the failing ones away and fills up", () => {
    const plan = planRollout(
      { replicas: 10, maxSurge: 3, maxUnavailable: 2 },
      { current: count(8, 7), old: [count(5, 0)] },
    );
    expect(plan).toEqual({ current: 8, old: [1] });
  });

  test("the oldest revision goes first", () => {
    const plan = planRollout(
      { replicas: 4, maxSurge: 1, maxUnavailable: 0 },
      { current: count(2), old: [count(1), count(2)] },
    );
    expect(plan.old).toEqual([0, 2]);
  });

  test("scaling down half-way counts what is left of all revisions", () => {
    const plan = planRollout({ replicas: 1, maxSurge: 1, maxUnavailable: 0 }, { current: count(2), old: [count(2)] });
    expect(plan).toEqual({ current: 1, old: [0] });
  });
});

describe("whole rollouts, for every combination of limits", () => {
  for (let replicas = 0; replicas <= 5; replicas++) {
    for (let maxSurge = 0; maxSurge <= 3; maxSurge++) {
      for (let maxUnavailable = 0; maxUnavailable <= 3; maxUnavailable++) {
        if (maxSurge + maxUnavailable === 0) continue;
        test(`${replicas} replicas, surge ${maxSurge}, unavailable ${maxUnavailable}`, () => {
          const current = { replicas: 0, available: 0 };
          const old = { replicas, available: replicas };
          let steps = 0;
          while (current.available < replicas || old.replicas > 0) {
            const plan = planRollout({ replicas, maxSurge, maxUnavailable }, { current, old: [old] });
            current.replicas = plan.current;
            old.replicas = old.available = plan.old[0] ?? 0;
            expect(current.replicas + old.replicas).toBeLessThanOrEqual(replicas + maxSurge);
            expect(current.available + old.available).toBeGreaterThanOrEqual(replicas - maxUnavailable);
            // One of the new ones gets ready at a time, the slowest way there is.
            current.available = Math.min(current.replicas, current.available + 1);
            expect(++steps).toBeLessThan(50);
          }
        });
      }
    }
  }
});

test("progress is one more new, one more ready, or one fewer old", () => {
  const before = { updated: 1, old: 2, available: 2 };
  expect(hasProgressed(before, before)).toBe(false);
  expect(hasProgressed(before, { ...before, available: 1 })).toBe(false);
  expect(hasProgressed(before, { ...before, updated: 2 })).toBe(true);
  expect(hasProgressed(before, { ...before, old: 1 })).toBe(true);
  expect(hasProgressed(before, { ...before, available: 3 })).toBe(true);
});
