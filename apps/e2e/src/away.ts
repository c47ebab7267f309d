/** Parts of the platform that a check takes away: put back whatever happens, by itself or by the next run. */
import {
  PLATFORM_NAMESPACE,
  platformWorkloads,
  startPlatformWorkload,
  stopPlatformWorkload,
  type Kubectl,
  type List,
  type PlatformWorkload,
} from "@holdfast/cluster";
import type { Meta } from "./kubernetes.ts";
import type { Room } from "./room.ts";

/** Takes the part away, does the work, and brings it back before anything else happens. */
export async function whileAway<T>(
  room: Pick<Room, "cluster" | "signal">,
  part: PlatformWorkload,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await stopPlatformWorkload(room.cluster, part, { signal: room.signal });
    return await work();
  } finally {
    // Without a signal: what was begun is undone, whatever happened.
    await startPlatformWorkload(room.cluster, part);
  }
}

/** Brings parts back that an interrupted check, or an experiment, has left away. @returns which */
export async function bringBackAll(kubectl: Pick<Kubectl, "run" | "json">): Promise<PlatformWorkload[]> {
  const { items } = await kubectl.json<List<{ kind: string; metadata: Meta; spec: { replicas?: number } }>>([
    "get",
    "deployments,statefulsets",
    "-n",
    PLATFORM_NAMESPACE,
  ]);
  const away = new Set(
    items
      .filter(({ spec }) => spec.replicas === 0)
      .map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`),
  );
  const back = Object.values(platformWorkloads).filter((workload) => away.has(workload));
  for (const workload of back) await startPlatformWorkload({ kubectl }, workload);
  return back;
}
