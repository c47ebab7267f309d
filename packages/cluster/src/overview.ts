import type { HelmRelease } from "./helm.ts";
import type {
  DaemonSet,
  Deployment,
  HorizontalPodAutoscaler,
  List,
  ScaledObject,
  StatefulSet,
} from "./kubernetes-types.ts";
import { readNodes } from "./nodes.ts";
import type { NodeView } from "./nodes.ts";
import type { Cluster } from "./open.ts";
import { PART_LABEL, VERSION_ANNOTATION } from "./platform-manifests.ts";
import { readPods, viewPod } from "./pods.ts";
import type { PodView } from "./pods.ts";
import { isUnknownKind } from "./presence.ts";
import { viewScalers } from "./scalers.ts";
import type { ScalerView } from "./scalers.ts";
import { isRolledOut, isScaledToNothing } from "./workloads.ts";
import type { Workload } from "./workloads.ts";

export interface PlatformPartView {
  name: string;
  ready: boolean;
  version: string;
}

/** What runs where, as `./holdfast status` shows it. */
export interface Overview {
  nodes: NodeView[];
  pods: PodView[];
  scalers: ScalerView[];
  releases: HelmRelease[];
  platform: PlatformPartView[];
}

/** Eight calls at once; about a second. */
export async function readOverview(
  cluster: Cluster,
  opts: { namespaces: readonly string[]; signal?: AbortSignal | undefined },
): Promise<Overview> {
  const { kubectl, helm } = cluster;
  const { namespaces, signal } = opts;
  const listAll = async <T>(resource: string) =>
    (await kubectl.json<List<T>>(["get", resource, "--all-namespaces"], { what: `read ${resource}`, signal })).items;
  const ours = (object: { metadata: { namespace?: string } }) => namespaces.includes(object.metadata.namespace ?? "");

  const [nodes, pods, deployments, statefulSets, daemonSets, hpas, scaledObjects, releases] = await Promise.all([
    readNodes(cluster, { signal }),
    readPods(kubectl, { namespaces, signal }),
    listAll<Deployment>("deployments.apps"),
    listAll<StatefulSet>("statefulsets.apps"),
    listAll<DaemonSet>("daemonsets.apps"),
    listAll<HorizontalPodAutoscaler>("horizontalpodautoscalers.v2.autoscaling"),
    listAll<ScaledObject>("scaledobjects.keda.sh").catch((error: unknown): ScaledObject[] => {
      // Where KEDA is not installed there is no such kind.
      if (isUnknownKind(error)) return [];
      throw error;
    }),
    helm.list(),
  ]);
  const zones = new Map(nodes.flatMap(({ name, zone }) => (zone === undefined ? [] : [[name, zone] as const])));
  return {
    nodes,
    pods: pods.map((pod) => viewPod(pod, zones)),
    scalers: viewScalers({
      deployments: deployments.filter((deployment) => ours(deployment)),
      hpas: hpas.filter((hpa) => ours(hpa)),
      scaledObjects: scaledObjects.filter((object) => ours(object)),
    }),
    releases: releases.filter(({ namespace }) => namespaces.includes(namespace)),
    platform: viewPlatform([...deployments, ...statefulSets, ...daemonSets]),
  };
}

/** Each part by what its workloads say of themselves; a part of several is ready when all of them are. */
export function viewPlatform(workloads: readonly Workload[]): PlatformPartView[] {
  const parts = new Map<string, PlatformPartView>();
  for (const workload of workloads) {
    const name = workload.metadata.labels?.[PART_LABEL];
    if (name === undefined) continue;
    const version = workload.metadata.annotations?.[VERSION_ANNOTATION] ?? "";
    const ready = isRolledOut(workload) && !isScaledToNothing(workload) && (parts.get(name)?.ready ?? true);
    parts.set(name, { name, ready, version });
  }
  return [...parts.values()].sort((a, b) => a.name.localeCompare(b.name));
}
