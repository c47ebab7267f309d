import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { clientGone } from "./client-gone.ts";
import { DEADLINE_HEADER, startDeadline } from "./deadline.ts";
import { ResilienceError } from "./errors.ts";
import { answers, get, HttpStatusError, startHttpUpstream } from "./http-upstream.fixture.ts";
import { createUpstream, type Upstream, type UpstreamEvent, type UpstreamOptions } from "./upstream.ts";

interface Overrides extends Omit<Partial<UpstreamOptions>, "retry" | "breaker"> {
  retry?: Partial<UpstreamOptions["retry"]>;
  breaker?: Partial<UpstreamOptions["breaker"]>;
}

/** Breaker and budget are off unless a test turns one on, so that each test shows one protection. */
function setUp(overrides: Overrides = {}): { upstream: Upstream; events: UpstreamEvent[] } {
  const upstream = createUpstream({
    name: "stock",
    attemptTimeoutMs: 2_000,
    isFailure: (error) => !(error instanceof HttpStatusError && error.status < 500),
    ...overrides,
    retry: {
      maxAttempts: 1,
      budgetRatio: Number.POSITIVE_INFINITY,
      baseDelayMs: 1,
      maxDelayMs: 2,
      ...overrides.retry,
    },
    breaker: { failures: Number.POSITIVE_INFINITY, openMs: 200, ...overrides.breaker },
  });
  onTestFinished(() => upstream.close());
  const events: UpstreamEvent[] = [];
  upstream.on((event) => events.push(event));
  return { upstream, events };
}

async function caught(promise: Promise<unknown>): Promise<ResilienceError> {
  try {
    await promise;
  } catch (error) {
    return error as ResilienceError;
  }
  throw new Error("the call succeeded");
}

/** Waits for what other tests on the same two cores may delay. */
function until(condition: () => boolean): Promise<unknown> {
  return vi.waitUntil(condition, { timeout: 4_000, interval: 5 });
}

function typesOf(events: UpstreamEvent[]): string[] {
  return events.map((event) => (event.type === "attempt" ? `attempt ${event.outcome}` : event.type));
}

function outcomesOf(events: UpstreamEvent[]): string[] {
  return events.filter((event) => event.type === "attempt").map((event) => event.outcome);
}

