import { expect, test } from "vitest";
import { eventSentence } from "./event-words.ts";

test("a scale is told, and one that changes nothing is not", () => {
  const scale = { atMs: 0, type: "scale", service: "catalogue" } as const;
  expect(eventSentence({ ...scale, detail: { from: 3, to: 5 } })).toBe("catalogue scales from 3 to 5");
  expect(eventSentence({ ...scale, detail: { from: 3, to: 3 } })).toBeUndefined();
});
