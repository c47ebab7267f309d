import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./open.ts";
import type { HelmUpgrade } from "./helm.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Deployment, HorizontalPodAutoscaler, List, ScaledObject } from "./kubernetes-types.ts";
import { releaseLabel } from "./names.ts";
import { parseManifests } from "./platform-manifests.ts";
import { findMissing, isUnknownKind } from "./presence.ts";
import { isUnfinished, judgeRecords } from "./release-records.ts";
import type { ReleaseRecord } from "./release-records.ts";
import { untilRolledOut, type RolloutOptions } from "./rollout.ts";

export interface NamespaceOptions {
  name: string;
  /** What the namespace enforces of the Pod Security Standards. */
  podSecurity: "restricted" | "baseline" | "privileged";
  labels?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Makes a namespace, or gives one that is there these labels. */
export async function ensureNamespace(cluster: { kubectl: Kubectl }, opts: NamespaceOptions): Promise<void> {
  const labels = { ...opts.labels, "pod-security.kubernetes.io/enforce": opts.podSecurity };
  await cluster.kubectl.apply(
    [{ apiVersion: "v1", kind: "Namespace", metadata: { name: opts.name, labels } }],
    // Server-side: labels that somebody else has set stay.
    { serverSide: true, what: `make namespace ${opts.name}`, signal: opts.signal },
  );
}

export interface ReadyOptions {
  release: string;
  namespace: string;
  /** Until all its Deployments have rolled out; default 180 s, of which pulling the image on each node takes the most. */
  readyWithinSeconds?: number;
  /** Adds to the error about an image that is not to be had. */
  onMissingImage?: ((image: string) => string) | undefined;
  signal?: AbortSignal | undefined;
}

export interface InstallOptions extends Omit<HelmUpgrade, "wait" | "timeoutSeconds">, ReadyOptions {
  signal?: AbortSignal | undefined;
}

/**
 * KEDA's webhook looks for the Deployment of a ScaledObject in a cache, which on a busy machine has not yet heard of what
 * Helm applied the moment before; it refuses then. Whoever asks again gets through.
 */
const KEDA_RACE = /admission webhook "vscaledobject[^\n]*Deployment[^\n]*not found/;

/**
 * Installs or upgrades a release, also over one that was interrupted, and waits until it has rolled out and, where it has a
 * scaler, until that has raised it to its least. Helm's own wait would end with a bare "deadline exceeded": here the error
 * says which pod is not ready, what its conditions and events are and what it logged last.
 *
 * @throws ClusterError TOOL_FAILED (Helm's sentence), IMAGE_MISSING, TIMEOUT, ABORTED
 */
export async function installRelease(cluster: Cluster, opts: InstallOptions): Promise<void> {
  await dropUnfinished(cluster.kubectl, opts);
  await upgradeRelease(cluster, opts);
  const atLeast = await raiseToLeast(cluster.kubectl, opts);
  await untilReplicas(cluster, { ...opts, atLeast });
}

/**
 * A first install with a scaler begins with one replica, since the chart leaves the number to the scaler, and the HPA first looks after
 * 15 s. What it will do then is done now. Returns the scaler's least.
 */
async function raiseToLeast(kubectl: Kubectl, opts: InstallOptions): Promise<number> {
  const { release, namespace, signal } = opts;
  const place = { namespace, selector: `${releaseLabel}=${release}`, signal };
  const least = await leastReplicas(kubectl, place);
  if (least < 2) return least;
  const args = ["get", "deployments", `--namespace=${namespace}`, `--selector=${place.selector}`];
  const { items } = await kubectl.json<List<Deployment>>(args, { what: "read deployments", signal });
  for (const { metadata, spec } of items) {
    if (spec.replicas !== 1) continue;
    const one = ["scale", `deployment/${metadata.name}`, `--namespace=${namespace}`];
    try {
      await kubectl.run([...one, "--current-replicas=1", `--replicas=${least}`], {
        what: `raise ${metadata.name} to its least of ${least} replicas`,
        signal,
      });
    } catch (error) {
      // KEDA or the HPA may have been quicker, and then kubectl refuses.
      const now = await kubectl.json<Deployment>(["get", `deployment/${metadata.name}`, `--namespace=${namespace}`]);
      if (now.spec.replicas === 1) throw error;
    }
  }
  return least;
}

/**
 * Waits until a release has rolled out and its scaler, if it has one, has raised it to its least; about a second where all is well.
 *
 * @throws ClusterError IMAGE_MISSING, TIMEOUT (with what is not ready and why), TOOL_FAILED, ABORTED
 */
export function untilReleaseReady(cluster: Pick<Cluster, "kubectl">, opts: ReadyOptions): Promise<void> {
  return untilReplicas(cluster, opts);
}

/** `atLeast`: the scaler's, where it is known already. */
async function untilReplicas(
  { kubectl }: Pick<Cluster, "kubectl">,
  opts: ReadyOptions & { atLeast?: number },
): Promise<void> {
  const { readyWithinSeconds = 180, onMissingImage } = opts;
  const rollout: RolloutOptions = {
    namespace: opts.namespace,
    what: `release ${opts.release}`,
    selector: `${releaseLabel}=${opts.release}`,
    timeoutSeconds: readyWithinSeconds,
    signal: opts.signal,
    onMissingImage,
  };
  await untilRolledOut(kubectl, rollout);
  const atLeast = opts.atLeast ?? (await leastReplicas(kubectl, rollout));
  if (atLeast > 1) await untilRolledOut(kubectl, { ...rollout, atLeast });
}

/** Whether everything that Helm has installed for a release is still in the cluster. Throws TOOL_FAILED. */
export async function isReleaseWhole(
  cluster: Pick<Cluster, "helm" | "kubectl">,
  opts: { release: string; namespace: string; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const { release, namespace, signal } = opts;
  const text = await cluster.helm.manifest(release, namespace);
  const objects = parseManifests(text, `the manifest of release ${release}`);
  return (await findMissing(cluster.kubectl, objects, { namespace, signal })).length === 0;
}

/** `helm upgrade --install`, once more where KEDA refused only because it had not heard of the Deployment yet. */
export async function upgradeRelease(cluster: Pick<Cluster, "helm">, upgrade: HelmUpgrade): Promise<void> {
  try {
    await cluster.helm.upgrade(upgrade);
  } catch (error) {
    if (!(error instanceof Error) || !KEDA_RACE.test(error.message)) throw error;
    await cluster.helm.upgrade(upgrade);
  }
}

/** What the release's scaler keeps it at, or 0 where it has none. */
async function leastReplicas(
  kubectl: Kubectl,
  opts: Pick<RolloutOptions, "namespace" | "selector" | "signal">,
): Promise<number> {
  const list = async <T>(resource: string): Promise<readonly T[]> => {
    const args = ["get", resource, `--namespace=${opts.namespace}`, `--selector=${opts.selector}`];
    return (await kubectl.json<List<T>>(args, { what: `read ${resource}`, signal: opts.signal })).items;
  };
  const [hpas, scaledObjects] = await Promise.all([
    list<HorizontalPodAutoscaler>("horizontalpodautoscalers.v2.autoscaling"),
    list<ScaledObject>("scaledobjects.keda.sh").catch((error: unknown): readonly ScaledObject[] => {
      // Where KEDA is not installed there is no such kind.
      if (isUnknownKind(error)) return [];
      throw error;
    }),
  ]);
  return Math.max(
    0,
    ...hpas.map(({ spec }) => spec.minReplicas ?? 1),
    ...scaledObjects.map(({ spec }) => spec.minReplicaCount ?? 0),
  );
}

/**
 * Removes a release and waits until its Deployments and pods are gone, which Helm's own wait does not do: it returns while pods end.
 * A release that is not there is no error.
 */
export async function uninstallRelease(
  cluster: Cluster,
  opts: { release: string; namespace: string; timeoutSeconds?: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { release, namespace, timeoutSeconds = 120, signal } = opts;
  await cluster.helm.uninstall({ release, namespace, timeoutSeconds, signal });
  await cluster.kubectl.run(
    [
      "wait",
      "deployments,pods",
      "--for=delete",
      `--namespace=${namespace}`,
      `--selector=${releaseLabel}=${release}`,
      `--timeout=${timeoutSeconds}s`,
    ],
    {
      what: `see the pods of release ${release} in namespace ${namespace} end`,
      timeoutMs: (timeoutSeconds + 10) * 1000,
      signal,
    },
  );
}

/** Nothing tells when another process ends an operation. */
const ASK_AGAIN_MS = 1000;

/**
 * A Helm that was killed leaves its revision "pending", and every later upgrade refuses. That record alone is removed: what there is of the
 * revision's objects bears the release's name, so the next upgrade takes it over. A record whose maker may still be at work is waited for.
 */
async function dropUnfinished(
  kubectl: Kubectl,
  opts: { release: string; namespace: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const { release, namespace, signal } = opts;
  const what = `look for an unfinished revision of release ${release}`;
  for (;;) {
    const args = ["get", "secrets", `--namespace=${namespace}`, `--selector=owner=helm,name=${release}`];
    const { items } = await kubectl.json<List<ReleaseRecord>>(args, { what, signal });
    const { dead, alive } = judgeRecords(items.filter((record) => isUnfinished(record)));
    if (dead.length > 0) {
      await kubectl.run(["delete", "secrets", `--namespace=${namespace}`, "--ignore-not-found", ...dead], {
        what: `remove an unfinished revision of release ${release}`,
        signal,
      });
    }
    if (alive.length === 0) return;
    await sleep(ASK_AGAIN_MS, undefined, signal === undefined ? {} : { signal });
  }
}
