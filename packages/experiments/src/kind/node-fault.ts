/** Nodes: what a watch says of them, and how one is lost and returned. */
import type { Cluster } from "@holdfast/cluster";
import { nowMs } from "../clock.ts";
import type { TargetEvent, TargetNode } from "../target.ts";

/** The part of a Node that is read. */
export interface NodeObject {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly osImage?: string; readonly containerRuntimeVersion?: string };
  };
}

interface NodeEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: NodeObject;
}

export interface NodeFault {
  /** An event of the watch, seen at that time. */
  note(event: NodeEvent, atMs: number): readonly TargetEvent[];
  zoneOf(node: string): string | undefined;
  /** Those that carry replicas: without the control plane, on which the lab itself stands. */
  nodes(): readonly TargetNode[];
  lose(node: string): Promise<void>;
  /** Of a node that is not lost, nothing. */
  return(node: string): Promise<void>;
  returnAll(): Promise<void>;
}

const ZONE_LABEL = "topology.kubernetes.io/zone";
const CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane";

export function createNodeFault(opts: {
  cluster: Pick<Cluster, "pauseNode" | "unpauseNode">;
  tell: (event: TargetEvent) => void;
}): NodeFault {
  const { cluster, tell } = opts;
  const known = new Map<string, NodeObject>();
  const paused = new Set<string>();

  async function bringBack(node: string): Promise<void> {
    if (!paused.has(node)) return;
    await cluster.unpauseNode(node);
    paused.delete(node);
    tell({ atMs: nowMs(), type: "node.returned", node });
  }

  return {
    note({ type, object }, atMs) {
      const { name } = object.metadata;
      const before = known.get(name);
      if (type === "DELETED") known.delete(name);
      else known.set(name, object);
      if (before === undefined || isReady(before) === isReady(object)) return [];
      return [{ atMs, type: isReady(object) ? "node.ready" : "node.not-ready", node: name }];
    },
    zoneOf: (node) => known.get(node)?.metadata.labels?.[ZONE_LABEL],
    nodes: () =>
      [...known.values()]
        .filter(({ metadata }) => metadata.labels?.[CONTROL_PLANE_LABEL] === undefined)
        .map((object) => targetNode(object, paused)),
    async lose(node) {
      // Before it is lost: whatever happens next, it is to be returned.
      paused.add(node);
      const atMs = nowMs();
      await cluster.pauseNode(node);
      tell({ atMs, type: "node.paused", node });
    },
    return: bringBack,
    async returnAll() {
      for (const node of paused) await bringBack(node);
    },
  };
}

function targetNode(object: NodeObject, paused: ReadonlySet<string>): TargetNode {
  const { name, labels } = object.metadata;
  const zone = labels?.[ZONE_LABEL];
  return {
    name,
    ...(zone === undefined ? {} : { zone }),
    ready: isReady(object),
    schedulable: object.spec.unschedulable !== true,
    paused: paused.has(name),
  };
}

function isReady({ status }: NodeObject): boolean {
  return status.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}
