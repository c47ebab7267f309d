import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen } from "cockatiel";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createBreaker, type Breaker, type BreakerOptions, type BreakerState, type Ticket } from "./breaker.ts";

const OPEN_MS = 5_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(opts: Partial<BreakerOptions> = {}): { breaker: Breaker; states: BreakerState[] } {
  const states: BreakerState[] = [];
  const failures = opts.failures ?? 3;
  const breaker = createBreaker({
    failures,
    ofLast: failures,
    openMs: OPEN_MS,
    halfOpenProbes: 1,
    onChange: (_from, to) => states.push(to),
    ...opts,
  });
  return { breaker, states };
}

function admitted(breaker: Breaker): Ticket {
  const ticket = breaker.admit();
  if (ticket === undefined) throw new Error(`not admitted while ${breaker.state}`);
  return ticket;
}

/** One attempt after another, "x" failed and "." succeeded; stops when one is refused. */
async function attempts(breaker: Breaker, outcomes: string): Promise<void> {
  for (const outcome of outcomes) {
    const ticket = breaker.admit();
    if (ticket === undefined) return;
    await (outcome === "x" ? ticket.failure() : ticket.success());
  }
}

describe("opening", () => {
  test("consecutive failures open it, and a success between begins the count anew", async () => {
    const { breaker, states } = setUp();
    await attempts(breaker, "xx.xx");
    expect(breaker.state).toBe("closed");
    await attempts(breaker, "x");
    expect(states).toEqual(["open"]);
    expect(breaker.admit()).toBeUndefined();
    expect(breaker.admits).toBe(false);
    expect(breaker.reopensInMs).toBe(OPEN_MS);
  });

  test("5 of the last 8 overlooks one dead replica of three; 3 in a row by chance does not", async () => {
    const everyThird = "..x".repeat(100);
    const unlucky = "..xxx...";
    const ratio = setUp({ failures: 5, ofLast: 8 });
    await attempts(ratio.breaker, everyThird + unlucky);
    expect(ratio.states).toEqual([]);

    const consecutive = setUp({ failures: 3 });
    await attempts(consecutive.breaker, everyThird + unlucky);
    expect(consecutive.states).toEqual(["open"]);

    await attempts(ratio.breaker, "xxxxx");
    expect(ratio.states).toEqual(["open"]);
  });

  test("from the start, too: the first failures are enough, no window has to fill", async () => {
    const { breaker, states } = setUp({ failures: 3, ofLast: 50 });
    await attempts(breaker, "xxx");
    expect(states).toEqual(["open"]);
  });

  test("control: with failures = Infinity it never opens", async () => {
    const { breaker, states } = setUp({ failures: Number.POSITIVE_INFINITY });
    await attempts(breaker, "x".repeat(1_000));
    expect(states).toEqual([]);
    expect(breaker.admits).toBe(true);
  });
});

