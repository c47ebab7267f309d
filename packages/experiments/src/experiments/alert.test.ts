import type { AlertView } from "@holdfast/cluster";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nowMs } from "../clock.ts";
import { experimentOn, factsOf, type Lab } from "../experiment.ts";
import { defaultSystemOn } from "../system.ts";
import { alert } from "./alert.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const FIRES_WITHIN_MS = 49_000;
const RESOLVES_WITHIN_MS = 34_000;

/** What Prometheus says, by the ms since the fault began, or was over. */
type Says = (since: {
  beganMs: number | undefined;
  overMs: number | undefined;
}) => AlertView["state"] | "silent" | "away";

/** A lab whose time passes only when the method waits. */
async function methodWhere(says: Says, opts: { scraped?: string[] } = {}) {
  const marks: string[] = [];
  const faults = new Map<string, unknown>();
  const startedMs = nowMs();
  let [beganMs, overMs] = [undefined, undefined] as (number | undefined)[];
  const since = (fromMs: number | undefined) => (fromMs === undefined ? undefined : nowMs() - fromMs);
  const mark = (name: string) => void marks.push(`${name} ${Math.round((nowMs() - startedMs) / 1000)}`);
  const lab = {
    system: alert.system,
    mark,
    pass: async ({ seconds }: { seconds: number }) => void vi.advanceTimersByTime(seconds * 1000),
    need(holds: boolean, because: string) {
      if (!holds) throw new Error(`void: ${because}`);
    },
    async during(name: string, work: () => Promise<void>) {
      mark(`${name}.start`);
      try {
        await work();
      } finally {
        mark(`${name}.end`);
      }
    },
    target: {
      replicas: async () => ["a", "b"].map((name) => ({ name })),
      async fault({ name }: { name: string }, fault: unknown) {
        beganMs ??= nowMs();
        faults.set(name, fault);
      },
      async clearFaults({ name }: { name: string }) {
        overMs ??= nowMs();
        faults.delete(name);
      },
    },
    platform: {
      scrapedPods: async () => opts.scraped ?? ["a", "b", "c"],
      async readAlerts() {
        const state = says({ beganMs: since(beganMs), overMs: since(overMs) });
        if (state === "away") throw new Error("nobody answers");
        const other = { name: "OtherAlert", state: "firing", labels: {}, activeAt: "" };
        return [other, ...(state === "silent" ? [] : [{ ...other, name: "ServiceErrorRatioHigh", state }])];
      },
    },
  } as unknown as Lab;
  const failure = await alert.method(lab).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { marks, faults, began: beganMs !== undefined, failure };
}

const rightOne: Says = ({ beganMs = 0, overMs = 0 }) => {
  if (overMs > 15_000 || beganMs < 10_000) return "silent";
  return beganMs < 20_000 ? "pending" : "firing";
};

test("each change of the alert is marked; the fault lasts as long as it was said, and the method until it is resolved", async () => {
  const { marks, faults, failure } = await methodWhere(rightOne);
  expect(marks).toEqual([
    "errors.start 0",
    "alert.pending 10",
    "alert.firing 20",
    "errors.end 49",
    "alert.resolved 65",
  ]);
  expect([failure, faults.size]).toEqual([undefined, 0]);
});

test("an alert that stays silent is not waited for any longer: its deadline is over", async () => {
  const { marks, faults, failure } = await methodWhere(() => "silent");
  expect(marks).toEqual(["errors.start 0", "errors.end 49"]);
  expect([failure, faults.size]).toEqual([undefined, 0]);
});

test("one that is never resolved ends the method when its time is over", async () => {
  const { marks } = await methodWhere(({ beganMs }) => (beganMs === undefined ? "silent" : "firing"));
  expect(marks).toEqual(["errors.start 0", "alert.firing 0", "errors.end 49"]);
});

test.each(["pending", "firing"] as const)("one that is %s before anything fails shows nothing", async (state) => {
  const { failure, began } = await methodWhere(() => state);
  expect(failure).toBe(`void: The alert ServiceErrorRatioHigh was ${state} before anything was made to fail.`);
  expect(began).toBe(false);
});

test("a replica that Prometheus does not scrape shows nothing either", async () => {
  const { failure, began } = await methodWhere(rightOne, { scraped: ["a"] });
  expect(failure).toBe("void: Prometheus does not scrape b, so no alert could see it fail.");
  expect(began).toBe(false);
});

test("a Prometheus that is away for some seconds is asked again; for longer, and the run breaks off without its fault", async () => {
  const away = (forMs: number) =>
    methodWhere((since) => {
      const { beganMs = 0 } = since;
      return beganMs > 5000 && beganMs < 5000 + forMs ? "away" : rightOne(since);
    });
  expect((await away(4000)).marks).toContain("alert.firing 20");
  const { failure, faults } = await away(40_000);
  expect([failure, faults.size]).toEqual(["nobody answers", 0]);
});

test("its bounds are computed from scrape, window, wait and evaluation, and from the fault's share and length", () => {
  const { rule, said } = alert.pass(factsOf(experimentOn(alert, "kind"), "kind"));
  expect(rule.deadlines).toEqual(
    expect.arrayContaining([
      { name: "alert fires", from: "errors.start", to: "alert.firing", withinMs: FIRES_WITHIN_MS },
      { name: "alert resolves", from: "errors.end", to: "alert.resolved", withinMs: RESOLVES_WITHIN_MS },
    ]),
  );
  // 60 a second for 49 s + 3 s: 3120, of which 312 and 3 x sqrt(312 x 0.9).
  expect(rule).toMatchObject({ failedAtMost: 363, overWithinMs: 52_000, failedOnlyInWindows: true });
  expect(rule.failedShare).toEqual({ min: 0.08, max: 0.12 });
  expect(said).toContain("at most 363 of 3120");
  expect(alert.methodWithinSeconds * 1000).toBeGreaterThan(FIRES_WITHIN_MS + RESOLVES_WITHIN_MS + 15_000);
});

test("the times that it computes with are those of the platform's Prometheus", () => {
  const file = new URL("../../../../k8s/platform/prometheus/prometheus.yml", import.meta.url);
  const config = readFileSync(file, "utf8");
  const { scrapeSeconds, evaluationSeconds } = defaultSystemOn("kind").platform;
  expect(/^ {2}scrape_interval: (.+)$/m.exec(config)?.[1]).toBe(`${scrapeSeconds}s`);
  expect(/^ {2}evaluation_interval: (.+)$/m.exec(config)?.[1]).toBe(`${evaluationSeconds}s`);
});
