import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { createLab } from "./lab.ts";
import { defaultSystem } from "./system.ts";
import type { Target } from "./target.ts";

/** A lab without a target, whose load writes down what it is told. */
function bench(target: Partial<Target> = {}, { logDir = "." } = {}) {
  const told: unknown[] = [];
  const lab = createLab({
    target: target as Target,
    system: defaultSystem,
    load: {
      mark: (name, { detail } = {}) => void told.push(detail === undefined ? name : [name, detail]),
      setRate: (perSecond) => void told.push(perSecond),
      stats: () => ({}) as never,
      ledgerSoFar: () => ({}) as never,
    },
    logDir,
    windows: [{ name: "fault", from: "fault.start", to: "fault.end" }],
    ratePerSecond: 80,
    signal: new AbortController().signal,
    onMark: () => {},
  });
  return { lab, told };
}

test("the load changes inside of during() only, with a mark, and what is due then counts at the new rate", async () => {
  const { lab, told } = bench();
  expect(() => lab.setRate(172)).toThrow("calls setRate() outside of during()");
  await lab.during("fault", async () => {
    lab.setRate(100_000);
    await lab.pass({ seconds: 0.05 });
  });
  expect(told).toEqual(["fault.start", 100_000, ["load.rate", { perSecond: 100_000 }], "fault.end"]);
  // 80 a second would be 4.
  expect(lab.scheduledInWindows()).toBeGreaterThan(4_000);
});

test("after the method the load is the plan's again, and nobody changes it any more", async () => {
  const { lab, told } = bench();
  await lab.during("fault", async () => lab.setRate(172));
  lab.close();
  expect(told.slice(-2)).toEqual([80, ["load.rate", { perSecond: 80 }]]);
  await lab.during("late", async () => {
    expect(() => lab.setRate(172)).toThrow("outside of during()");
  });
});

test("a load that never changed is left alone at the end", () => {
  const { lab, told } = bench();
  lab.close();
  expect(told).toEqual([]);
});

test("a figure is a mark of its own, with its words", () => {
  const { lab, told } = bench();
  lab.measured("share", { said: "the busiest answered 20 %", ratio: 1.2 });
  expect(told).toEqual([["share", { said: "the busiest answered 20 %", ratio: 1.2 }]]);
});

test("the platform is disturbed inside of during() only, by whichever way it is reached, and may be looked at always", async () => {
  const calls: string[] = [];
  const platform = {
    stopLogStore: async () => void calls.push("stop"),
    readAlerts: async () => [],
  } as unknown as NonNullable<Target["platform"]>;
  const { lab } = bench({ platform });
  for (const reached of [lab.platform, lab.target.platform]) {
    expect(() => reached?.stopLogStore()).toThrow("calls stopLogStore() outside of during()");
    expect(await reached?.readAlerts()).toEqual([]);
    await lab.during("outage", async () => reached?.stopLogStore());
  }
  expect(calls).toEqual(["stop", "stop"]);
});

test("a file that is kept stands among the run's logs", async () => {
  const logDir = await mkdtemp(path.join(tmpdir(), "lab-"));
  try {
    await bench({}, { logDir }).lab.keep("stored.jsonl", "{}\n");
    expect(await readFile(path.join(logDir, "stored.jsonl"), "utf8")).toBe("{}\n");
  } finally {
    await rm(logDir, { recursive: true });
  }
});
