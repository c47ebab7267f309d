import { expect, test } from "vitest";
import { createDueCount, createWindowClock } from "./window-clock.ts";

const rules = [
  { name: "starting", from: "replica.starting", to: ["replica.ready", "replica.ended"] },
  { name: "ending", from: "replica.ending", to: "replica.ended" },
];

test("time counts once while several windows are open, and not between them", () => {
  const clock = createWindowClock(rules);
  clock.note({ atMs: 1000, name: "replica.starting", subject: "b" });
  expect(clock.openMs(1500)).toBe(500);
  clock.note({ atMs: 2000, name: "replica.ending", subject: "a" });
  clock.note({ atMs: 2100, name: "replica.ready", subject: "b" });
  expect(clock.openMs(2500)).toBe(1500);
  clock.note({ atMs: 3000, name: "replica.ended", subject: "a" });
  expect(clock.openMs(9000)).toBe(2000);
  clock.note({ atMs: 10_000, name: "replica.ending", subject: "c" });
  expect(clock.openMs(10_250)).toBe(2250);
});

test("an event about another subject closes nothing, unless the rule says so", () => {
  const clock = createWindowClock([{ name: "outage", from: "down", to: "up", sameSubject: false }, ...rules]);
  clock.note({ atMs: 0, name: "replica.ending", subject: "a" });
  clock.note({ atMs: 5, name: "replica.ended", subject: "b" });
  expect(clock.openMs(10)).toBe(10);
  clock.note({ atMs: 10, name: "replica.ended", subject: "a" });
  clock.note({ atMs: 20, name: "down", subject: "x" });
  clock.note({ atMs: 30, name: "up", subject: "y" });
  expect(clock.openMs(99)).toBe(20);
});

test("what is due in windows is counted at the rate of its time", () => {
  const due = createDueCount(80);
  expect(due.count(1500)).toBe(120);
  due.setRate(172, 1500);
  expect(due.perSecond()).toBe(172);
  expect(due.count(1500)).toBe(120);
  // No window was open when it went back.
  expect(due.count(2500)).toBe(292);
  due.setRate(80, 2500);
  expect(due.count(3000)).toBe(332);
});
