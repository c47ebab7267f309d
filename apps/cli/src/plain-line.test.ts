import { expect, test } from "vitest";
import { plainLine } from "./plain-line.ts";
import { sampleReplica, sampleSnapshot } from "./snapshot.fixture.ts";

const services = [
  {
    name: "catalogue",
    wanted: 1,
    replicas: [sampleReplica({ name: "catalogue-1", pid: 7, requests: 1_204, restarts: 2 })],
  },
  { name: "stock", wanted: 0, note: "taken away by you", replicas: [] },
];

test("one line has each replica, the numbers and what is new", () => {
  expect(plainLine(sampleSnapshot({ services }), 81_000)).toBe(
    "up 1 min 24 s | catalogue: catalogue-1 ready v1 pid 7 (1 204 requests, restarts 2) | stock: none (taken away by you)" +
      " | 20 requests/s, p50 23 ms, p99 41 ms; 1 640 sent, 1 597 answered, 40 degraded, 3 failed: 2 refused, 1 reset" +
      " | catalogue-6f4d9c-x2k9q is ready after 880 ms; catalogue-58c7bd-hj8rd is told to end (rollout) and drains",
  );
});

test("what was said in a line before is not said again", () => {
  expect(plainLine(sampleSnapshot({ services }), 84_000)).toMatch(/1 reset$/);
});
