import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DEADLINE_HEADER, readDeadline, startDeadline } from "./deadline.ts";
import { seededRandom, startHttpUpstream } from "./http-upstream.fixture.ts";

const LONGEST_MS = 10_000;

describe("reading the header, with the clock stopped", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test.each([
    ["0", 0],
    ["1", 1],
    ["250", 250],
    ["00250", 250],
    ["10000", LONGEST_MS],
  ])("a caller may ask for %j", (value, expectedMs) => {
    expect(readDeadline(value, { longestMs: LONGEST_MS }).remainingMs).toBe(expectedMs);
    expect(readDeadline([value], { longestMs: LONGEST_MS }).remainingMs).toBe(expectedMs);
  });

  test.each(["10001", "99999999999999999999", "9".repeat(8_000)])(
    "%.25s is bounded to the longest allowed",
    (value) => {
      expect(readDeadline(value, { longestMs: LONGEST_MS }).remainingMs).toBe(LONGEST_MS);
    },
  );

  test.each([
    undefined,
    "",
    " ",
    "-1",
    "+5",
    "1.5",
    "5e3",
    "0x10",
    "1_000",
    "NaN",
    "Infinity",
    "250ms",
    "250, 300",
    "250;q=1",
    "\u0663\u0664",
    "\u0000250",
    "250\n",
    "Wed, 21 Oct 2026 07:28:00 GMT",
  ])("%j is ignored", (value) => {
    expect(readDeadline(value, { longestMs: LONGEST_MS }).remainingMs).toBe(LONGEST_MS);
  });

  test.each([[[]], [["250", "300"]], [["250", ""]]])("the repeated header %j is ignored", (values: string[]) => {
    expect(readDeadline(values, { longestMs: LONGEST_MS }).remainingMs).toBe(LONGEST_MS);
  });

  test("whatever 20 000 random headers say, the deadline is a number within bounds, and so is what is handed on", () => {
    const random = seededRandom(20_260_101);
    const alphabet = [
      "0",
      "1",
      "9",
      "-",
      "+",
      ".",
      ",",
      " ",
      "e",
      "x",
      "N",
      "\t",
      "\u0000",
      "\u00e9",
      "\u0665",
      "\ud83d",
    ];
    let honoured = 0;
    for (let i = 0; i < 20_000; i++) {
      const digitsOnly = random() < 0.5;
      const length = Math.floor(random() * (random() < 0.01 ? 4_000 : 8));
      const pick = (): string => alphabet[Math.floor(random() * (digitsOnly ? 3 : alphabet.length))] as string;
      const value = Array.from({ length }, pick).join("");
      const longestMs = 1 + Math.floor(random() * 60_000);

      const deadline = readDeadline(random() < 0.2 ? [value] : value, { longestMs });

      const asked = /^[0-9]+$/.test(value) && BigInt(value) <= BigInt(longestMs) ? Number(value) : longestMs;
      expect(deadline.remainingMs).toBe(asked);
      expect(deadline.header()).toBe(String(asked));
      expect(readDeadline(deadline.header(), { longestMs: 60_000 }).remainingMs).toBe(asked);
      if (asked !== longestMs) honoured += 1;
    }
    // Else the generator made garbage only, and the property above said little.
    expect(honoured).toBeGreaterThan(2_000);
  });

  test("hop by hop the budget only shrinks, however the hops round and wait", () => {
    const random = seededRandom(7);
    for (let chain = 0; chain < 200; chain++) {
      let left = 5_000;
      let header = String(left);
      while (left > 0) {
        const deadline = readDeadline(header, { longestMs: 60_000 });
        vi.advanceTimersByTime(1 + Math.floor(random() * 900));
        header = deadline.header();
        expect(Number(header)).toBeLessThan(left);
        left = Number(header);
      }
    }
  });

  test("the signal fires when the time is over, and who hears it finds the deadline expired", () => {
    const deadline = startDeadline(100);
    const heard = vi.fn<(expired: boolean) => void>();
    deadline.signal.addEventListener("abort", () => heard(deadline.expired));
    vi.advanceTimersByTime(99);
    expect(deadline.expired).toBe(false);
    expect(heard).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(heard).toHaveBeenCalledExactlyOnceWith(true);
    expect(deadline.remainingMs).toBe(0);
    expect(deadline.header()).toBe("0");
  });

  test("what is handed on is rounded down, so that it cannot grow", () => {
    expect(startDeadline(99.9).header()).toBe("99");
    expect(startDeadline(0.9).header()).toBe("0");
  });

  test("no timer exists before the signal is asked for, nor after clear()", () => {
    const deadline = startDeadline(100);
    expect(vi.getTimerCount()).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(1);
    deadline.clear();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the signal of an expired deadline is aborted at once", () => {
    expect(startDeadline(0).signal.aborted).toBe(true);
  });

  test.each([-1, Number.NaN, 2 ** 31])("a budget of %d ms is refused in a sentence", (budgetMs) => {
    expect(() => startDeadline(budgetMs)).toThrow(`budgetMs is ${budgetMs}: set a number from 0 to 2147483647.`);
  });
});

