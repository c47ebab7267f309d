/** What the platform has stored of a room's requests. */
import { ClusterError, queryLogs, readTrace, type StoredLine, type StoredSpan } from "@holdfast/cluster";
import type { Sent } from "./client-pod.ts";
import type { Stored } from "./joined-trace.ts";
import type { Room } from "./room.ts";
import { until } from "./until.ts";

/** Spans are handed on within 1 s and a line can be found within 2 s, on a machine that is not busy. */
const STORED_WITHIN_SECONDS = 20;

/** Where the platform takes spans. */
export const TRACE_GATEWAY = "http://trace-gateway.monitoring:4318";

/** Everything of one trace, as soon as `holds` is content with it, or what there is when the time is over. */
export function storedOf(
  room: Room,
  { traceId }: Pick<Sent, "traceId">,
  opts: { holds: (stored: Stored) => boolean; withinSeconds?: number },
): Promise<Stored> {
  const { cluster, signal } = room;
  const ask = async () => {
    const [{ spans }, lines] = await Promise.all([
      readTrace(cluster, { traceId, signal }),
      linesOf(room, `trace_id:="${traceId}"`),
    ]);
    return { spans, lines };
  };
  return until(ask, { holds: opts.holds, withinSeconds: opts.withinSeconds ?? STORED_WITHIN_SECONDS, signal });
}

/** Of one trace, as far as they have arrived; none where nobody can say, since the gateway that keeps them is away. */
export async function spansOf(
  { cluster, signal }: Pick<Room, "cluster" | "signal">,
  traceId: string,
): Promise<readonly StoredSpan[]> {
  try {
    return (await readTrace(cluster, { traceId, signal })).spans;
  } catch (error) {
    if (error instanceof ClusterError && error.code === "PLATFORM_AWAY") return [];
    throw error;
  }
}

/** Of the room's namespace alone, whose name an earlier run has used too: the query has to name a trace, a pod or a time. */
export function linesOf(room: Room, query: string): Promise<StoredLine[]> {
  const { cluster, namespace, signal } = room;
  return queryLogs(cluster, { query: `"k8s.namespace.name":="${namespace}" ${query}`, signal });
}

/** Whether a judgement would be content, for whoever waits until it is. */
export function isContent(judge: () => unknown): boolean {
  try {
    judge();
    return true;
  } catch {
    return false;
  }
}
