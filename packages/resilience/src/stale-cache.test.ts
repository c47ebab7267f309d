import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startDeadline } from "./deadline.ts";
import { answers, get, HttpStatusError, startHttpUpstream } from "./http-upstream.fixture.ts";
import { createStaleCache, type StaleCacheEvent } from "./stale-cache.ts";
import { createUpstream } from "./upstream.ts";

afterEach(() => void vi.useRealTimers());

describe("remembering", () => {
  test("an entry says its age and goes when it is too old", () => {
    vi.useFakeTimers();
    const cache = createStaleCache<string, number>({ maxEntries: 10, maxAgeMs: 60_000 });
    cache.set("a", 7);
    expect(cache.get("a")).toEqual({ value: 7, ageMs: 0, stale: true });
    vi.advanceTimersByTime(60_000);
    expect(cache.get("a")).toEqual({ value: 7, ageMs: 60_000, stale: true });
    vi.advanceTimersByTime(1);
    expect(cache.get("a")).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test("reading does not make an entry younger, writing does", () => {
    vi.useFakeTimers();
    const cache = createStaleCache<string, number>({ maxEntries: 10, maxAgeMs: 60_000 });
    cache.set("a", 7);
    vi.advanceTimersByTime(5_000);
    cache.get("a");
    expect(cache.get("a")?.ageMs).toBe(5_000);
    cache.set("a", 8);
    expect(cache.get("a")).toEqual({ value: 8, ageMs: 0, stale: true });
  });

  test("freshMs says from when on an answer is called stale", () => {
    vi.useFakeTimers();
    const cache = createStaleCache<string, number>({ maxEntries: 10, maxAgeMs: 60_000, freshMs: 1_000 });
    cache.set("a", 7);
    vi.advanceTimersByTime(999);
    expect(cache.get("a")?.stale).toBe(false);
    vi.advanceTimersByTime(1);
    expect(cache.get("a")?.stale).toBe(true);
  });

  test("a wall clock that is set back makes nothing younger", () => {
    vi.useFakeTimers();
    const cache = createStaleCache<string, number>({ maxEntries: 10, maxAgeMs: 60_000 });
    cache.set("a", 7);
    vi.advanceTimersByTime(60_001);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(cache.get("a")).toBeUndefined();
  });

  test("it is bounded, and what was used last stays longest", () => {
    const evicted: string[] = [];
    const cache = createStaleCache<string, number>({ maxEntries: 3, maxAgeMs: 60_000 });
    cache.on((event) => event.type === "evicted" && evicted.push(event.reason));
    for (const key of ["a", "b", "c"]) cache.set(key, 1);
    cache.get("a");
    cache.set("b", 2);
    cache.set("d", 1);
    expect(["a", "b", "c", "d"].map((key) => cache.get(key)?.value)).toEqual([1, 2, undefined, 1]);
    expect(evicted).toEqual(["full"]);
  });

  test("10 000 keys leave maxEntries of them", () => {
    const cache = createStaleCache<number, number>({ maxEntries: 100, maxAgeMs: 60_000 });
    for (let key = 0; key < 10_000; key++) cache.set(key, key);
    expect(cache.size).toBe(100);
    expect(cache.get(9_899)).toBeUndefined();
    expect(cache.get(9_900)?.value).toBe(9_900);
  });

  test("undefined can be remembered, and forgotten", () => {
    const cache = createStaleCache<string, undefined>({ maxEntries: 2, maxAgeMs: 60_000 });
    cache.set("a", undefined);
    expect(cache.get("a")).toMatchObject({ value: undefined, stale: true });
    expect(cache.delete("a")).toBe(true);
    cache.set("b", undefined);
    cache.clear();
    expect(cache.size).toBe(0);
  });

  test.each([0, 1.5, Number.POSITIVE_INFINITY])(
    "maxEntries %d is refused: it would hold nothing or everything",
    (n) => {
      expect(() => createStaleCache({ maxEntries: n, maxAgeMs: 1 })).toThrow(`maxEntries is ${n}: set a whole number`);
    },
  );
});

describe("falling back, with a real upstream that goes away", () => {
  async function setUp(): Promise<{
    ask: (cached: boolean) => Promise<unknown>;
    stock: Awaited<ReturnType<typeof startHttpUpstream>>;
    events: StaleCacheEvent[];
  }> {
    const stock = await startHttpUpstream(answers.ok);
    const upstream = createUpstream({
      name: "stock",
      attemptTimeoutMs: 500,
      retry: { maxAttempts: 1, budgetRatio: 0.2, baseDelayMs: 1, maxDelayMs: 1 },
      breaker: { failures: 2, openMs: 60_000 },
      isFailure: (error) => !(error instanceof HttpStatusError && error.status < 500),
    });
    onTestFinished(() => upstream.close());
    const cache = createStaleCache<string, string>({ maxEntries: 10, maxAgeMs: 60_000 });
    const events: StaleCacheEvent[] = [];
    cache.on((event) => events.push(event));
    const load = (): Promise<string> => upstream.call(get(stock.url), { deadline: startDeadline(1_000) });
    return { ask: (cached) => (cached ? cache.orStale("p1", load) : load()), stock, events };
  }

  test("slow, failing and refused by the breaker: the last answer is given, with its age", async () => {
    const { ask, stock, events } = await setUp();
    expect(await ask(true)).toEqual({ value: "7", ageMs: 0, stale: false });
    await new Promise((resolve) => setTimeout(resolve, 25));
    for (const answer of [answers.silent, answers.failing, answers.ok]) {
      stock.answer = answer;
      const given = await ask(true);
      expect(given).toMatchObject({ value: "7", stale: true });
      expect((given as { ageMs: number }).ageMs).toBeGreaterThanOrEqual(24);
    }
    expect(events.map((event) => event.type === "fallback" && (event.error as { code?: string }).code)).toEqual([
      "UPSTREAM_TIMEOUT",
      "UPSTREAM_FAILED",
      "UPSTREAM_OPEN",
    ]);
  });

  test("control: without the cache the same calls fail", async () => {
    const { ask, stock } = await setUp();
    await ask(false);
    stock.answer = answers.silent;
    await expect(ask(false)).rejects.toMatchObject({ code: "UPSTREAM_TIMEOUT" });
  });

  test("nothing remembered: the error goes on, and the event says there was no fallback", async () => {
    const { ask, stock, events } = await setUp();
    stock.answer = answers.failing;
    await expect(ask(true)).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    expect(events).toMatchObject([{ type: "fallback", kind: "none" }]);
  });

  test("a 404 is an answer, newer than what is remembered: it is not papered over", async () => {
    const { ask, stock, events } = await setUp();
    await ask(true);
    stock.answer = answers.missing;
    await expect(ask(true)).rejects.toBeInstanceOf(HttpStatusError);
    expect(events).toEqual([]);
  });
});
