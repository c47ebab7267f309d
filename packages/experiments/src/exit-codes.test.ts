import { expect, test } from "vitest";
import { exitCodeOf } from "./exit-codes.ts";

test("a verdict's exit code tells FAIL from INVALID, and both from usage and from what could not run", () => {
  expect((["PASS", "FAIL", "INVALID"] as const).map(exitCodeOf)).toEqual([0, 1, 3]);
});
