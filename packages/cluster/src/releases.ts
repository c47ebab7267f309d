import type { Cluster } from "./open.ts";
import type { HelmUpgrade } from "./helm.ts";
import type { Kubectl } from "./kubectl.ts";
import { untilRolledOut } from "./rollout.ts";

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

export interface InstallOptions extends Omit<HelmUpgrade, "wait" | "timeoutSeconds"> {
  /** Until all its Deployments have rolled out; default 180 s, of which pulling the image on each node takes the most. */
  readyWithinSeconds?: number;
  /** Adds to the error about an image that is not to be had. */
  onMissingImage?: ((image: string) => string) | undefined;
}

/**
 * Installs or upgrades a release, also over one that was interrupted, and waits until it has rolled out. Helm's own wait would end with a bare "deadline exceeded": here the error says
 * which pod is not ready, what its conditions and events are and what it logged last.
 *
 * @throws ClusterError TOOL_FAILED (Helm's sentence), IMAGE_MISSING, TIMEOUT, ABORTED
 */
export async function installRelease(cluster: Cluster, opts: InstallOptions): Promise<void> {
  const { readyWithinSeconds = 180, onMissingImage, ...upgrade } = opts;
  await dropUnfinished(cluster.kubectl, opts);
  await cluster.helm.upgrade(upgrade);
  await untilRolledOut(cluster.kubectl, {
    namespace: opts.namespace,
    what: `release ${opts.release}`,
    selector: `app.kubernetes.io/instance=${opts.release}`,
    timeoutSeconds: readyWithinSeconds,
    signal: opts.signal,
    onMissingImage,
  });
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
      `--selector=app.kubernetes.io/instance=${release}`,
      `--timeout=${timeoutSeconds}s`,
    ],
    {
      what: `see the pods of release ${release} in namespace ${namespace} end`,
      timeoutMs: (timeoutSeconds + 10) * 1000,
      signal,
    },
  );
}

/**
 * A Helm that was killed leaves its revision "pending", and every later upgrade refuses. That record alone is removed: what there is of the
 * revision's objects bears the release's name, so the next upgrade takes it over.
 */
async function dropUnfinished(
  kubectl: Kubectl,
  opts: { release: string; namespace: string; signal?: AbortSignal | undefined },
): Promise<void> {
  await kubectl.run(
    [
      "delete",
      "secrets",
      `--namespace=${opts.namespace}`,
      `--selector=owner=helm,name=${opts.release},status in (pending-install,pending-upgrade,pending-rollback)`,
    ],
    { what: `remove an unfinished revision of release ${opts.release}`, signal: opts.signal },
  );
}
