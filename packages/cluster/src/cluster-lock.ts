/** One `up` or `down` of a cluster at a time. */
import { ClusterError } from "./errors.ts";
import { withLockFile } from "./lock-file.ts";
import { checkName, stateOf } from "./names.ts";
import type { UpProgress } from "./progress.ts";

/**
 * Waits until no other process of this checkout changes the cluster, and says on whom it waits. Throws what `work` throws, and ABORTED.
 */
export async function withClusterLock<T>(
  opts: {
    readonly name: string;
    readonly stateDir: string;
    readonly progress: UpProgress["onStep"];
    readonly signal?: AbortSignal | undefined;
  },
  work: () => Promise<T>,
): Promise<T> {
  const { name, progress, signal } = opts;
  checkName(name);
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  try {
    return await withLockFile(`${stateOf(opts).directory}.lock`, begin, {
      signal,
      onWait: (pid) =>
        progress({
          id: "lock",
          title: `waiting for the \`up\` or \`down\` of cluster "${name}" that is under way (process ${pid})`,
          state: "note",
        }),
    });
  } catch (error) {
    if (begun || signal?.aborted !== true) throw error;
    throw new ClusterError("ABORTED", `Stopped while waiting for another \`up\` or \`down\` of cluster "${name}".`, {
      cause: error,
    });
  }
}