describe("one attempt", () => {
  test("an answer comes back, and the events say so", async () => {
    const stock = await startHttpUpstream(answers.ok);
    const { upstream, events } = setUp();
    expect(await upstream.call(get(stock.url), { deadline: startDeadline(1_000) })).toBe("7");
    expect(typesOf(events)).toEqual(["attempt success", "call"]);
    expect(events.at(-1)).toMatchObject({ upstream: "stock", outcome: "success", attempts: 1 });
  });

  test("it takes at most its attempt timeout, and the upstream was told so", async () => {
    const stock = await startHttpUpstream(answers.silent);
    const { upstream } = setUp({ attemptTimeoutMs: 80 });
    const deadline = startDeadline(5_000);
    const error = await caught(upstream.call(get(stock.url), { deadline }));
    expect(error).toMatchObject({
      code: "UPSTREAM_TIMEOUT",
      status: 504,
      upstream: "stock",
      attempts: 1,
      message: "stock did not answer within 80 ms.",
    });
    expect(deadline.remainingMs).toBeGreaterThan(4_000);
    expect(Number(stock.requests[0]?.headers[DEADLINE_HEADER])).toBeLessThanOrEqual(80);
  });

  test("it takes at most what is left of the request, and the upstream was told so", async () => {
    const stock = await startHttpUpstream(answers.silent);
    const { upstream, events } = setUp({ attemptTimeoutMs: 5_000, retry: { maxAttempts: 3 } });
    const deadline = startDeadline(80);
    const error = await caught(upstream.call(get(stock.url), { deadline }));
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", status: 504, attempts: 1 });
    expect(Number(stock.requests[0]?.headers[DEADLINE_HEADER])).toBeLessThanOrEqual(80);
    expect(typesOf(events)).toEqual(["attempt aborted", "call"]);
  });

  test("an expired deadline asks nobody", async () => {
    const stock = await startHttpUpstream(answers.ok);
    const { upstream, events } = setUp();
    const error = await caught(upstream.call(get(stock.url), { deadline: startDeadline(0) }));
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", attempts: 0 });
    expect(stock.requests).toHaveLength(0);
    expect(typesOf(events)).toEqual(["call"]);
  });

  test("the connection of an attempt that timed out is given up, not left hanging", async () => {
    const hungUp = Promise.withResolvers<void>();
    const stock = await startHttpUpstream((req) => req.socket.once("close", () => hungUp.resolve()));
    const { upstream } = setUp({ attemptTimeoutMs: 50 });
    await caught(upstream.call(get(stock.url), { deadline: startDeadline(5_000) }));
    await expect(hungUp.promise).resolves.toBeUndefined();
  });

  test("an attempt that ignores its signal cannot hold its caller, and its late failure troubles nobody", async () => {
    const { upstream } = setUp({ attemptTimeoutMs: 30 });
    const late = Promise.withResolvers<never>();
    const error = await caught(upstream.call(() => late.promise, { deadline: startDeadline(5_000) }));
    expect(error.code).toBe("UPSTREAM_TIMEOUT");
    late.reject(new Error("too late"));
    // An unhandled rejection would fail the run.
    await delay(10);
  });

  test("a late end of one attempt does not touch the next one", async () => {
    const { upstream } = setUp({ attemptTimeoutMs: 40, retry: { maxAttempts: 2 } });
    const first = Promise.withResolvers<string>();
    const gone = new AbortController();
    const calling = upstream.call(
      ({ attempt }) => {
        if (attempt === 1) return first.promise;
        first.resolve("late");
        setTimeout(() => gone.abort(), 5);
        return new Promise<string>(() => {});
      },
      { deadline: startDeadline(5_000), signal: gone.signal },
    );
    expect(await caught(calling)).toMatchObject({ code: "CALL_ABORTED", attempts: 2 });
  });

  test("the timer behind an attempt's own deadline ends with the attempt", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { upstream } = setUp();
    const answer = upstream.call(async (ctx) => ctx.deadline.signal.aborted, { deadline: startDeadline(5_000) });
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    expect(await answer).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a refused connection is a failure with its cause", async () => {
    const { upstream } = setUp();
    const error = await caught(upstream.call(get("http://127.0.0.1:1"), { deadline: startDeadline(1_000) }));
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", status: 502, attempts: 1 });
    expect(error.message).toBe("stock failed: fetch failed");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  test("a function that throws at once fails like one that rejects, with a message of bounded length", async () => {
    const { upstream } = setUp();
    const error = await caught(
      upstream.call(
        () => {
          throw new Error("x".repeat(10_000));
        },
        { deadline: startDeadline(1_000) },
      ),
    );
    expect(error.code).toBe("UPSTREAM_FAILED");
    expect(error.message.length).toBeLessThan(300);
  });

  test("a 404 is an answer: thrown untouched, not retried, no failure", async () => {
    const stock = await startHttpUpstream(answers.missing);
    const { upstream, events } = setUp({ retry: { maxAttempts: 3 }, breaker: { failures: 1 } });
    const error = await caught(upstream.call(get(stock.url), { deadline: startDeadline(1_000) }));
    expect(error).toBeInstanceOf(HttpStatusError);
    expect(stock.requests).toHaveLength(1);
    expect(upstream.state).toBe("closed");
    expect(typesOf(events)).toEqual(["attempt success", "call"]);
  });
});

describe("retries", () => {
  test("a failure is retried until an answer comes", async () => {
    let asked = 0;
    const stock = await startHttpUpstream((req, res) => (++asked < 3 ? answers.failing : answers.ok)(req, res));
    const { upstream, events } = setUp({ retry: { maxAttempts: 3 } });
    expect(await upstream.call(get(stock.url), { deadline: startDeadline(1_000) })).toBe("7");
    expect(typesOf(events)).toEqual([
      "attempt failure",
      "retry",
      "attempt failure",
      "retry",
      "attempt success",
      "call",
    ]);
    expect(events.filter((event) => event.type === "attempt").map((event) => event.attempt)).toEqual([1, 2, 3]);
  });

  test("each attempt hands on less than the one before", async () => {
    const stock = await startHttpUpstream((_req, res) => setTimeout(() => res.writeHead(500).end(), 20));
    const { upstream } = setUp({ attemptTimeoutMs: 10_000, retry: { maxAttempts: 3 } });
    await caught(upstream.call(get(stock.url), { deadline: startDeadline(5_000) }));
    const told = stock.requests.map((request) => Number(request.headers[DEADLINE_HEADER]));
    expect(told).toHaveLength(3);
    expect(told[0]).toBeLessThanOrEqual(5_000);
    expect(told[1]).toBeLessThanOrEqual((told[0] as number) - 18);
    expect(told[2]).toBeLessThanOrEqual((told[1] as number) - 18);
  });

  test("retry: false asks once, for what must not happen twice", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream } = setUp({ retry: { maxAttempts: 3 } });
    await caught(upstream.call(get(stock.url), { deadline: startDeadline(1_000), retry: false }));
    expect(stock.requests).toHaveLength(1);
  });

  /** 150 calls by 10 callers against an upstream that only fails; attempts per call at every moment. */
  async function outage(budgetRatio: number): Promise<{ attempts: number; worstRatio: number; exhausted: number }> {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ retry: { maxAttempts: 3, budgetRatio } });
    let calls = 0;
    let worstRatio = 0;
    async function caller(): Promise<void> {
      for (let i = 0; i < 15; i++) {
        calls += 1;
        expect((await caught(upstream.call(get(stock.url), { deadline: startDeadline(5_000) }))).code).toBe(
          "UPSTREAM_FAILED",
        );
        worstRatio = Math.max(worstRatio, stock.requests.length / calls);
      }
    }
    await Promise.all(Array.from({ length: 10 }, caller));
    const exhausted = events.filter((event) => event.type === "budget-exhausted").length;
    return { attempts: stock.requests.length, worstRatio, exhausted };
  }

  test("the budget holds attempts / requests <= 1.2 while everything fails, at every moment", async () => {
    const { attempts, worstRatio, exhausted } = await outage(0.2);
    expect(worstRatio).toBeLessThanOrEqual(1.2);
    expect(attempts).toBeGreaterThanOrEqual(175);
    expect(attempts).toBeLessThanOrEqual(180);
    expect(exhausted).toBeGreaterThan(100);
  });

  test("control: without a budget an outage triples the load", async () => {
    const { attempts, exhausted } = await outage(Number.POSITIVE_INFINITY);
    expect(attempts).toBe(450);
    expect(exhausted).toBe(0);
  });

  test("it never sleeps past the deadline: a back-off that does not fit ends the call at once, saying why", async () => {
    const stock = await startHttpUpstream(answers.failing);
    vi.spyOn(Math, "random").mockReturnValue(0.99);
    onTestFinished(() => void vi.restoreAllMocks());
    const { upstream, events } = setUp({ retry: { maxAttempts: 3, baseDelayMs: 5_000, maxDelayMs: 5_000 } });
    const deadline = startDeadline(2_000);
    const error = await caught(upstream.call(get(stock.url), { deadline }));
    expect(error.code).toBe("UPSTREAM_FAILED");
    expect(deadline.remainingMs).toBeGreaterThan(1_000);
    expect(typesOf(events)).toEqual(["attempt failure", "call"]);
  });

  test("Retry-After is honoured where it fits into the deadline, and ends the call where it does not", async () => {
    let asked = 0;
    const stock = await startHttpUpstream((req, res) => {
      if (++asked > 1) return answers.ok(req, res);
      return res.writeHead(503, { "retry-after": "1" }).end();
    });
    const afterMs = (error: unknown): number | undefined => (error as HttpStatusError).retryAfterMs;
    const { upstream, events } = setUp({ retry: { maxAttempts: 2, afterMs } });
    expect((await caught(upstream.call(get(stock.url), { deadline: startDeadline(900) }))).code).toBe(
      "UPSTREAM_FAILED",
    );
    expect(asked).toBe(1);
    asked = 0;
    expect(await upstream.call(get(stock.url), { deadline: startDeadline(4_000) })).toBe("7");
    expect(events.find((event) => event.type === "retry")).toMatchObject({ delayMs: 1_000, attempt: 2 });
  });

  test.each([Number.NaN, -5, undefined])("an afterMs of %d changes nothing", async (asked) => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ retry: { maxAttempts: 2, afterMs: () => asked } });
    await caught(upstream.call(get(stock.url), { deadline: startDeadline(1_000) }));
    expect(stock.requests).toHaveLength(2);
    const [delayMs] = events.filter((event) => event.type === "retry").map((event) => event.delayMs);
    expect([0, 1]).toContain(delayMs);
  });
});

