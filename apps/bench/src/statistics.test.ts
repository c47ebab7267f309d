import { expect, test } from "vitest";
import { figure, ratios } from "./statistics.ts";

test("a figure is the median between the extremes", () => {
  expect(figure([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(figure([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
});

test("ratios are taken within a round, so that drift of the machine cancels out", () => {
  expect(ratios([50, 100], [100, 200])).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
});

test("nothing measured is no figure", () => {
  expect(() => figure([])).toThrow("at least one value");
});
