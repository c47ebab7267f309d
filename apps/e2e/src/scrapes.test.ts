import { expect, test } from "vitest";
import { Broken, TooLittle } from "./judgement.ts";
import { judgeScrapes, readScrapes, type Lived } from "./scrapes.ts";

const INTERVAL_MS = 5000;
const every5s = (fromMs: number, toMs: number) =>
  Array.from({ length: Math.floor((toMs - fromMs) / 5000) + 1 }, (_, i) => fromMs + i * 5000);
const judge = (lived: readonly Lived[], scrapes: Record<string, readonly number[]>, nowMs = 60_000) =>
  judgeScrapes(lived, { scrapes: new Map(Object.entries(scrapes)), intervalMs: INTERVAL_MS, nowMs });

const old: Lived = { pod: "old", readyAtMs: 1000, endingAtMs: 31_000 };
const young: Lived = { pod: "young", readyAtMs: 28_000 };

test("a rollout in which each replica is scraped while it is ready is right, and what happens while one ends does not count", () => {
  const found = judge([old, young], { old: every5s(3000, 28_000), young: every5s(31_000, 58_000) });
  expect(found).toMatch(/^2 replicas .* 1 of which have ended; none was unseen for longer than 5\.0 s/);
});

test("one that nobody scraped, or not for long while it was ready, is lost", () => {
  expect(() => judge([old, young], { old: every5s(3000, 31_000) })).toThrow("young was never scraped.");
  expect(() => judge([old], { old: [3000, 8000, 24_000, 29_000] })).toThrow(
    /old was ready and not scraped for 16\.0 s/,
  );
  // From when it is ready, and until it ends.
  expect(() => judge([old], { old: every5s(15_000, 31_000) })).toThrow(Broken);
  expect(() => judge([old], { old: every5s(3000, 15_000) })).toThrow(Broken);
  expect(() => judge([young], { young: every5s(31_000, 40_000) })).toThrow(/for 24\.0 s/);
});

test("one interval may be missed, and one that was never ready needs no more than a scrape", () => {
  expect(judge([old], { old: [3000, 13_000, 23_000, 29_000] })).toContain("10.0 s");
  expect(judge([{ pod: "brief" }], { brief: [4000] })).toContain("1 replicas");
});

test("no replica is too little", () => {
  expect(() => judge([], {})).toThrow(TooLittle);
});

test("a scrape that failed is none", () => {
  const values: [number, string][] = [
    [1, "1"],
    [6.5, "0"],
    [11, "1"],
  ];
  expect(readScrapes({ data: { result: [{ metric: { pod: "a" }, values }] } })).toEqual(
    new Map([["a", [1000, 11_000]]]),
  );
});