describe("breaker", () => {
  /** 20 calls one after another against an upstream that never answers. */
  async function silence(failures: number): Promise<{ codes: string[]; typicalAfterFifthMs: number; asked: number }> {
    const stock = await startHttpUpstream(answers.silent);
    const { upstream } = setUp({ attemptTimeoutMs: 40, breaker: { failures, openMs: 60_000 } });
    const codes: string[] = [];
    const afterFifthMs: number[] = [];
    for (let i = 0; i < 20; i++) {
      const startedAtMs = performance.now();
      codes.push((await caught(upstream.call(get(stock.url), { deadline: startDeadline(1_000) }))).code);
      if (i >= 5) afterFifthMs.push(performance.now() - startedAtMs);
    }
    const typicalAfterFifthMs = afterFifthMs.sort((a, b) => a - b)[7] as number;
    return { codes, typicalAfterFifthMs, asked: stock.requests.length };
  }

  test("a silent upstream holds five callers, the rest are told at once", async () => {
    const { codes, typicalAfterFifthMs, asked } = await silence(5);
    expect(codes).toEqual([
      ...Array.from({ length: 5 }, () => "UPSTREAM_TIMEOUT"),
      ...Array.from({ length: 15 }, () => "UPSTREAM_OPEN"),
    ]);
    expect(typicalAfterFifthMs).toBeLessThan(20);
    expect(asked).toBe(5);
  });

  test("control: without a breaker it holds every one of them", async () => {
    const { codes, typicalAfterFifthMs, asked } = await silence(Number.POSITIVE_INFINITY);
    expect(new Set(codes)).toEqual(new Set(["UPSTREAM_TIMEOUT"]));
    expect(typicalAfterFifthMs).toBeGreaterThanOrEqual(39);
    expect(asked).toBe(20);
  });

  test("down, then back: opens, says when it asks again, lets one probe through, closes", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ breaker: { failures: 3, openMs: 400 } });
    const call = (): Promise<string> => upstream.call(get(stock.url), { deadline: startDeadline(2_000) });
    for (let i = 0; i < 3; i++) await caught(call());
    expect(upstream.state).toBe("open");
    const rejected = await caught(call());
    expect(rejected).toMatchObject({ code: "UPSTREAM_OPEN", status: 503, attempts: 0 });
    expect(rejected.retryAfterMs).toBeGreaterThan(0);
    expect(rejected.retryAfterMs).toBeLessThanOrEqual(400);
    expect(stock.requests).toHaveLength(3);

    const slow = Promise.withResolvers<void>();
    stock.answer = (_req, res) => void slow.promise.then(() => res.end("back"));
    await delay(410);
    const probe = call();
    expect(upstream.state).toBe("half_open");
    const others = await Promise.all(Array.from({ length: 50 }, () => caught(call())));
    expect(new Set(others.map((error) => error.code))).toEqual(new Set(["UPSTREAM_OPEN"]));
    slow.resolve();
    expect(await probe).toBe("back");
    expect(stock.requests).toHaveLength(4);
    expect(upstream.state).toBe("closed");
    expect(await call()).toBe("back");
    const changes = events.filter((event) => event.type === "breaker").map((event) => `${event.from} > ${event.to}`);
    expect(changes).toEqual(["closed > open", "open > half_open", "half_open > closed"]);
    expect(events.filter((event) => event.type === "rejected")).toHaveLength(51);
  });

  test("a failed probe is not retried: it opens the breaker for the whole time again", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ retry: { maxAttempts: 5 }, breaker: { failures: 2, openMs: 50 } });
    const call = (): Promise<string> => upstream.call(get(stock.url), { deadline: startDeadline(2_000) });
    expect((await caught(call())).message).toBe("stock failed in 2 attempts: HTTP 500");
    await delay(60);
    await caught(call());
    expect(stock.requests).toHaveLength(3);
    expect(upstream.state).toBe("open");
    // Nor does anyone sleep, or spend a retry, on an attempt that the breaker would refuse.
    expect(typesOf(events)).toEqual([
      "attempt failure",
      "retry",
      "attempt failure",
      "breaker",
      "call",
      "breaker",
      "attempt failure",
      "breaker",
      "call",
    ]);
  });

  test("a breaker that others open during a back-off ends the call with the failure that it saw", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({
      retry: { maxAttempts: 2, afterMs: () => 1_000 },
      breaker: { failures: 2, openMs: 10_000 },
    });
    const waiting = caught(upstream.call(get(stock.url), { deadline: startDeadline(2_000) }));
    await until(() => events.some((event) => event.type === "retry"));
    await caught(upstream.call(get(stock.url), { deadline: startDeadline(2_000), retry: false }));
    expect(upstream.state).toBe("open");
    expect(await waiting).toMatchObject({ code: "UPSTREAM_FAILED", attempts: 1 });
    expect(stock.requests).toHaveLength(2);
  });

  test("an isFailure that is itself broken surfaces, and costs no probe its place", async () => {
    const stock = await startHttpUpstream(answers.failing);
    let broken = false;
    const { upstream } = setUp({
      breaker: { failures: 1, openMs: 30 },
      isFailure: () => {
        if (broken) throw new RangeError("a bug in isFailure");
        return true;
      },
    });
    const call = (): Promise<string> => upstream.call(get(stock.url), { deadline: startDeadline(2_000) });
    await caught(call());
    await delay(40);
    broken = true;
    await expect(call()).rejects.toThrow("a bug in isFailure");
    stock.answer = answers.ok;
    expect(await call()).toBe("7");
    expect(upstream.state).toBe("closed");
  });
});

