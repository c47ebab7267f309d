import { isTrue } from "./kubernetes-types.ts";
import type { ContainerStatus, List, Pod } from "./kubernetes-types.ts";
import type { Kubectl } from "./kubectl.ts";
import { releaseLabel } from "./names.ts";

export interface PodView {
  namespace: string;
  name: string;
  /** Its Helm release, by the label app.kubernetes.io/instance. */
  release?: string;
  /** Empty while it waits for one. */
  node: string;
  zone?: string;
  /** As `kubectl get` shows it: `Running`, `Terminating`, `ImagePullBackOff` ... */
  phase: string;
  ready: boolean;
  /** Of all its containers. */
  restarts: number;
  /** Of its first container. */
  image: string;
  /** RFC 3339; empty before the kubelet has seen it. */
  startedAt: string;
}

/** Every pod of the given namespaces, in one call. A namespace that is not there has none. */
export async function readPods(
  kubectl: Kubectl,
  opts: { namespaces: readonly string[]; signal?: AbortSignal | undefined },
): Promise<Pod[]> {
  const { items } = await kubectl.json<List<Pod>>(["get", "pods", "--all-namespaces"], {
    what: "read the pods",
    signal: opts.signal,
  });
  return items.filter(({ metadata }) => opts.namespaces.includes(metadata.namespace ?? ""));
}

/** @param zones zone by node's name */
export function viewPod(pod: Pod, zones: ReadonlyMap<string, string>): PodView {
  const release = pod.metadata.labels?.[releaseLabel];
  const node = pod.spec.nodeName ?? "";
  const zone = zones.get(node);
  return {
    namespace: pod.metadata.namespace ?? "default",
    name: pod.metadata.name,
    ...(release === undefined ? {} : { release }),
    node,
    ...(zone === undefined ? {} : { zone }),
    phase: podPhase(pod),
    ready: isTrue(pod, "Ready"),
    restarts: containers(pod).reduce((sum, { restartCount }) => sum + restartCount, 0),
    image: pod.spec.containers[0]?.image ?? "",
    startedAt: pod.status?.startTime ?? "",
  };
}

/** The phase alone says Running of a pod that ends and Pending of one whose image is missing. */
function podPhase(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (pod.status?.reason !== undefined) return pod.status.reason;
  const waiting = containers(pod).find(({ state }) => state?.waiting?.reason !== undefined)?.state?.waiting?.reason;
  return waiting ?? pod.status?.phase ?? "Unknown";
}

function containers({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
