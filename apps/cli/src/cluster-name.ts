/** Which cluster is meant, and where what we know of it is kept. */
import { clusterNameRule, defaultClusterName, isClusterName, stateDirIn } from "@holdfast/cluster/names";
import { usageError } from "./cli-error.ts";
import { REPO_ROOT } from "./repo.ts";

/** Each has a directory of its own in it, with a kubeconfig. */
export const CLUSTERS_DIR = stateDirIn(REPO_ROOT);

/** `--name`, else HOLDFAST_CLUSTER, else "holdfast". Throws a usage error where that cannot name containers. */
export function clusterName(flag: string | undefined): string {
  const fromEnvironment = process.env["HOLDFAST_CLUSTER"];
  const name = flag ?? (fromEnvironment || defaultClusterName);
  if (isClusterName(name)) return name;
  const which = flag === undefined ? "HOLDFAST_CLUSTER" : "--name";
  throw usageError(`${which} takes ${clusterNameRule}; "${name}" is not that.`);
}

/** What stands behind a command so that it means this cluster: nothing for the usual one. */
export function nameFlag(name: string): string {
  return name === defaultClusterName ? "" : ` --name ${name}`;
}