describe("a caller that ends the call", () => {
  /** 20 calls against a silent upstream that end after 30 ms, by one of two hands. */
  async function silence(by: "caller" | "timeout"): Promise<{ upstream: Upstream; events: UpstreamEvent[] }> {
    const stock = await startHttpUpstream(answers.silent);
    const { upstream, events } = setUp({
      attemptTimeoutMs: by === "timeout" ? 30 : 5_000,
      retry: { maxAttempts: 3 },
      breaker: { failures: 5, openMs: 60_000 },
    });
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const signal = by === "caller" ? AbortSignal.timeout(30) : new AbortController().signal;
        await caught(upstream.call(get(stock.url), { deadline: startDeadline(5_000), signal }));
      }),
    );
    return { upstream, events };
  }

  test("is no failure of the upstream: the breaker stays closed, nothing is retried", async () => {
    const { upstream, events } = await silence("caller");
    expect(upstream.state).toBe("closed");
    expect(outcomesOf(events)).toEqual(Array.from({ length: 20 }, () => "aborted"));
    expect(events.filter((event) => event.type === "call").map((event) => event.outcome)).toEqual(
      Array.from({ length: 20 }, () => "CALL_ABORTED"),
    );
  });

  test("control: the same silence ended by the attempt timeout opens it", async () => {
    const { upstream, events } = await silence("timeout");
    expect(upstream.state).toBe("open");
    expect(new Set(outcomesOf(events))).toEqual(new Set(["timeout"]));
  });

  test("hostile deadlines of a few ms do not open the breaker for everybody", async () => {
    const stock = await startHttpUpstream((_req, res) => setTimeout(() => res.end("7"), 60));
    const { upstream, events } = setUp({ breaker: { failures: 5, openMs: 60_000 } });
    for (let i = 0; i < 20; i++) {
      const error = await caught(upstream.call(get(stock.url), { deadline: startDeadline(i % 8) }));
      expect(error.code).toBe("DEADLINE_EXCEEDED");
    }
    expect(upstream.state).toBe("closed");
    expect(new Set(outcomesOf(events))).toEqual(new Set(["aborted"]));
    expect(await upstream.call(get(stock.url), { deadline: startDeadline(5_000) })).toBe("7");
  });

  /** 20 calls to an upstream that minds deadlines, as ours do: it answers 504 when the time it was told is over. */
  async function mindful(opts: { attemptTimeoutMs: number; deadlineMs: (i: number) => number }): Promise<Upstream> {
    const stock = await startHttpUpstream((req, res) => {
      setTimeout(() => res.writeHead(504).end(), Number(req.headers[DEADLINE_HEADER]));
    });
    const { upstream } = setUp({
      attemptTimeoutMs: opts.attemptTimeoutMs,
      breaker: { failures: 2, openMs: 60_000 },
    });
    for (let i = 0; i < 20; i++) {
      await caught(upstream.call(get(stock.url), { deadline: startDeadline(opts.deadlineMs(i)) }));
    }
    return upstream;
  }

  test("nor does an upstream that gives up with them, a moment before we do", async () => {
    const upstream = await mindful({ attemptTimeoutMs: 10_000, deadlineMs: (i) => i / 2 });
    expect(upstream.state).toBe("closed");
  });

  test("control: an upstream that gives up after its whole attempt timeout has failed", async () => {
    const upstream = await mindful({ attemptTimeoutMs: 20, deadlineMs: () => 5_000 });
    expect(upstream.state).toBe("open");
  });

  test("with less than a whole ms left nobody is asked: the header could only say 0", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream } = setUp({ breaker: { failures: 1, openMs: 60_000 } });
    const error = await caught(upstream.call(get(stock.url), { deadline: startDeadline(0.99) }));
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", attempts: 0 });
    expect(stock.requests).toHaveLength(0);
  });

  test("an answer at the last moment is an answer: a 404 just before the deadline is thrown untouched", async () => {
    const { upstream } = setUp();
    const calling = upstream.call(
      async ({ deadline }) => {
        await delay(deadline.remainingMs - 3);
        throw Object.assign(Object.create(HttpStatusError.prototype) as HttpStatusError, { status: 404 });
      },
      { deadline: startDeadline(200) },
    );
    expect(await caught(calling)).toMatchObject({ status: 404 });
  });

  test("during a back-off ends it at once", async () => {
    const stock = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ retry: { maxAttempts: 2, afterMs: () => 20_000 } });
    const gone = new AbortController();
    const calling = caught(upstream.call(get(stock.url), { deadline: startDeadline(60_000), signal: gone.signal }));
    await until(() => events.some((event) => event.type === "retry"));
    gone.abort();
    expect(await calling).toMatchObject({ code: "CALL_ABORTED", attempts: 1 });
    expect(stock.requests).toHaveLength(1);
  });

  test("before the first attempt asks nobody", async () => {
    const stock = await startHttpUpstream(answers.ok);
    const { upstream } = setUp();
    const error = await caught(
      upstream.call(get(stock.url), { deadline: startDeadline(1_000), signal: AbortSignal.abort() }),
    );
    expect(error).toMatchObject({ code: "CALL_ABORTED", status: 499, attempts: 0 });
    expect(stock.requests).toHaveLength(0);
  });

  test("on a real socket: the client hangs up, the upstream's connection is given up, no failure is counted", async () => {
    const [asked, hungUp] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const stock = await startHttpUpstream((req) => {
      asked.resolve();
      req.socket.once("close", () => hungUp.resolve());
    });
    const { upstream, events } = setUp({ attemptTimeoutMs: 10_000, breaker: { failures: 1 } });
    const service = createServer((_req, res) => {
      upstream.call(get(stock.url), { deadline: startDeadline(10_000), signal: clientGone(res) }).then(
        (body) => res.end(body),
        () => res.destroy(),
      );
    });
    service.listen(0, "127.0.0.1");
    onTestFinished(() => void service.close());
    await new Promise((resolve) => service.once("listening", resolve));
    const client = connect((service.address() as AddressInfo).port, "127.0.0.1");
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await asked.promise;
    client.destroy();
    await hungUp.promise;
    await until(() => events.some((event) => event.type === "call"));
    expect(typesOf(events)).toEqual(["attempt aborted", "call"]);
    expect(upstream.state).toBe("closed");
  });

  test("clientGone stays silent when the answer was complete", async () => {
    const signals: AbortSignal[] = [];
    const closed = Promise.withResolvers<void>();
    const service = await startHttpUpstream((_req, res) => {
      signals.push(clientGone(res));
      res.once("close", () => closed.resolve());
      res.end("done");
    });
    await (await fetch(service.url)).text();
    await closed.promise;
    expect(signals.map((signal) => signal.aborted)).toEqual([false]);
  });

  test("its signal is left without a listener of ours", async () => {
    const stock = await startHttpUpstream(answers.ok);
    const { upstream } = setUp();
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    await upstream.call(get(stock.url), { deadline: startDeadline(1_000), signal });
    expect(add).toHaveBeenCalledOnce();
    expect(remove).toHaveBeenCalledOnce();
    expect(remove.mock.calls[0]?.[1]).toBe(add.mock.calls[0]?.[1]);
  });
});

