/** The cluster that is checked: found, or brought up and taken down by the scripts that people use for it. */
import { ClusterError, findDocker, openCluster, type Cluster, type Tools } from "@holdfast/cluster";
import path from "node:path";
import { ask, follow } from "./child.ts";
import { E2eError } from "./e2e-error.ts";
import { EXIT } from "./exit-codes.ts";
import { REPO_ROOT } from "./repo.ts";

/** Where the command line keeps what it knows of each cluster. */
export const STATE_DIR = path.join(REPO_ROOT, ".cache", "clusters");

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

export async function bringTools({
  bundle,
  signal,
}: {
  bundle: string | undefined;
  signal: AbortSignal;
}): Promise<Tools> {
  const { code, stdout } = await ask(process.execPath, ["scripts/tools.mjs", "kind", "kubectl", "helm"], {
    signal,
    ...(bundle === undefined ? {} : { env: { HOLDFAST_BUNDLE: bundle } }),
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

/** `scripts/kind-up.sh`. @throws E2eError with its exit code */
export async function bringUp({ name, up }: ClusterFlags, signal: AbortSignal): Promise<void> {
  const code = await follow(path.join(REPO_ROOT, "scripts", "kind-up.sh"), ["--name", name, ...up], { signal });
  signal.throwIfAborted();
  if (code === 0) return;
  throw new E2eError(`The cluster "${name}" could not be brought up; what is wrong stands above.`, {
    exitCode: code === EXIT.usage ? EXIT.usage : EXIT.couldNotRun,
  });
}

/** `scripts/kind-down.sh`. Without a signal: what was begun is undone, whatever happened. @returns whether all of it is gone */
export async function takeDown(name: string): Promise<boolean> {
  return (await follow(path.join(REPO_ROOT, "scripts", "kind-down.sh"), ["--name", name])) === 0;
}

/** Builds this checkout's image and pushes it where the cluster's nodes pull. */
export async function pushImage(
  cluster: Cluster,
  { bundle, signal }: { bundle: string | undefined; signal: AbortSignal },
): Promise<{ repository: string; tag: string }> {
  const repository = `${cluster.registry}/holdfast/service`;
  const { code, stdout } = await ask(process.execPath, ["--run", "image", "--", "--push", repository, "-o", "json"], {
    cwd: "apps/service",
    signal,
    ...(bundle === undefined ? {} : { env: { HOLDFAST_BUNDLE: bundle } }),
  });
  signal.throwIfAborted();
  if (code !== 0) throw new E2eError("The service's image could not be built and pushed; what is wrong stands above.");
  // The build may have talked before.
  const { tag } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as { tag: string };
  return { repository, tag };
}
