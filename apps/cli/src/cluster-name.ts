/** Which cluster is meant, and where what we know of it is kept. */
import path from "node:path";
import { usageError } from "./cli-error.ts";
import { REPO_ROOT } from "./repo.ts";

/** Each has a directory of its own in it, with a kubeconfig. */
export const CLUSTERS_DIR = path.join(REPO_ROOT, ".cache", "clusters");

const DEFAULT_CLUSTER = "holdfast";

/** `--name`, else HOLDFAST_CLUSTER, else "holdfast". Throws a usage error where that cannot name containers. */
export function clusterName(flag: string | undefined): string {
  const fromEnvironment = process.env["HOLDFAST_CLUSTER"];
  const name = flag ?? (fromEnvironment || DEFAULT_CLUSTER);
  if (/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) return name;
  const which = flag === undefined ? "HOLDFAST_CLUSTER" : "--name";
  throw usageError(
    `${which} takes 1 to 40 of a-z, 0-9 and "-", beginning and ending with a letter or digit; "${name}" is not that.`,
  );
}

/** What stands behind a command so that it means this cluster: nothing for the usual one. */
export function nameFlag(name: string): string {
  return name === DEFAULT_CLUSTER ? "" : ` --name ${name}`;
}
