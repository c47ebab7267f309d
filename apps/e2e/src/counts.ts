/** How many replicas a Deployment asks for, at every moment while something is done. */
import { TooLittle } from "./judgement.ts";
import type { Deployment } from "./kubernetes.ts";
import type { Room } from "./room.ts";

/** A stream answers at once; on a busy machine, later. */
const WATCH_WITHIN_MS = 20_000;

type Watched = Pick<Room, "namespace" | "json"> & {
  readonly cluster: { readonly kubectl: Pick<Room["cluster"]["kubectl"], "watch"> };
};

/**
 * Every count that was seen from before `work` until after it.
 * @throws what `work` throws; TooLittle where there was a moment that nobody has seen
 */
export async function countsDuring(room: Watched, release: string, work: () => Promise<void>): Promise<number[]> {
  const counts: number[] = [];
  const begun = Promise.withResolvers<void>();
  const unseen: string[] = [];
  const watch = room.cluster.kubectl.watch<Deployment>(["deployment", release, "--namespace", room.namespace], {
    onEvent({ object }) {
      counts.push(object.spec.replicas);
      begun.resolve();
    },
    onGap: ({ lengthMs, reason }) => unseen.push(`for ${lengthMs} ms nothing was told (${reason})`),
    onEnd(error) {
      if (error) unseen.push(error.message);
      begun.reject(new TooLittle(`The watch of ${release} ended before it told anything.`));
    },
  });
  const timer = setTimeout(
    () => begun.reject(new TooLittle(`${release} could not be watched within ${WATCH_WITHIN_MS / 1000} s.`)),
    WATCH_WITHIN_MS,
  );
  try {
    // What is changed before the stream runs would be seen by its outcome only.
    await begun.promise;
    await work();
  } finally {
    clearTimeout(timer);
    await watch.stop();
  }
  if (unseen.length > 0) throw new TooLittle(`Not every moment of ${release} was seen: ${unseen.join("; ")}.`);
  const after = await room.json<Deployment>(["get", "deployment", release]);
  return [...counts, after.spec.replicas];
}
