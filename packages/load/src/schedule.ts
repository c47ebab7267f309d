import type { ConnectionKind, RateRecord } from "./ledger.ts";
import type { ResolvedKind, ResolvedPlan } from "./plan.ts";

/** What request number `i` is. */
export interface Arrival {
  i: number;
  connection: ConnectionKind;
  kind: ResolvedKind;
  sampled: boolean;
}

/**
 * The mix: an endless sequence that depends on the plan alone, so that whoever has the plan can say what request `i` had to be.
 * Shares are exact, not drawn: new connections are spread evenly, and within each connection kind every block of as many requests as
 * the weights sum up to holds each kind `weight` times. The seed chooses only the order within a block, so that a kind meets no beat of its own.
 */
export function createMix(plan: ResolvedPlan): () => Arrival {
  let i = 0;
  const kinds = { new: createKinds(plan, 1), persistent: createKinds(plan, 2) };

  return function nextArrival() {
    const connection = stepsAt(i, plan.newShare) ? "new" : "persistent";
    return { i: i++, connection, ...kinds[connection]() };
  };
}

function createKinds(plan: ResolvedPlan, stream: number): () => Omit<Arrival, "i" | "connection"> {
  const random = createRandom(plan.seed * 2 + stream);
  const divisor = plan.requests.map((kind) => kind.weight).reduce(greatestCommonDivisor);
  const block = plan.requests.flatMap((kind) => Array.from({ length: kind.weight / divisor }, () => kind));
  let n = 0;
  return function nextKind() {
    const place = n % block.length;
    if (place === 0) shuffle(block, random);
    // Each connection kind counts its own: a common count would give every sampled flag to one of them.
    return { kind: block[place] as ResolvedKind, sampled: stepsAt(n++, plan.sampledShare) };
  };
}

/** Whether the `n`th of an even spread of `share` is one of them. */
function stepsAt(n: number, share: number): boolean {
  return Math.floor((n + 1) * share) > Math.floor(n * share);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Fisher-Yates. */
function shuffle<T>(list: T[], random: () => number): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
}

/** mulberry32 (public domain): small, and the same on every machine, which Math.random is not. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When request `i` is due under a rate that began with `rate.i`: never a sum of intervals, which would drift. */
export function dueMs(rate: Pick<RateRecord, "i" | "atMs" | "ratePerSecond">, i: number): number {
  return rate.atMs + ((i - rate.i) * 1_000) / rate.ratePerSecond;
}