test("a timer that fires early leaves no deadline that is aborted but not expired", () => {
  // Timers and clock are two things: here the timer fires and the clock has hardly moved.
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const deadline = startDeadline(60_000);
  const { signal } = deadline;
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(signal.aborted).toBe(true);
  expect(deadline.expired).toBe(true);
  expect(deadline.remainingMs).toBe(0);
});

test("three services in a row: each is told what is left, not what the first had", async () => {
  const told: number[] = [];
  const last = await startHttpUpstream((req, res) => {
    told.push(Number(req.headers[DEADLINE_HEADER]));
    res.end("end");
  });
  const middle = await startHttpUpstream(async (req, res) => {
    told.push(Number(req.headers[DEADLINE_HEADER]));
    const deadline = readDeadline(req.headers[DEADLINE_HEADER], { longestMs: LONGEST_MS });
    await delay(30);
    res.end(await (await fetch(last.url, { headers: { [DEADLINE_HEADER]: deadline.header() } })).text());
  });
  const first = await startHttpUpstream(async (req, res) => {
    const deadline = readDeadline(req.headers[DEADLINE_HEADER], { longestMs: LONGEST_MS });
    await delay(30);
    res.end(await (await fetch(middle.url, { headers: { [DEADLINE_HEADER]: deadline.header() } })).text());
  });

  await (await fetch(first.url, { headers: { [DEADLINE_HEADER]: "2000" } })).text();

  const [toMiddle, toLast] = told as [number, number];
  expect(toMiddle).toBeLessThanOrEqual(1_971);
  expect(toLast).toBeLessThanOrEqual(toMiddle - 29);
  expect(toLast).toBeGreaterThan(0);
});

test.each([
  ["sent twice", `${DEADLINE_HEADER}: 5\r\n${DEADLINE_HEADER}: 6\r\n`, LONGEST_MS],
  ["as long as a header may be", `${DEADLINE_HEADER}: ${"9".repeat(12_000)}\r\n`, LONGEST_MS],
  ["in Latin-1", `${DEADLINE_HEADER}: \u00b2\u00b3\r\n`, LONGEST_MS],
  ["in capitals and padded", `${DEADLINE_HEADER.toUpperCase()}:    500  \r\n`, 500],
])("on the wire, %s", async (_how, header, expectedMs) => {
  const upstream = await startHttpUpstream((req, res) => {
    const deadline = readDeadline(req.headers[DEADLINE_HEADER], { longestMs: LONGEST_MS });
    res.end(`left ${Math.ceil(deadline.remainingMs)}`);
  });
  const socket = connect(upstream.port, "127.0.0.1");
  socket.end(Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n`, "latin1"));
  const left = Number(/left (\d+)/.exec(await text(socket))?.[1]);
  expect(left).toBeLessThanOrEqual(expectedMs);
  expect(left).toBeGreaterThan(0.5 * expectedMs);
});
