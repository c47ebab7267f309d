import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { podCrash } from "./experiments/pod-crash.ts";
import { runExperiment } from "./run.ts";
import type { Target, TargetFactory } from "./target.ts";

let outDir = "";
beforeAll(async () => {
  outDir = await mkdtemp(path.join(tmpdir(), "experiments-end-"));
});
afterAll(() => rm(outDir, { recursive: true, force: true }));

/** A target of which only the start and the end matter, since no run comes further. */
function targetThat(opts: { start?: () => Promise<void>; stop?: () => Promise<void> }) {
  const calls: string[] = [];
  const target = {
    name: "fleet",
    start: opts.start ?? (() => Promise.reject(new Error("no image of that name"))),
    stop: async () => {
      calls.push("stop");
      await opts.stop?.();
    },
    collectLogs: async () => void calls.push("collectLogs"),
  } as unknown as Target;
  const factory: TargetFactory = { name: "fleet", create: async () => target };
  return { factory, calls };
}

const stopFails = () => Promise.reject(new Error("the namespace holdfast-lab could not be removed"));

test("a run that fails and whose target does not end in order says both, the first failure first, and still lets go of the logs", async () => {
  const { factory, calls } = targetThat({ stop: stopFails });
  await expect(runExperiment(podCrash, { target: factory, outDir })).rejects.toMatchObject({
    code: "TARGET_FAILED",
    message:
      "The target did not start: no image of that name. But the target did not end in order, and something of it may be left: the namespace holdfast-lab could not be removed.",
  });
  expect(calls).toEqual(["stop", "collectLogs"]);
});

test("a run that fails and leaves nothing says no more than that", async () => {
  const { factory } = targetThat({});
  await expect(runExperiment(podCrash, { target: factory, outDir })).rejects.toThrow(
    /^The target did not start: no image of that name\.$/,
  );
});

test("a run that is interrupted while its target starts says so, and what it leaves", async () => {
  const interrupted = async (stop?: () => Promise<void>) => {
    const abort = new AbortController();
    const start = async () => {
      abort.abort();
      throw new Error("stopped");
    };
    const { factory } = targetThat({ start, ...(stop ? { stop } : {}) });
    const error = await runExperiment(podCrash, { target: factory, outDir, signal: abort.signal }).catch(
      (thrown: unknown) => thrown,
    );
    return error as { code: string; message: string };
  };
  expect(await interrupted()).toMatchObject({
    code: "INTERRUPTED",
    message: "Interrupted while the target started.",
  });
  expect(await interrupted(stopFails)).toMatchObject({
    code: "INTERRUPTED",
    message: expect.stringMatching(/^Interrupted while the target started\. But the target did not end in order/),
  });
  expect(await readdir(outDir)).toEqual([]);
});
