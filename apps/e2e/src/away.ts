/** Parts of the platform that a check takes away: put back whatever happens, by itself or by the next run. */
import {
  PLATFORM_NAMESPACE,
  startPlatformWorkload,
  stopPlatformWorkload,
  type Kubectl,
  type List,
  type PlatformWorkload,
} from "@holdfast/cluster";
import type { Meta } from "./kubernetes.ts";
import type { Room } from "./room.ts";

/** On a part from before it goes until it is back, so that an interrupted check can be undone by whoever comes next. */
const AWAY_LABEL = "holdfast/e2e-away";

/** Takes the part away, does the work, and brings it back before anything else happens. */
export async function whileAway<T>(
  room: Pick<Room, "cluster" | "signal">,
  part: PlatformWorkload,
  work: () => Promise<T>,
): Promise<T> {
  const { kubectl } = room.cluster;
  const { signal } = room;
  const mark = ["label", part, `${AWAY_LABEL}=true`, "--overwrite", "-n", PLATFORM_NAMESPACE];
  await kubectl.run(mark, { signal });
  try {
    await stopPlatformWorkload(room.cluster, part, { signal });
    return await work();
  } finally {
    await bringBack(kubectl, [part]);
  }
}

/** Brings parts back that an interrupted check has taken away. @returns which */
export async function bringBackAll(kubectl: Pick<Kubectl, "run" | "json">): Promise<string[]> {
  const { items } = await kubectl.json<List<{ kind: string; metadata: Meta }>>([
    "get",
    "deployments,statefulsets",
    "-n",
    PLATFORM_NAMESPACE,
    "-l",
    AWAY_LABEL,
  ]);
  const parts = items.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}` as PlatformWorkload);
  await bringBack(kubectl, parts);
  return parts;
}

/** Without a signal: what was begun is undone, whatever happened. */
async function bringBack(kubectl: Pick<Kubectl, "run">, parts: readonly PlatformWorkload[]): Promise<void> {
  for (const part of parts) {
    await startPlatformWorkload({ kubectl }, part);
    await kubectl.run(["label", part, `${AWAY_LABEL}-`, "-n", PLATFORM_NAMESPACE]);
  }
}
