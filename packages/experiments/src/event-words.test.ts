import { expect, test } from "vitest";
import { eventSentence, markSentence } from "./event-words.ts";

test("a scale is told, and one that changes nothing is not", () => {
  const scale = { atMs: 0, type: "scale", service: "catalogue" } as const;
  expect(eventSentence({ ...scale, detail: { from: 3, to: 5 } })).toBe("catalogue scales from 3 to 5");
  expect(eventSentence({ ...scale, detail: { from: 3, to: 3 } })).toBeUndefined();
});

test("what a scaler wants, and that it does not work, is told", () => {
  const about = { atMs: 0, service: "catalogue" } as const;
  expect(eventSentence({ ...about, type: "scaler.desired", detail: { from: 3, to: 6 } })).toBe(
    "the scaler of catalogue wants 6 replicas",
  );
  expect(eventSentence({ ...about, type: "scaler.failing", detail: { because: "no metrics" } })).toBe(
    "the scaler of catalogue does not work: no metrics",
  );
  expect(eventSentence({ ...about, type: "scaler.working" })).toBe("the scaler of catalogue works");
});

test("another rate and a figure are told in their own words; other marks by their names", () => {
  const mark = (name: string, detail?: unknown) => markSentence(name, { subject: undefined, detail });
  expect(mark("load.rate", { perSecond: 172 })).toBe("the load is 172 requests a second");
  expect(mark("share", { said: "the busiest got a third", ratio: 2 })).toBe("the busiest got a third");
  expect(mark("step-up.start")).toBe("step-up begins");
  expect(markSentence("kill", { subject: "r1" })).toBe("kill (r1)");
  // Told as events of the target already.
  expect(markSentence("replica.ready", { subject: "r1" })).toBeUndefined();
  expect(markSentence("scaler.desired", { subject: undefined, detail: { to: 6 } })).toBeUndefined();
});
