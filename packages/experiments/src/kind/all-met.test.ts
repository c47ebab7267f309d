import { expect, test } from "vitest";
import { untilAllMet } from "./all-met.ts";

const signal = new AbortController().signal;

test("asks on until every replica has answered, whatever fails in between", async () => {
  const answers = [{ servedBy: "a" }, { servedBy: "a" }, undefined, {}, { servedBy: "b" }, { servedBy: "c" }];
  let asked = 0;
  const ask = () => {
    const answer = answers[asked];
    asked += 1;
    return answer === undefined ? Promise.reject(new Error("refused")) : Promise.resolve(answer);
  };
  await untilAllMet({ names: () => ["a", "b"], ask, withinMs: 5000, signal });
  expect(asked).toBe(5);
});

test("names those whom nobody met", async () => {
  const ask = () => Promise.resolve({ servedBy: "a" });
  await expect(untilAllMet({ names: () => ["a", "b"], ask, withinMs: 50, signal })).rejects.toThrow(
    /no request through the Service came to b\./,
  );
});
