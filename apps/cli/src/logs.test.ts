import { expect, test } from "vitest";
import { isRecent, nothingStored } from "./logs.ts";

test("lines so new that others may be on their way are told from those that are all there", () => {
  const nowMs = Date.parse("2026-11-24T12:00:10Z");
  expect(isRecent({ time: "2026-11-24T12:00:08.123456789Z" }, nowMs)).toBe(true);
  expect(isRecent({ time: "2026-11-24T12:00:06.9Z" }, nowMs)).toBe(false);
  expect(isRecent(undefined, nowMs)).toBe(false);
});

test("where nothing is stored, it is said from when on there is something, and that sampling is no reason", () => {
  expect(nothingStored("4bf92f3577b34da6a3ce929d0e0e4736")).toMatchObject({
    code: "NOTHING_STORED",
    exitCode: 4,
    message: expect.stringMatching(/4bf92f3577b34da6a3ce929d0e0e4736.*sampled or not, from 2 to 3 s after its end on/),
  });
});
