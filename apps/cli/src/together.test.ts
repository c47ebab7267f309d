import { expect, test } from "vitest";
import { aborted } from "./aborted.ts";
import { together } from "./together.ts";

const never = new AbortController().signal;

test("both answers come, in order", async () => {
  expect(await together(never, [async () => "a", async () => 2])).toEqual(["a", 2]);
});

test("when one fails the other is stopped and waited for, and the first trouble is told", async () => {
  const done: string[] = [];
  const both = together(never, [
    async (signal) => {
      await aborted(signal).catch(() => {});
      done.push("tidied up");
      throw new Error("stopped");
    },
    () => Promise.reject(new Error("the disk is full")),
  ]);
  await expect(both).rejects.toThrow("the disk is full");
  expect(done).toEqual(["tidied up"]);
});

test("a signal stops both", async () => {
  const abort = new AbortController();
  const both = together(abort.signal, [aborted, aborted]);
  abort.abort();
  await expect(both).rejects.toBe(abort.signal.reason);
});