describe("half-open", () => {
  async function halfOpen(opts: Partial<BreakerOptions> = {}): ReturnType<typeof setUpOpen> {
    const made = await setUpOpen(opts);
    vi.advanceTimersByTime(OPEN_MS);
    return made;
  }
  async function setUpOpen(opts: Partial<BreakerOptions>): Promise<ReturnType<typeof setUp>> {
    const made = setUp(opts);
    await attempts(made.breaker, "xxx");
    made.states.length = 0;
    return made;
  }

  test("not a millisecond before openMs", async () => {
    const { breaker } = await setUpOpen({});
    vi.advanceTimersByTime(OPEN_MS - 1);
    expect(breaker.admits).toBe(false);
    expect(breaker.admit()).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(breaker.admits).toBe(true);
    expect(breaker.admit()).toBeDefined();
    expect(breaker.state).toBe("half_open");
  });

  test.each([1, 3])("%d probes pass, the other callers are refused at once", async (halfOpenProbes) => {
    const { breaker, states } = await halfOpen({ halfOpenProbes });
    const tickets = Array.from({ length: 100 }, () => breaker.admit()).filter((ticket) => ticket !== undefined);
    expect(tickets).toHaveLength(halfOpenProbes);
    expect(breaker.admits).toBe(false);
    for (const ticket of tickets) {
      expect(states).toEqual(["half_open"]);
      await ticket.success();
    }
    expect(states).toEqual(["half_open", "closed"]);
    expect(breaker.admits).toBe(true);
  });

  test("control: cockatiel alone makes the other callers wait for a slow probe", async () => {
    const policy = circuitBreaker(
      handleWhen(() => true),
      { breaker: new ConsecutiveBreaker(1), halfOpenAfter: OPEN_MS },
    );
    await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    vi.advanceTimersByTime(OPEN_MS);
    void policy.execute(() => new Promise(() => {}));
    const second = vi.fn<() => void>();
    policy.execute(async () => "second").then(second, second);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(second).not.toHaveBeenCalled();
  });

  test("one failed probe opens it again for the whole time", async () => {
    const { breaker, states } = await halfOpen({ halfOpenProbes: 2 });
    const [first, second] = [admitted(breaker), admitted(breaker)];
    await first.failure();
    expect(states).toEqual(["half_open", "open"]);
    expect(breaker.reopensInMs).toBe(OPEN_MS);
    await second.success();
    expect(breaker.state).toBe("open");
  });

  test("a probe that its caller broke off is no verdict: the next caller takes its place", async () => {
    const { breaker, states } = await halfOpen();
    for (let i = 0; i < 50; i++) {
      const probe = admitted(breaker);
      expect(breaker.admit()).toBeUndefined();
      await probe.neutral();
      expect(breaker.state).toBe("half_open");
      expect(breaker.admits).toBe(true);
    }
    await admitted(breaker).success();
    expect(states).toEqual(["half_open", "closed"]);
    await attempts(breaker, "xxx");
    expect(breaker.state).toBe("open");
  });

  test("a taken-over place fails like any other", async () => {
    const { breaker, states } = await halfOpen();
    await admitted(breaker).neutral();
    await admitted(breaker).failure();
    expect(states).toEqual(["half_open", "open"]);
    vi.advanceTimersByTime(OPEN_MS);
    await admitted(breaker).success();
    expect(breaker.state).toBe("closed");
  });

  test("a place that was free when another probe failed is no way around the open breaker", async () => {
    const { breaker } = await halfOpen({ halfOpenProbes: 2 });
    const [first, second] = [admitted(breaker), admitted(breaker)];
    await first.neutral();
    await second.failure();
    expect(breaker.admits).toBe(false);
    expect(breaker.admit()).toBeUndefined();
  });

  test("control: cockatiel alone takes a broken-off probe for a success and closes", async () => {
    const policy = circuitBreaker(
      handleWhen((error) => (error as Error).message === "down"),
      { breaker: new ConsecutiveBreaker(1), halfOpenAfter: OPEN_MS },
    );
    await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    vi.advanceTimersByTime(OPEN_MS);
    await policy.execute(() => Promise.reject(new Error("the client has gone"))).catch(() => {});
    expect(policy.state).toBe(CircuitState.Closed);
  });

  test.each([3, 8])("closing begins a new count (3 of the last %d)", async (ofLast) => {
    const { breaker } = await halfOpen({ ofLast });
    await admitted(breaker).success();
    await attempts(breaker, "xx");
    expect(breaker.state).toBe("closed");
    await attempts(breaker, "x");
    expect(breaker.state).toBe("open");
  });

  test("what began before the break says nothing about now", async () => {
    const { breaker, states } = setUp();
    const [lateFailure, lateSuccess] = [admitted(breaker), admitted(breaker)];
    await attempts(breaker, "xxx");
    vi.advanceTimersByTime(OPEN_MS);
    const probe = admitted(breaker);
    await lateFailure.failure();
    await lateSuccess.success();
    expect(breaker.state).toBe("half_open");
    await probe.success();
    expect(states).toEqual(["open", "half_open", "closed"]);
  });
});

describe("a wall clock that is set back by an hour", () => {
  const HOUR_MS = 3_600_000;

  test("does not keep the breaker open", async () => {
    const { breaker } = setUp();
    await attempts(breaker, "xxx");
    vi.setSystemTime(Date.now() - HOUR_MS);
    vi.advanceTimersByTime(OPEN_MS);
    expect(breaker.admit()).toBeDefined();
  });

  test("control: it does keep cockatiel's own timing open", async () => {
    const policy = circuitBreaker(
      handleWhen(() => true),
      { breaker: new ConsecutiveBreaker(1), halfOpenAfter: OPEN_MS },
    );
    await policy.execute(() => Promise.reject(new Error("down"))).catch(() => {});
    vi.setSystemTime(Date.now() - HOUR_MS);
    vi.advanceTimersByTime(OPEN_MS);
    await expect(policy.execute(async () => "probe")).rejects.toThrow(/circuit breaker is open/);
  });
});