describe("close()", () => {
  test("ends what is under way, in an attempt and in a back-off, and refuses what comes later", async () => {
    const silent = await startHttpUpstream(answers.silent);
    const failing = await startHttpUpstream(answers.failing);
    const { upstream, events } = setUp({ attemptTimeoutMs: 60_000, retry: { maxAttempts: 2, afterMs: () => 30_000 } });
    const inAttempt = caught(upstream.call(get(silent.url), { deadline: startDeadline(60_000) }));
    const inBackoff = caught(upstream.call(get(failing.url), { deadline: startDeadline(60_000) }));
    await until(() => events.some((event) => event.type === "retry") && silent.requests.length === 1);
    upstream.close();
    upstream.close();
    expect(await inAttempt).toMatchObject({ code: "UPSTREAM_CLOSED", status: 503, attempts: 1 });
    expect(await inBackoff).toMatchObject({ code: "UPSTREAM_CLOSED", attempts: 1 });
    const later = await caught(upstream.call(get(silent.url), { deadline: startDeadline(1_000) }));
    expect(later).toMatchObject({
      code: "UPSTREAM_CLOSED",
      attempts: 0,
      message: "The client of stock has been closed.",
    });
  });
});

describe("listeners", () => {
  test("one that throws fails no call and is said once; one that was taken off hears nothing", async () => {
    const stock = await startHttpUpstream(answers.ok);
    const { upstream, events } = setUp();
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    let heard = 0;
    const off = upstream.on(() => {
      heard += 1;
      throw new Error("broken gauge");
    });
    const call = (): Promise<string> => upstream.call(get(stock.url), { deadline: startDeadline(1_000) });
    expect(await call()).toBe("7");
    expect(await call()).toBe("7");
    expect(warn).toHaveBeenCalledExactlyOnceWith(new Error("broken gauge"));
    expect(heard).toBe(4);
    off();
    await call();
    expect(heard).toBe(4);
    expect(events.filter((event) => event.type === "call")).toHaveLength(3);
  });
});

