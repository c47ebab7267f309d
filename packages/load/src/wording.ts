import { countConnections } from "./counting.ts";
import type { RequestRecord } from "./ledger.ts";

export function listFates(requests: readonly RequestRecord[]): string {
  const counts = new Map<string, number>();
  for (const { fate } of requests) counts.set(fate, (counts.get(fate) ?? 0) + 1);
  return [...counts].map(([fate, count]) => `${count} ${fate}`).join(", ");
}

export function listConnections(requests: readonly RequestRecord[]): string {
  const { new: fresh, persistent } = countConnections(requests);
  return `${fresh} on new connections, ${persistent} on persistent ones`;
}

export function ofSubject({ subject }: { subject?: string | undefined }): string {
  return subject === undefined ? "" : ` of ${subject}`;
}

export function inMs(ms: number): string {
  return `${Math.round(ms)} ms`;
}

export function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Of a share, 0..1. */
export function inPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
