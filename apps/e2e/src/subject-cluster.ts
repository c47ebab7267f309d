/** The cluster that is checked: found, or brought up and taken down by the scripts that people use for it. */
import {
  bundleDirOf,
  ClusterError,
  findDocker,
  openCluster,
  stateDirIn,
  type Cluster,
  type Tools,
} from "@holdfast/cluster";
import { withLockFile } from "@holdfast/cluster/lock-file";
import path from "node:path";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { ask, follow } from "./child.ts";
import { E2eError } from "./e2e-error.ts";
import { REPO_ROOT } from "./repo.ts";

/** Where the command line keeps what it knows of each cluster. */
export const STATE_DIR = stateDirIn(REPO_ROOT);

export interface ClusterFlags {
  readonly name: string;
  /** Flags for kind-up.sh, as they were given. */
  readonly up: readonly string[];
  readonly bundle?: string | undefined;
}

export interface Found {
  readonly cluster: Cluster;
  readonly tools: Tools;
}

/** `--bundle`, else HOLDFAST_BUNDLE, else the one that a cluster of that name was made with, as an absolute path: what is started here runs elsewhere than its caller. */
export async function bundleOf(flag: string | undefined, cluster: string): Promise<string | undefined> {
  const given = flag || process.env["HOLDFAST_BUNDLE"];
  return given ? path.resolve(given) : bundleDirOf({ name: cluster, tools: { docker: findDocker() } });
}

/** For what is started here. */
export function bundleEnv(bundle: string | undefined): { env?: Record<string, string> } {
  return bundle === undefined ? {} : { env: { HOLDFAST_BUNDLE: bundle } };
}

export async function bringTools({
  bundle,
  signal,
}: {
  bundle: string | undefined;
  signal: AbortSignal;
}): Promise<Tools> {
  const { code, stdout } = await ask(process.execPath, ["scripts/tools.mjs", "kind", "kubectl", "helm"], {
    signal,
    asks: "group",
    ...bundleEnv(bundle),
  });
  signal.throwIfAborted();
  if (code !== 0) throw new E2eError("kind, kubectl and helm could not be had; what is missing stands above.");
  return { docker: findDocker(), ...(JSON.parse(stdout) as Omit<Tools, "docker">) };
}

/** What stands there under that name: a whole cluster, a part of one, or nothing. @throws ClusterError when it is not ours */
export async function findCluster(opts: { name: string; tools: Tools }): Promise<Cluster | "half-made" | "absent"> {
  try {
    return await openCluster({ ...opts, stateDir: STATE_DIR });
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    if (error.code === "CLUSTER_ABSENT") return "absent";
    if (error.code === "CLUSTER_HALF_MADE") return "half-made";
    throw error;
  }
}

const KIND_UP = path.join(REPO_ROOT, "scripts", "kind-up.sh");

/** `scripts/kind-up.sh -o json`. @returns what it says */
export async function askUp({ name, up, bundle }: ClusterFlags, signal: AbortSignal) {
  return ask(KIND_UP, ["--name", name, ...up, "-o", "json"], { signal, ...bundleEnv(bundle) });
}

/** `scripts/kind-up.sh`. @throws E2eError with its exit code */
export async function bringUp({ name, up, bundle }: ClusterFlags, signal: AbortSignal): Promise<void> {
  const code = await follow(KIND_UP, ["--name", name, ...up], { signal, ...bundleEnv(bundle) });
  signal.throwIfAborted();
  if (code === 0) return;
  throw new E2eError(`The cluster "${name}" could not be brought up; what is wrong stands above.`, {
    exitCode: code === EXIT.usage ? EXIT.usage : EXIT.couldNotRun,
  });
}

/** `scripts/kind-down.sh`. Without a signal: what was begun is undone, whatever happened. @returns its exit code */
export async function takeDown(name: string): Promise<number> {
  return follow(path.join(REPO_ROOT, "scripts", "kind-down.sh"), ["--name", name]);
}

/** Builds this checkout's image and pushes it where the cluster's nodes pull. */
export async function pushImage(
  cluster: Cluster,
  { bundle, signal }: { bundle: string | undefined; signal: AbortSignal },
): Promise<{ repository: string; tag: string }> {
  const repository = `${cluster.registry}/holdfast/service`;
  const build = () =>
    ask(process.execPath, ["--run", "image", "--", "--push", repository, "-o", "json"], {
      cwd: "apps/service",
      signal,
      asks: "group",
      ...bundleEnv(bundle),
    });
  // It writes into its room's dist/, as `up` does under the same lock.
  const { code, stdout } = await withLockFile(path.join(REPO_ROOT, ".cache", "image-service.lock"), build, { signal });
  signal.throwIfAborted();
  if (code !== 0) throw new E2eError("The service's image could not be built and pushed; what is wrong stands above.");
  // The build may have talked before.
  const { tag } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { tag: string };
  return { repository, tag };
}
