import { expect, test, vi } from "vitest";
import { isNewTraceSampled, isSampled, newSpanId, newTraceId } from "./ids.ts";

const pool = vi.hoisted(() => ({ zeroFirst: 0, fills: 0 }));

// Real randomness, of which a test may make the first bytes of a pool zero: what chance does once in 2^64 ids.
vi.mock(import("node:crypto"), async (importOriginal) => {
  const crypto = await importOriginal();
  function randomFillSync<T extends NodeJS.ArrayBufferView>(buffer: T): T {
    crypto.randomFillSync(buffer);
    pool.fills += 1;
    new Uint8Array(buffer.buffer, buffer.byteOffset, pool.zeroFirst).fill(0);
    pool.zeroFirst = 0;
    return buffer;
  }
  return { ...crypto, randomFillSync: randomFillSync as typeof crypto.randomFillSync };
});

test("20 000 trace and span ids are valid W3C ids, and all different", () => {
  const traceIds = Array.from({ length: 20_000 }, newTraceId);
  const spanIds = Array.from({ length: 20_000 }, newSpanId);
  expect(traceIds.filter((id) => !/^[\da-f]{32}$/.test(id))).toEqual([]);
  expect(spanIds.filter((id) => !/^[\da-f]{16}$/.test(id))).toEqual([]);
  expect(new Set(traceIds).size).toBe(20_000);
  // No piece of the pool serves twice, also not as the half of a longer id.
  const halves = traceIds.flatMap((id) => [id.slice(0, 16), id.slice(16)]);
  expect(new Set([...spanIds, ...halves]).size).toBe(60_000);
});

test("trace and span ids taken in turns stay different across the pool's refills", () => {
  const before = pool.fills;
  const seen = new Set<string>();
  for (let i = 0; i < 3000; i += 1) {
    seen.add(newTraceId());
    seen.add(newSpanId());
  }
  expect(pool.fills - before).toBeGreaterThan(5);
  expect(seen.size).toBe(6000);
});

test("an id of zeros, which is invalid, is never given out", () => {
  const fills = pool.fills;
  pool.zeroFirst = 64;
  const ids: string[] = [];
  while (pool.fills === fills) ids.push(newSpanId());
  for (let i = 0; i < 16; i += 1) ids.push(newSpanId(), newTraceId());
  expect(pool.zeroFirst).toBe(0);
  expect(ids.filter((id) => /^0+$/.test(id))).toEqual([]);
});

test("the two ways to decide agree, for every id and ratio", () => {
  const wrong: string[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    const traceId = newTraceId();
    // A request takes its span id between the trace id and the decision, or after it.
    if (i % 2 === 0) newSpanId();
    const ratio = (i % 101) / 100;
    if (isNewTraceSampled(ratio) !== isSampled(traceId, ratio)) wrong.push(`${traceId} at ${ratio}`);
  }
  expect(wrong).toEqual([]);
});

test.for([0.01, 0.1, 0.5, 0.9])("a ratio of %d records about that share of traces", (ratio) => {
  const count = 40_000;
  let sampled = 0;
  for (let i = 0; i < count; i += 1) {
    newTraceId();
    if (isNewTraceSampled(ratio)) sampled += 1;
  }
  // Six standard deviations of a binomial distribution: wrong once in 500 million runs.
  const tolerance = 6 * Math.sqrt(count * ratio * (1 - ratio));
  expect(Math.abs(sampled - count * ratio)).toBeLessThan(tolerance);
});

test("ratio 0 records nothing and ratio 1 everything, also at the ends of the range", () => {
  const lowest = `${"f".repeat(18)}${"0".repeat(14)}`;
  const highest = `${"0".repeat(18)}${"f".repeat(14)}`;
  expect([lowest, highest].map((id) => isSampled(id, 0))).toEqual([false, false]);
  expect([lowest, highest].map((id) => isSampled(id, 1))).toEqual([true, true]);
});

test("decided by the last 56 bits, the highest first, as OpenTelemetry's consistent sampling: what a lower ratio records, a higher one does", () => {
  expect(isSampled(`${"0".repeat(18)}80000000000000`, 0.5)).toBe(true);
  expect(isSampled(`${"f".repeat(18)}7fffffffffffff`, 0.5)).toBe(false);
  for (let i = 0; i < 2000; i += 1) {
    const traceId = newTraceId();
    const decisions = [0, 0.1, 0.25, 0.5, 0.75, 1].map((ratio) => isSampled(traceId, ratio));
    expect(decisions.indexOf(true)).toBe(decisions.lastIndexOf(false) + 1);
  }
});
