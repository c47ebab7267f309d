import {
  bundleDirOf as bundleDirOfCluster,
  createDocker,
  dockerMark,
  findDocker,
  kindClusterLabel,
  openCluster,
  type Cluster,
} from "@holdfast/cluster";
import { bundleDirOf } from "./bundle-dir.ts";
import { CliError } from "./cli-error.ts";
import { CLUSTERS_DIR, nameFlag } from "./cluster-name.ts";
import { clusterTools, dockerOnPath } from "./cluster-tools.ts";

/**
 * Opens the cluster of that name. Throws a CliError or a ClusterError: DOCKER_MISSING, CLUSTER_ABSENT, CLUSTER_FOREIGN,
 * CLUSTER_HALF_MADE.
 */
export async function openNamedCluster(
  name: string,
  opts: { note: (line: string) => void; signal?: AbortSignal },
): Promise<Cluster> {
  const { signal } = opts;
  dockerOnPath();
  // Asked before the tools are brought: nobody should fetch them in order to hear that there is nothing.
  if (!(await isClusterThere(name, signal ? { signal } : {}))) {
    throw new CliError(`There is no cluster "${name}": \`./holdfast up${nameFlag(name)}\` makes one.`, {
      code: "CLUSTER_ABSENT",
    });
  }
  const tools = await clusterTools({ ...opts, bundleDir: await bundleDirFor(name, {}) });
  return openCluster({ name, stateDir: CLUSTERS_DIR, tools, ...(signal ? { signal } : {}) });
}

/** What marks the containers of a cluster: kind's own label, and ours. */
const LABELS = [kindClusterLabel, dockerMark];

/** Whether Docker knows anything of that name, ours or not. Throws a ClusterError where Docker cannot be asked. */
export async function isClusterThere(name: string, opts: { signal?: AbortSignal } = {}): Promise<boolean> {
  const docker = createDocker(findDocker());
  const found = await Promise.all(
    LABELS.map((label) =>
      docker.run(["ps", "--all", "--quiet", "--filter", `label=${label}=${name}`], {
        what: "ask Docker which clusters there are",
        timeoutMs: 10_000,
        ...opts,
      }),
    ),
  );
  return found.some((ids) => ids.trim() !== "");
}

/**
 * The bundle that a cluster is served from: `--bundle`, else HOLDFAST_BUNDLE, else what its mirror was made with, so that
 * nobody has to name it twice. Undefined where the internet serves it.
 */
export async function bundleDirFor(name: string, opts: { flag?: string | undefined }): Promise<string | undefined> {
  const given = await bundleDirOf(opts.flag);
  return given ?? (await bundleDirOfCluster({ name, tools: { docker: findDocker() } }));
}
