import { FleetError } from "@holdfast/fleet";
import { expect, test } from "vitest";
import { isOfAbort } from "./aborted.ts";

test("after a signal only what is the signal's is kept quiet", () => {
  const abort = new AbortController();
  abort.abort();
  expect(isOfAbort(abort.signal.reason, abort.signal)).toBe(true);
  expect(isOfAbort(new FleetError("FLEET_START_ABORTED", "The start was aborted."), abort.signal)).toBe(true);
  expect(isOfAbort(new DOMException("over", "AbortError"), abort.signal)).toBe(true);
  expect(isOfAbort(new TypeError("undefined is not a function"), abort.signal)).toBe(false);
});
