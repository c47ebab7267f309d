import { expect, test } from "vitest";
import { until } from "./until.ts";

const signal = new AbortController().signal;

test("it asks until the answer is the wanted one", async () => {
  let asked = 0;
  const answer = await until(async () => (asked += 1), {
    holds: (n) => n === 3,
    withinSeconds: 60,
    everyMs: 1,
    signal,
  });
  expect(answer).toBe(3);
});

test("when the time is over it hands back the last answer, and it asks at least once", async () => {
  const never = { holds: () => false, withinSeconds: 0, everyMs: 1, signal };
  expect(await until(async () => "nothing", never)).toBe("nothing");
});

test("an abort and what the question throws end it", async () => {
  const abort = new AbortController();
  const waiting = until(async () => 0, {
    holds: () => false,
    withinSeconds: 60,
    everyMs: 60_000,
    signal: abort.signal,
  });
  abort.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
  const broken = until(() => Promise.reject(new Error("the store is gone")), {
    holds: () => true,
    withinSeconds: 1,
    signal,
  });
  await expect(broken).rejects.toThrow("the store is gone");
});