describe("options out of range are refused in a sentence", () => {
  test.each<[Overrides, string]>([
    [{ attemptTimeoutMs: 0 }, "attemptTimeoutMs is 0: set a number from 1 to 2147483647."],
    [{ retry: { maxAttempts: 1.5 } }, "retry.maxAttempts is 1.5: set a whole number of at least 1."],
    [{ retry: { budgetRatio: -0.1 } }, "retry.budgetRatio is -0.1: set a number of at least 0."],
    [{ retry: { baseDelayMs: 50, maxDelayMs: 10 } }, "retry.maxDelayMs is 10: set a number from 50 to 2147483647."],
    [{ retry: { budgetWindowMs: 1 } }, "retry.budgetWindowMs is 1: set a number from 100 to 2147483647."],
    [{ breaker: { failures: 0 } }, "breaker.failures is 0: set a whole number of at least 1."],
    [{ breaker: { failures: 5, ofLast: 4 } }, "breaker.ofLast is 4: set a whole number from 5 to 1000."],
    [{ breaker: { openMs: Number.NaN } }, "breaker.openMs is NaN: set a number from 1 to 2147483647."],
    [{ breaker: { halfOpenProbes: 0 } }, "breaker.halfOpenProbes is 0: set a whole number from 1 to 1000."],
  ])("%j", (overrides, message) => {
    expect(() => setUp(overrides)).toThrow(new ResilienceError("INVALID_OPTION", message));
  });
});
