import { LEDGER_SCHEMA_VERSION, type Ledger, type LedgerEnd, type RequestRecord } from "./ledger.ts";
import { parsePlan, type ResolvedPlan } from "./plan.ts";
import { createMix, dueMs } from "./schedule.ts";

/** Times are rounded to 0.001 ms, once in the rate's line and once in the request's. */
const ROUNDING_MS = 0.002;
/** sentMs, waitedMs and endMs are rounded apart, and waits below 1 ms are not written. */
const ORDER_SLACK_MS = 0.01;

/**
 * Whether a ledger is the whole truth about its run, as far as it can be told from itself: the plan says what each request had to be and
 * when it was due, so a record that is missing, doubled, moved or renamed does not fit. Returns what does not fit, as ends of "the ledger is damaged: ".
 */
export function findDamage(ledger: Ledger): string[] {
  const { header, requests, rates, end } = ledger;
  const found = [...ledger.problems];
  if (header.schemaVersion !== LEDGER_SCHEMA_VERSION) {
    found.push(`its schemaVersion is ${header.schemaVersion}, this program reads ${LEDGER_SCHEMA_VERSION}`);
    return found;
  }
  const plan = readPlan(ledger);
  if (plan === undefined) found.push("its plan is not one that can be run");
  if (end === undefined) found.push("it does not end: the run was broken off");
  if (end !== undefined && end.scheduled !== requests.length) {
    found.push(`${end.scheduled} requests were scheduled, ${requests.length} records are there`);
  }
  const hole = requests.findIndex((request, index) => request.i !== index);
  if (hole >= 0) found.push(`the record of request ${hole} is missing or doubled`);
  if (end !== undefined && !sameCounts(end, requests))
    found.push("its records do not add up to the counts in its end line");
  if (rates.length === 0 && requests.length > 0) found.push("no line says when requests were due");

  // With a hole, every later comparison would complain about the same thing.
  if (found.length > 0 || plan === undefined) return found;
  const stray = findStray(ledger, plan);
  if (stray !== undefined) found.push(`the record of request ${stray.i} is not what the plan scheduled`);
  const unordered = requests.find(isUnordered);
  if (unordered) found.push(`the times of request ${unordered.i} run backwards`);
  return found;
}

function readPlan(ledger: Ledger): ResolvedPlan | undefined {
  try {
    return parsePlan(ledger.header.plan);
  } catch {
    return undefined;
  }
}

function sameCounts(end: LedgerEnd, requests: readonly RequestRecord[]): boolean {
  const counted: Record<string, number> = {};
  for (const { fate } of requests) counted[fate] = (counted[fate] ?? 0) + 1;
  const fates = new Set([...Object.keys(counted), ...Object.keys(end.byFate)]);
  return [...fates].every((fate) => (counted[fate] ?? 0) === ((end.byFate as Record<string, number>)[fate] ?? 0));
}

function findStray(ledger: Ledger, plan: ResolvedPlan): RequestRecord | undefined {
  const nextArrival = createMix(plan);
  let rate = 0;
  return ledger.requests.find((request) => {
    while (rate + 1 < ledger.rates.length && (ledger.rates[rate + 1]?.i ?? 0) <= request.i) rate++;
    const current = ledger.rates[rate];
    const planned = nextArrival();
    return (
      current === undefined ||
      Math.abs(dueMs(current, request.i) - request.scheduledMs) > ROUNDING_MS ||
      planned.connection !== request.connection ||
      planned.kind.name !== request.request
    );
  });
}

function isUnordered({ scheduledMs, sentMs, endMs }: RequestRecord): boolean {
  return sentMs < scheduledMs - ORDER_SLACK_MS || endMs < sentMs - ORDER_SLACK_MS;
}
