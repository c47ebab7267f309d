import { existsSync } from "node:fs";
import path from "node:path";
import { createDocker } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { dockerMark, namesOf } from "./names.ts";
import type { Tools } from "./tools.ts";

/**
 * The bundle that a cluster was made with, by what its mirror serves, so that nobody has to name it twice. Nothing where the internet serves the
 * cluster, where there is no such cluster, where the bundle's directory has gone, and where there is no Docker to ask.
 */
export async function bundleDirOf(
  cluster: { readonly name: string; readonly tools: Pick<Tools, "docker"> },
  opts: { signal?: AbortSignal | undefined } = {},
): Promise<string | undefined> {
  const docker = createDocker(cluster.tools.docker);
  try {
    const [mirror] = await docker.inspect([namesOf(cluster.name).mirror], { timeoutMs: 10_000, ...opts });
    if (mirror === undefined || mirror.labels[dockerMark] !== cluster.name) return undefined;
    // It mounts the bundle's directory `registry`.
    const dirs = mirror.mounts.map(({ source }) => path.dirname(source));
    return dirs.find((dir) => existsSync(path.join(dir, "bundle.json")));
  } catch (error) {
    if (error instanceof ClusterError && error.code === "ABORTED") throw error;
    return undefined;
  }
}
