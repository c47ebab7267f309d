import { expect, test } from "vitest";

import { findDamage } from "./integrity.ts";
import type { Ledger, RequestRecord } from "./ledger.ts";
import { createLedger } from "./ledger-fixture.ts";

test("a whole ledger has no damage", () => {
  expect(findDamage(createLedger())).toEqual([]);
});

test("a rate that changed on the way is no damage", () => {
  const ledger = createLedger();
  ledger.rates.push({ type: "rate", i: 1_000, atMs: 10_200, ratePerSecond: 50 });
  for (const request of ledger.requests.slice(1_000)) {
    const shiftMs = 10_200 + (request.i - 1_000) * 20 - request.scheduledMs;
    request.scheduledMs += shiftMs;
    request.sentMs += shiftMs;
    request.endMs += shiftMs;
  }
  expect(findDamage(ledger)).toEqual([]);
});

const nth = (ledger: Ledger, i: number) => ledger.requests[i] as RequestRecord;

test.each<[string, (ledger: Ledger) => void, string]>([
  [
    "a record taken out",
    (ledger) => ledger.requests.splice(700, 1),
    "2000 requests were scheduled, 1999 records are there; the record of request 700 is missing or doubled; its records do not add up to the counts in its end line",
  ],
  [
    "the last records taken out",
    (ledger) => ledger.requests.splice(1_990),
    "2000 requests were scheduled, 1990 records are there; its records do not add up to the counts in its end line",
  ],
  [
    "a record doubled",
    (ledger) => ledger.requests.splice(700, 1, nth(ledger, 701)),
    "the record of request 700 is missing or doubled",
  ],
  [
    "a fate made better",
    (ledger) => (nth(ledger, 700).fate = "degraded"),
    "its records do not add up to the counts in its end line",
  ],
  [
    "a request moved out of a window",
    (ledger) => (nth(ledger, 700).scheduledMs -= 500),
    "the record of request 700 is not what the plan scheduled",
  ],
  [
    "a connection renamed",
    (ledger) => (nth(ledger, 701).connection = "persistent"),
    "the record of request 701 is not what the plan scheduled",
  ],
  [
    "a kind renamed",
    (ledger) => (nth(ledger, 700).request = "other"),
    "the record of request 700 is not what the plan scheduled",
  ],
  [
    "an answer before its request",
    (ledger) => (nth(ledger, 700).endMs -= 5_000),
    "the times of request 700 run backwards",
  ],
  ["no end", (ledger) => (ledger.end = undefined), "it does not end: the run was broken off"],
  ["no rate", (ledger) => ledger.rates.splice(0), "no line says when requests were due"],
  ["another schema", (ledger) => (ledger.header.schemaVersion = 2), "its schemaVersion is 2, this program reads 1"],
  ["a plan that cannot be", (ledger) => (ledger.header.plan.ratePerSecond = -1), "its plan is not one that can be run"],
  ["what the reader found", (ledger) => ledger.problems.push("the seal does not fit"), "the seal does not fit"],
])("finds %s", (_, bend, damage) => {
  const ledger = createLedger();
  bend(ledger);
  expect(findDamage(ledger).join("; ")).toBe(damage);
});
