import type { StoredLine } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { judgeAllStored } from "./all-stored.ts";
import { Broken } from "./judgement.ts";
import { judgeNumbered } from "./numbered.ts";

const sent = [{ traceId: "a" }, { traceId: "b" }];
const lines = (...ids: string[]) => ids.map((traceId) => ({ traceId }) as StoredLine);

test("each request has its line, among those of others; one that is stored twice is said", () => {
  expect(judgeAllStored(sent, lines("x", "b", "a"))).toBe("each of 2 requests has its line stored, once");
  expect(judgeAllStored(sent, lines("b", "a", "b"))).toBe(
    "each of 2 requests has its line stored, 1 of them more than once",
  );
});

test("a request without a line is missed", () => {
  expect(() => judgeAllStored(sent, lines("b", "b"))).toThrow("Of 2 requests 1 have no stored line, such as trace a.");
  expect(() => judgeAllStored(sent, [])).toThrow(Broken);
});

test("numbered lines are all there, or it is said which are not", () => {
  expect(judgeNumbered([3, 1, 2], 3)).toBe("all 3 numbered lines are stored, once each");
  expect(judgeNumbered([3, 1, 2, 2], 3)).toContain("1 of them more than once");
  expect(() => judgeNumbered([1, 3], 3)).toThrow("1 of 3 lines are not stored: 2.");
  expect(() => judgeNumbered([], 160)).toThrow("160 of 160 lines are not stored: 1, 2, 3, 4, 5 ...");
});
