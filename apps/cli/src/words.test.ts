import { expect, test } from "vitest";
import { count, cut, cutName, duration, failures, list, longDuration, plural, rate } from "./words.ts";

test("durations are said in the unit that people would use", () => {
  const said = [0.4, 3, 9.04, 23.4, 999, 1_000, 9_449, 59_999, 84_000, 3_600_000, Number.NaN].map(duration);
  expect(said).toEqual([
    "0.4 ms",
    "3 ms",
    "9 ms",
    "23 ms",
    "999 ms",
    "1 s",
    "9.4 s",
    "59.9 s",
    "1 min 24 s",
    "1 h 0 min",
    "-",
  ]);
  expect([0, 999, 59_999, 60_000].map(longDuration)).toEqual(["0 s", "0 s", "59 s", "1 min 0 s"]);
});

test("numbers have their thousands apart and rates no more digits than mean something", () => {
  expect([0, 999, 1_000, 1_234_567].map(count)).toEqual(["0", "999", "1 000", "1 234 567"]);
  expect([20, 19.47, 0.3, 1_204.4].map(rate)).toEqual(["20", "19.5", "0.3", "1 204"]);
  expect([plural(1, "replica"), plural(3, "replica")]).toEqual(["1 replica", "3 replicas"]);
});

test("failures name their kinds, and only those that happened", () => {
  expect(failures({ total: 0, byFate: { refused: 0 } })).toBe("0 failed");
  expect(failures({ total: 3, byFate: { refused: 2, timeout: 0, reset: 1 } })).toBe("3 failed: 2 refused, 1 reset");
});

test("lists read as sentences and what is too long says that it was cut", () => {
  expect([list([]), list(["a"]), list(["a", "b"]), list(["a", "b", "c"], "or")]).toEqual([
    "",
    "a",
    "a and b",
    "a, b or c",
  ]);
  expect([30, 22, 18, 5].map((width) => cutName("catalogue-6f4d9c-x2k9q", width))).toEqual([
    "catalogue-6f4d9c-x2k9q",
    "catalogue-6f4d9c-x2k9q",
    "catalogue-6…-x2k9q",
    "cata…",
  ]);
  expect([cut("catalogue", 9), cut("catalogue", 6), cut("catalogue", 1), cut("catalogue", 0)]).toEqual([
    "catalogue",
    "catal…",
    "c",
    "",
  ]);
});
