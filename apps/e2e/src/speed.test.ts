import { expect, test } from "vitest";
import type { Sent } from "./client-pod.ts";
import { Broken, TooLittle } from "./judgement.ts";
import { judgeSpeed, speedOf } from "./speed.ts";

const sent = (count: number, more: Partial<Sent> = {}): Sent[] =>
  Array.from({ length: count }, () => ({
    status: 200,
    ms: 5,
    lateMs: 1,
    kept: false,
    traceId: "",
    spanId: "",
    ...more,
  }));
const before = { p99Ms: 20 };

test("what is answered as quickly as before is full speed, with room for a busy neighbour", () => {
  expect(speedOf(sent(250))).toEqual({ p99Ms: 5 });
  expect(judgeSpeed(sent(500), { before })).toBe("0 of 500 requests failed, p99 5 ms (20 ms before)");
  expect(judgeSpeed([...sent(495), ...sent(5, { ms: 3000 })], { before })).toContain("p99 5 ms");
  expect(judgeSpeed(sent(500, { ms: 1500 }), { before })).toContain("p99 1500 ms");
  expect(judgeSpeed(sent(500, { ms: 1800 }), { before: { p99Ms: 600 } })).toContain("p99 1800 ms");
});

test("a failed request, or seconds of waiting, is not", () => {
  const failing = [...sent(499), ...sent(1, { status: 0, error: "ECONNRESET" })];
  expect(() => judgeSpeed(failing, { before })).toThrow(
    "1 of 500 requests failed: 1 x ECONNRESET on a new connection.",
  );
  expect(() => judgeSpeed([...sent(490), ...sent(10, { ms: 1501 })], { before })).toThrow(
    /p99 1501 ms .* 1500 ms would be/,
  );
  expect(() => judgeSpeed([...sent(490), ...sent(10, { status: 503 })], { before })).toThrow(/10 x 503/);
  expect(() => judgeSpeed([...sent(490), ...sent(10, { ms: 5001 })], { before })).toThrow(Broken);
});

test("too few, a late sender, or trouble before is too little to say anything", () => {
  expect(() => judgeSpeed(sent(50), { before })).toThrow(TooLittle);
  expect(() => judgeSpeed(sent(500, { lateMs: 1500 }), { before })).toThrow(/measured its own machine/);
  expect(() => speedOf(sent(50))).toThrow(TooLittle);
  expect(() => speedOf([...sent(200), ...sent(1, { status: 503 })])).toThrow(/Before anything was taken away 1 of 201/);
  expect(() => speedOf(sent(200, { lateMs: 1500 }))).toThrow(TooLittle);
});
