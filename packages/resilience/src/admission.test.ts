import { describe, expect, test } from "vitest";
import { createAdmission, type AdmissionOptions } from "./admission.ts";
import { seededRandom } from "./http-upstream.fixture.ts";

const DEFAULTS: AdmissionOptions = {
  shedAbove: 0.9,
  resumeBelow: 0.7,
  sustainedIntervals: 2,
  shrinkFactor: 0.5,
  growStep: 0.1,
  minShare: 0.05,
};

const ALL_OR_NOTHING = { shrinkFactor: 0, minShare: 0, growStep: 1 };

/** Feeds utilisations; how often shedding began or ended. */
function flips(opts: Partial<AdmissionOptions>, utilizations: number[]): number {
  const admission = createAdmission({ ...DEFAULTS, ...opts });
  return utilizations.filter((utilization) => admission.update(utilization)).length;
}

/** Feeds utilisations; how often the admitted share turned from falling to growing or back. */
function turns(opts: Partial<AdmissionOptions>, utilizations: number[]): number {
  const admission = createAdmission({ ...DEFAULTS, ...opts });
  let direction = 0;
  let count = 0;
  for (const utilization of utilizations) {
    const before = admission.share;
    admission.update(utilization);
    const change = Math.sign(admission.share - before);
    if (change * direction < 0) count += 1;
    if (change !== 0) direction = change;
  }
  return count;
}

describe("hysteresis", () => {
  const random = seededRandom(11);
  // A loop that is about as busy as the threshold: 0.80 to 0.98, at random.
  const around = Array.from({ length: 1_000 }, () => 0.8 + 0.18 * random());
  const calm = Array.from({ length: 1_000 }, () => 0.3);

  test("at the edge of overload shedding begins once and holds until there is room", () => {
    expect(flips({}, around)).toBe(1);
    expect(turns({}, around)).toBe(0);
    expect(flips({}, [...around, ...calm])).toBe(2);
    expect(turns({}, [...around, ...calm])).toBe(1);
  });

  test("control: without the gap it flaps", () => {
    expect(turns({ resumeBelow: 0.9 }, around)).toBeGreaterThan(300);
    expect(flips({ resumeBelow: 0.9 }, around)).toBeGreaterThan(5);
    expect(flips({ resumeBelow: 0.9, ...ALL_OR_NOTHING }, around)).toBeGreaterThan(100);
  });
});

describe("a single long interval", () => {
  const hiccups = Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? 1 : 0.3));

  test("is not overload", () => {
    expect(flips({}, hiccups)).toBe(0);
  });

  test("control: with sustainedIntervals 1 every hiccup sheds", () => {
    expect(flips({ sustainedIntervals: 1 }, hiccups)).toBe(20);
  });
});

describe("an offered load of three times what the loop can do", () => {
  /** 200 intervals after the first 10: the loop is as busy as what is let in makes it, and never idle above 1. */
  function serve(opts: Partial<AdmissionOptions>): { served: number; emptyIntervals: number; fullIntervals: number } {
    const admission = createAdmission({ ...DEFAULTS, ...opts });
    const result = { served: 0, emptyIntervals: 0, fullIntervals: 0 };
    for (let i = 0; i < 210; i++) {
      const { share } = admission;
      if (i >= 10) {
        result.served += Math.min(1, 3 * share) / 200;
        if (share === 0) result.emptyIntervals += 1;
        if (share === 1) result.fullIntervals += 1;
      }
      // Refusing costs, too: 5 % of the work it saves.
      admission.update(Math.min(1, 3 * share + 0.15 * (1 - share)));
    }
    return result;
  }

  test("settles on a share that keeps the loop busy, and never refuses everybody nor lets everybody in", () => {
    const { served, emptyIntervals, fullIntervals } = serve({});
    expect(served).toBeGreaterThan(0.5);
    expect(emptyIntervals).toBe(0);
    expect(fullIntervals).toBe(0);
  });

  test("control: all or nothing swings between an empty and a flooded loop", () => {
    const { emptyIntervals, fullIntervals } = serve(ALL_OR_NOTHING);
    expect(emptyIntervals).toBeGreaterThan(50);
    expect(fullIntervals).toBeGreaterThan(50);
  });
});

test.each([
  [1, "11111111"],
  [0.5, "01010101"],
  [0.25, "00010001"],
])("a share of %d is let in evenly, not in clumps", (share, expected) => {
  const admission = createAdmission({ ...DEFAULTS, sustainedIntervals: 1 });
  while (admission.share > share) admission.update(1);
  expect(Array.from({ length: 8 }, () => Number(admission.admit())).join("")).toBe(expected);
});

test("a share that divides no whole number is kept over many requests: 6 of 10", () => {
  const admission = createAdmission({ ...DEFAULTS, sustainedIntervals: 1 });
  admission.update(1);
  admission.update(0);
  expect(admission.share).toBeCloseTo(0.6);
  const admitted = Array.from({ length: 1_000 }, () => admission.admit()).filter(Boolean).length;
  expect(Math.abs(admitted - 600)).toBeLessThanOrEqual(1);
});

test("the share grows back to exactly 1, and reset() gives it back at once", () => {
  const admission = createAdmission({ ...DEFAULTS, growStep: 0.1 });
  for (let i = 0; i < 60; i++) admission.update(1);
  expect(admission.share).toBe(0.05);
  let intervals = 0;
  while (admission.shedding) {
    admission.update(0);
    intervals += 1;
  }
  expect(intervals).toBe(10);
  expect(admission.share).toBe(1);
  for (let i = 0; i < 3; i++) admission.update(1);
  expect(admission.reset()).toBe(true);
  expect(admission.reset()).toBe(false);
  expect(admission.shedding).toBe(false);
});

describe("a loop kept busy by something else than requests", () => {
  function servedOf1000(minShare: number): number {
    const admission = createAdmission({ ...DEFAULTS, minShare });
    for (let i = 0; i < 30; i++) admission.update(1);
    return Array.from({ length: 1_000 }, () => admission.admit()).filter(Boolean).length;
  }

  test("still serves the least share", () => {
    expect(servedOf1000(0.05)).toBeGreaterThanOrEqual(49);
  });

  test("control: without one it serves nobody, to no avail", () => {
    expect(servedOf1000(0)).toBe(0);
  });
});

test("shedAbove 1 switches shedding off: no loop is busier than always", () => {
  expect(
    flips(
      { shedAbove: 1 },
      Array.from({ length: 100 }, () => 1),
    ),
  ).toBe(0);
});
