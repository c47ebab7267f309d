import { expect, test } from "vitest";

import { createLedger } from "./ledger-fixture.ts";
import { createStats } from "./stats.ts";

const { requests } = createLedger({
  seconds: 20,
  fate: ({ i }) => (i === 100 ? "reset" : i === 1_900 ? "timeout" : i === 1_950 ? "degraded" : undefined),
});

test("tells what is going on in the last window, and what has been in all", () => {
  const stats = createStats(5_000);
  stats.setRate(100);
  stats.add({ type: "socket", atMs: 0, socket: 0, state: "opened" });
  stats.add({ type: "socket", atMs: 0, socket: 1, state: "opened" });
  stats.add({ type: "socket", atMs: 0, socket: 2, state: "failed" });
  stats.add({ type: "socket", atMs: 1, socket: 1, state: "closed", by: "server" });
  for (const request of requests.toSorted((a, b) => a.endMs - b.endMs)) {
    if (request.endMs < 20_100) stats.add(request);
  }
  stats.setNow({ atMs: 20_100, inFlight: 7 });
  const read = stats.read();
  expect(read).toMatchObject({ ratePerSecond: 100, inFlight: 7, openSockets: 1, elapsedMs: 20_000 });
  expect(read).toMatchObject({ ended: 1_983, answered: 1_980, degraded: 1, failed: 2 });
  expect(read.byFate).toMatchObject({ reset: 1, timeout: 1 });
  expect(read.byConnection.new.ended + read.byConnection.persistent.ended).toBe(1_983);
  expect(Object.keys(read.servedBy).toSorted()).toEqual(["r0", "r1", "r2"]);
  expect(read.window).toMatchObject({ ms: 5_000, p50Ms: 10, p99Ms: 3_010, failed: 1, degraded: 1, lagP99Ms: 1 });
  expect(read.window.byFate).toMatchObject({ reset: 0, timeout: 1 });
  expect(read.window.perSecond).toBeCloseTo(100, -1);
});

test("a window without requests is empty, not the last one that had some", () => {
  const stats = createStats(5_000);
  for (const request of requests.slice(0, 200)) stats.add(request);
  stats.setNow({ atMs: 60_000, inFlight: 0 });
  expect(stats.read().window).toMatchObject({ ended: 0, perSecond: 0, p50Ms: 0, servedBy: {} });
});

test("nothing at all is 0, not NaN", () => {
  expect(createStats(5_000).read()).toMatchObject({
    elapsedMs: 0,
    ended: 0,
    window: { ms: 0, perSecond: 0, p99Ms: 0 },
  });
});
