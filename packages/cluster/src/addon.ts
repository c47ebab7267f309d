/** Parts of the platform that are there on demand only: whoever needs one installs it, and removes it again. */
import { ClusterError } from "./errors.ts";
import type { Cluster } from "./open.ts";
import { applyPart, planPart } from "./platform.ts";
import type { PlannedPart } from "./platform.ts";
import { readPlatformLock } from "./platform-lock.ts";
import { step } from "./progress.ts";
import type { UpProgress } from "./progress.ts";

export interface AddonOptions {
  /** k8s/platform. */
  readonly dir: string;
  readonly name: "prometheus-adapter";
  readonly signal?: AbortSignal | undefined;
}

/**
 * Installs a part and waits until it serves. Called again it puts back what is missing.
 *
 * @throws ClusterError as installPlatform()
 */
export async function installAddon(
  cluster: Cluster,
  opts: AddonOptions & { progress?: UpProgress["onStep"] | undefined },
): Promise<void> {
  const { name, signal, progress = () => undefined } = opts;
  const planned = await plan(cluster, opts);
  await step(progress, { id: `platform-${name}`, title: `${name} ${planned.part.version}` }, () =>
    applyPart(cluster, planned, { bundle: undefined, signal }),
  );
}

/** Removes it and waits until it is gone. What is not there is no error. */
export async function removeAddon(cluster: Cluster, opts: AddonOptions): Promise<void> {
  const { name, signal } = opts;
  const { objects } = await plan(cluster, opts);
  // A namespace may hold others' objects. And an APIService that nobody serves makes the API server slow, so it goes first.
  const items = objects
    .filter(({ kind }) => kind !== "Namespace")
    .sort((a, b) => Number(b.kind === "APIService") - Number(a.kind === "APIService"));
  await cluster.kubectl.run(["delete", "--ignore-not-found", "--wait=true", "--timeout=90s", "-f", "-"], {
    what: `remove ${name}`,
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    timeoutMs: 100_000,
    signal,
  });
}

async function plan(cluster: Cluster, opts: AddonOptions): Promise<PlannedPart> {
  const { dir, name } = opts;
  const { parts } = await readPlatformLock(dir);
  const part = parts.find((one) => one.name === name && one.onDemand === true);
  if (part === undefined) {
    throw new ClusterError("BAD_OPTIONS", `${dir}/lock.json knows no part ${name} that is there on demand.`);
  }
  return planPart(cluster, part, { dir, bundle: undefined, signal: opts.signal });
}
