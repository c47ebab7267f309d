import type { RequestRecord } from "@holdfast/load";
import { expect, test } from "vitest";
import { followLine, worthFollowing } from "./follow-words.ts";

function record(i: number, change: Partial<RequestRecord> = {}): RequestRecord {
  const atMs = i * 10;
  return {
    type: "request",
    i,
    request: "list",
    connection: "new",
    socket: i,
    scheduledMs: atMs,
    sentMs: atMs,
    endMs: atMs + 5,
    fate: "answered",
    status: 200,
    traceId: String(i).padStart(32, "a"),
    ...change,
  };
}

test("the first that failed, where a service may have met it", () => {
  const requests = [
    record(0, { endMs: 900, sampled: true }),
    record(1, { fate: "refused" }),
    record(2, { fate: "unsent", traceId: "" }),
    record(150, { fate: "status", status: 503 }),
    record(151, { fate: "reset" }),
  ];
  const follow = worthFollowing(requests);
  expect(follow).toEqual({
    traceId: requests[3]?.traceId,
    why: "the first that failed (status 503, 1.5 s after the start)",
  });
  expect(worthFollowing(requests.slice(4))?.why).toBe("the first that failed (reset, 1.5 s after the start)");
});

test("where nothing failed, the slowest of those that were sampled", () => {
  const requests = [
    record(0, { sampled: true }),
    record(1, { sampled: true, endMs: 330, fate: "degraded" }),
    record(2, { endMs: 5_000 }),
    record(3, { sampled: true, fate: "refused", endMs: 9_000 }),
  ];
  const follow = worthFollowing(requests);
  expect(follow?.traceId).toBe(requests[1]?.traceId);
  expect(follow && followLine(follow, "second")).toBe(
    `./holdfast trace --name second ${requests[1]?.traceId} follows the slowest whose spans were asked for (320 ms)`,
  );
  expect(worthFollowing([record(0)])).toBeUndefined();
});
