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

test("one request is not some requests", () => {
  const one = [{ name: "catalogue", wanted: 1, replicas: [sampleReplica({ pid: 7, requests: 1 })] }];
  expect(plainLine(sampleSnapshot({ services: one }), 84_000)).toContain("ready v1 pid 7 (1 request) |");
});

test("however many replicas there are and however much happens at once, the line can be read", () => {
  const many = [
    {
      name: "catalogue",
      wanted: 20,
      replicas: Array.from({ length: 21 }, (_, i) =>
        sampleReplica({ name: `catalogue-6f4d9c-${10_000 + i}`, state: "terminating", pid: 100_000 + i, restarts: 2 }),
      ),
    },
  ];
  const happenings = Array.from({ length: 50 }, (_, i) => ({
    atMs: 81_000 + i,
    text: `catalogue-6f4d9c-${10_000 + i} is told to end (rollout) and drains ${"for a long time ".repeat(i)}`,
    tone: "plain" as const,
  }));
  const line = plainLine(sampleSnapshot({ services: many, happenings }), 80_000);
  expect(line.length).toBeLessThan(1_000);
  expect(line).toContain(", and 15 more |");
  expect(line).toContain("| 46 more before; catalogue-6f4d9c-10046 is told to end");
});
