import { expect, test } from "vitest";

import type { LifecycleError } from "./errors.ts";
import { createLifecycle } from "./lifecycle.ts";
import { readOptions } from "./options.ts";
import type { LifecycleOptions } from "./options.ts";

function errorOf(opts: LifecycleOptions): LifecycleError | undefined {
  try {
    readOptions(opts);
    return undefined;
  } catch (error) {
    return error as LifecycleError;
  }
}

function complaint(opts: LifecycleOptions): string {
  return errorOf(opts)?.message ?? "";
}

test("every option has a default", () => {
  expect(readOptions({})).toEqual({
    drainEnabled: true,
    lagSeconds: 0,
    announceSeconds: 2,
    drainSeconds: 10,
    closeSeconds: 2,
    flushSeconds: 2,
    shipSeconds: 0,
    longestRequestSeconds: 10,
    crash: { lagSeconds: 12, deadlineSeconds: 28 },
    timeouts: { keepAliveSeconds: 72, headersSeconds: 5, requestSeconds: 10 },
    connection: { maxRequests: 0, maxAgeSeconds: 60, jitter: 0.2 },
  });
});

test("defaults follow from the options beside them", () => {
  expect(readOptions({ longestRequestSeconds: 30 })).toMatchObject({
    drainSeconds: 30,
    timeouts: { requestSeconds: 30 },
    crash: { deadlineSeconds: 12 + 2 + 30 + 2 + 2 },
  });
  expect(readOptions({ timeouts: { requestSeconds: 3 } }).timeouts.headersSeconds).toBe(3);
  expect(readOptions({ crash: { lagSeconds: 1 } }).crash.deadlineSeconds).toBe(17);
  expect(readOptions({ crash: { lagSeconds: 1 }, shipSeconds: 3 }).crash.deadlineSeconds).toBe(20);
});

test("a drain shorter than the longest request is refused", () => {
  expect(complaint({ drainSeconds: 5, longestRequestSeconds: 8 })).toContain("set drainSeconds to at least 8");
  expect(complaint({ drainSeconds: 8, longestRequestSeconds: 8 })).toBe("");
});

test("headers may not take longer than the request of which they are a part", () => {
  expect(complaint({ timeouts: { headersSeconds: 9, requestSeconds: 8 } })).toContain("timeouts.headersSeconds is 9");
  expect(complaint({ timeouts: { headersSeconds: 9, requestSeconds: 0 } })).toBe("");
});

test("a crash deadline within the crash lag is refused", () => {
  expect(complaint({ crash: { lagSeconds: 5, deadlineSeconds: 5 } })).toContain("leaves nothing after");
});

test("the error has a code and says what to exit with", () => {
  expect(errorOf({ drainSeconds: 1 })).toMatchObject({ code: "INVALID_OPTIONS", exitCode: 2, name: "LifecycleError" });
});

test("all mistakes are named at once, by name, value and what is allowed", () => {
  const message = complaint({
    announceSeconds: -1,
    flushSeconds: Number.NaN,
    shipSeconds: -2,
    lagSeconds: 3_000_000,
    connection: { jitter: 2, maxRequests: 1.5 },
  });
  for (const part of [
    "announceSeconds is -1, allowed are 0 to 2147483",
    "flushSeconds is NaN",
    "shipSeconds is -2",
    "lagSeconds is 3000000",
    "connection.jitter is 2, allowed is 0 to 1",
    "connection.maxRequests is 1.5, allowed are whole numbers from 0",
  ]) {
    expect(message).toContain(part);
  }
});

test("createLifecycle refuses wrong options before anything is opened", () => {
  expect(() => createLifecycle({ drainSeconds: 1 })).toThrow("drainSeconds is 1");
});
