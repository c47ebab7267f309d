import { expect, test } from "vitest";

import { plan } from "./ledger-fixture.ts";
import { parsePlan } from "./plan.ts";

test("writes out the defaults", () => {
  expect(parsePlan({ ...plan, requests: [{ name: "a", path: "/", weight: 1 }] })).toEqual({
    url: "http://127.0.0.1:8080",
    ratePerSecond: 100,
    persistentSockets: 30,
    newShare: 0.5,
    requests: [{ name: "a", method: "GET", path: "/", headers: {}, weight: 1, expectStatus: 200, takesMs: 0 }],
    timeoutMs: 2_000,
    servedByHeader: "x-served-by",
    degradedHeader: "x-degraded",
    sampledShare: 0.1,
    seed: 1,
  });
});

test("waits for the slowest request and 2 s more", () => {
  expect(parsePlan(plan).timeoutMs).toBe(5_000);
});

test("is the same after it has stood in a ledger", () => {
  const parsed = parsePlan(plan);
  expect(parsePlan(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
});

const request = { name: "a", path: "/", weight: 1 };

test.each<[string, object, string]>([
  ["no rate", { ratePerSecond: undefined }, "ratePerSecond must be a number above 0, found nothing"],
  ["a rate of 0", { ratePerSecond: 0 }, "ratePerSecond must be above 0, found 0"],
  ["a rate that is no number", { ratePerSecond: "100" }, 'ratePerSecond must be a number above 0, found "100"'],
  [
    "https",
    { url: "https://a" },
    'url must be a URL that begins with http://, without query or credentials, found "https://a"',
  ],
  [
    "no socket for its persistent half",
    { persistentSockets: 0 },
    "persistentSockets must be >= 1 unless newShare is 1, found 0",
  ],
  ["no requests", { requests: [] }, "requests must name at least one kind of request, found []"],
  [
    "half a weight",
    { requests: [{ ...request, weight: 0.5 }] },
    "requests[0].weight must be a whole number >= 1, found 0.5",
  ],
  [
    "a path with a space",
    { requests: [{ ...request, path: "/a b" }] },
    'requests[0].path must begin with / and hold no spaces or bare non-ASCII, found "/a b"',
  ],
  [
    "an invented method",
    { requests: [{ ...request, method: "FETCH" }] },
    'requests[0].method must be an HTTP method in capitals, found "FETCH"',
  ],
  [
    "a header with a line break",
    { requests: [{ ...request, headers: { a: "b\r\nc" } }] },
    "requests[0].headers must hold valid header names and values",
  ],
  [
    "a traceparent of its own",
    { requests: [{ ...request, headers: { Traceparent: "x" } }] },
    "must not set connection, traceparent, host or content-length: the agent does",
  ],
  ["one name twice", { requests: [request, request] }, "requests must have different names"],
  [
    "a timeout before the slowest is done",
    { timeoutMs: 3_000, requests: [{ ...request, takesMs: 3_000 }] },
    "timeoutMs must be longer than the slowest request, which takes 3000 ms, found 3000",
  ],
  ["a misspelt setting", { rate: 5 }, 'has no setting ["rate"]'],
])("refuses a plan with %s", (_, change, sentence) => {
  expect(() => parsePlan({ ...plan, ...change })).toThrow(
    expect.objectContaining({ code: "LOAD_PLAN_INVALID", message: expect.stringContaining(sentence) }),
  );
});

test("names all mistakes at once", () => {
  expect(() => parsePlan({ ...plan, ratePerSecond: -1, url: "" })).toThrow(/url must be .*; ratePerSecond must be/);
});

test("refuses what is no plan at all", () => {
  expect(() => parsePlan(null)).toThrow("The load plan cannot be run: must be an object, found null.");
});
