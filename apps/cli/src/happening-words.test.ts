import type { FleetEvent } from "@holdfast/fleet";
import { expect, test } from "vitest";
import { happeningOf } from "./happening-words.ts";

const replica = "catalogue-6f4d9c-x2k9q";
const version = "v2";

/** An event without its time. */
type Body<T> = T extends unknown ? Omit<T, "atMs"> : never;

test.for<[Body<FleetEvent>, string, string]>([
  [
    { type: "replica.starting", replica, version, pid: 7, port: 1, adminPort: 2, restarts: 0 },
    "plain",
    `${replica} starts with v2 (pid 7)`,
  ],
  [
    { type: "replica.starting", replica, version, pid: 8, port: 1, adminPort: 2, restarts: 1 },
    "warn",
    `${replica} is started again (restart 1, pid 8)`,
  ],
  [{ type: "replica.ready", replica, version, tookMs: 880 }, "good", `${replica} is ready after 880 ms`],
  [
    { type: "replica.ending", replica, version, reason: "rollout" },
    "plain",
    `${replica} is told to end (rollout) and drains`,
  ],
  [
    { type: "replica.ended", replica, version, exit: { code: 0, signal: null }, killed: false, tookMs: 4_120 },
    "plain",
    `${replica} has ended after 4.1 s (exit 0)`,
  ],
  [
    { type: "replica.ended", replica, version, exit: { code: null, signal: "SIGKILL" }, killed: true, tookMs: 30_000 },
    "bad",
    `${replica} was not done when its grace ran out, and was killed`,
  ],
  [
    { type: "replica.exited", replica, version, exit: { code: null, signal: "SIGKILL" }, pid: 7 },
    "bad",
    `${replica} died (SIGKILL)`,
  ],
  [
    { type: "replica.backoff", replica, version, delayMs: 10_000, restarts: 2 },
    "warn",
    `${replica} keeps dying: 10 s until its next start`,
  ],
  [{ type: "scale", from: 3, to: 4 }, "plain", "catalogue: 3 -> 4 replicas"],
  [
    { type: "rollout.end", revision: 2, version, outcome: "deadline", tookMs: 1 },
    "bad",
    "catalogue: the rollout of v2 ended early (deadline)",
  ],
])("%o is said in words", ([event, tone, text]) => {
  expect(happeningOf({ ...event, atMs: 0 } as FleetEvent, "catalogue")).toEqual({ tone, text });
});

test("what only the ledger needs is not said", () => {
  expect(happeningOf({ type: "endpoints.applied", generation: 1, backends: [], atMs: 0 }, "catalogue")).toBeUndefined();
});
