/** After a load: which of its requests is worth following, and how. Pure. */
import type { FailedFate, RequestRecord } from "@holdfast/load";
import { nameFlag } from "./cluster-name.ts";
import { duration } from "./words.ts";

export interface Follow {
  traceId: string;
  why: string;
}

/** Whoever was refused, or was never sent, has met no service, and nothing is stored of it. */
const MET_A_SERVICE = new Set<string>(["status", "shed", "timeout", "incomplete", "reset"] satisfies FailedFate[]);

/** The first that failed and may have met a service; else the slowest of those whose spans are stored. */
export function worthFollowing(requests: readonly RequestRecord[]): Follow | undefined {
  const failed = requests.find(({ fate, traceId }) => MET_A_SERVICE.has(fate) && traceId !== "");
  if (failed !== undefined) {
    const { traceId, fate, status, scheduledMs } = failed;
    const how = fate === "status" && status !== undefined ? `status ${status}` : fate;
    return { traceId, why: `the first that failed (${how}, ${duration(scheduledMs)} after the start)` };
  }
  const stored = requests.filter(({ sampled, traceId, fate }) => sampled === true && traceId !== "" && isAnswer(fate));
  if (stored.length === 0) return undefined;
  const slowest = stored.reduce((most, each) => (tookMs(each) > tookMs(most) ? each : most));
  return {
    traceId: slowest.traceId,
    why: `the slowest whose spans were asked for (${duration(tookMs(slowest))})`,
  };
}

export function followLine({ traceId, why }: Follow, clusterName: string): string {
  return `./holdfast trace${nameFlag(clusterName)} ${traceId} follows ${why}`;
}

function isAnswer(fate: RequestRecord["fate"]): boolean {
  return fate === "answered" || fate === "degraded";
}

function tookMs({ sentMs, endMs }: RequestRecord): number {
  return endMs - sentMs;
}
