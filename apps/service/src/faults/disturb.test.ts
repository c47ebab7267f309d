import { expect, test } from "vitest";

import { problemIn, testAgent } from "../api.fixture.ts";
import type { Disturbance } from "./effects.ts";
import { disturbRequests, disturbUpstream } from "./disturb.ts";

const calm: Disturbance = { delayMs: 0, errorRatio: 0, upstream: undefined, ignoreSignals: false };

function disturbed(disturbance: Partial<Disturbance>, longestDelayMs = 500) {
  return testAgent({ disturb: disturbRequests({ ...calm, ...disturbance }, { longestDelayMs }) });
}

async function tookMs(call: PromiseLike<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call;
  return performance.now() - startedMs;
}

test("requests wait as long as the fault and they themselves ask for, at most the longest", async () => {
  expect(
    await tookMs(disturbed({ delayMs: 60 }).get("/api/products").set("x-fault-delay-ms", "60")),
  ).toBeGreaterThanOrEqual(118);
  expect(await tookMs(disturbed({ delayMs: 60_000 }, 80).get("/api/products"))).toBeLessThan(2_000);
});

test("a share of the requests fails", async () => {
  expect(problemIn(await disturbed({ errorRatio: 1 }).get("/api/products"))).toBe("500 FAULT_INJECTED");
  expect((await disturbed({}).get("/api/products")).status).toBe(200);
});

test("an attempt upstream fails, or hangs until it is given up", async () => {
  await expect(disturbUpstream({ ...calm, upstream: "error" })(new AbortController().signal)).rejects.toThrow(
    /dependency-failure/,
  );
  const attempt = new AbortController();
  const hanging = disturbUpstream({ ...calm, upstream: "hang" })(attempt.signal);
  attempt.abort(new Error("given up"));
  await expect(hanging).rejects.toThrow("given up");
  await expect(disturbUpstream(calm)(new AbortController().signal)).resolves.toBeUndefined();
});
