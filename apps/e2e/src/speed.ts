/** Whether a service serves as before while something beside it is away. Pure. */
import type { Sent } from "./client-pod.ts";
import { Broken, TooLittle } from "./judgement.ts";

/**
 * Two cores cannot tell a slow service from a busy neighbour by some hundred milliseconds. Whoever waits for what is away waits until it
 * is given up, which is 5 s for an export: three times as long as before, and at least a second and a half, is still full speed.
 */
const TIMES = 3;
const AT_LEAST_MS = 1500;
/** A sender that is later than that measures its own machine. */
const LATE_MS = 1000;
/** Fewer have no 99th percentile. */
const MIN_SENT = 100;

export interface Speed {
  readonly p99Ms: number;
}

/** What it was like before. @throws TooLittle where that is nothing to compare with */
export function speedOf(sent: readonly Sent[]): Speed {
  const trouble = troubleOf(sent);
  if (trouble !== undefined) throw new TooLittle(`Before anything was taken away ${trouble}.`);
  return { p99Ms: p99(sent) };
}

/** @returns what was found. @throws Broken where a request failed or it was slower; TooLittle where the sender itself was slow */
export function judgeSpeed(sent: readonly Sent[], { before }: { before: Speed }): string {
  if (sent.length < MIN_SENT)
    throw new TooLittle(`Only ${sent.length} requests were sent, where ${MIN_SENT} are needed.`);
  const latestMs = latest(sent);
  if (latestMs > LATE_MS) throw new TooLittle(`The sender was ${latestMs} ms late: it measured its own machine.`);
  const failed = sent.filter(({ status }) => status !== 200);
  if (failed.length > 0) throw new Broken(`${failed.length} of ${sent.length} requests failed: ${kindsOf(failed)}.`);
  const bound = Math.max(AT_LEAST_MS, TIMES * before.p99Ms);
  const slow = p99(sent);
  if (slow > bound) {
    throw new Broken(
      `It was slower: p99 ${slow} ms of ${sent.length} requests, where ${bound} ms would be full speed (${before.p99Ms} ms before).`,
    );
  }
  return `0 of ${sent.length} requests failed, p99 ${slow} ms (${before.p99Ms} ms before)`;
}

function troubleOf(sent: readonly Sent[]): string | undefined {
  if (sent.length < MIN_SENT) return `only ${sent.length} requests were sent`;
  const failed = sent.filter(({ status }) => status !== 200);
  if (failed.length > 0) return `${failed.length} of ${sent.length} requests failed (${kindsOf(failed)})`;
  const latestMs = latest(sent);
  return latestMs > LATE_MS ? `the sender was ${latestMs} ms late` : undefined;
}

function kindsOf(failed: readonly Sent[]): string {
  const kinds = Map.groupBy(
    failed,
    ({ status, error, kept }) =>
      `${status === 0 ? (error ?? "no answer") : status} on a ${kept ? "kept-alive" : "new"} connection`,
  );
  return [...kinds].map(([kind, all]) => `${all.length} x ${kind}`).join(", ");
}

function latest(sent: readonly Sent[]): number {
  return Math.max(...sent.map(({ lateMs }) => lateMs));
}

function p99(sent: readonly Sent[]): number {
  const sorted = sent.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}
