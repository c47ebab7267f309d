/** Nodes: what a watch says of them, and how one is lost and returned. */
import { controlPlaneLabel, isTrue, zoneLabel, type Cluster, type Node } from "@holdfast/cluster";
import { nowMs } from "../clock.ts";
import type { TargetEvent, TargetNode } from "../target.ts";

interface NodeEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Node;
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

export function createNodeFault(opts: {
  cluster: Pick<Cluster, "pauseNode" | "unpauseNode">;
  tell: (event: TargetEvent) => void;
}): NodeFault {
  const { cluster, tell } = opts;
  const known = new Map<string, Node>();
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
      if (before === undefined || isTrue(before, "Ready") === isTrue(object, "Ready")) return [];
      return [{ atMs, type: isTrue(object, "Ready") ? "node.ready" : "node.not-ready", node: name }];
    },
    zoneOf: (node) => known.get(node)?.metadata.labels?.[zoneLabel],
    nodes: () =>
      [...known.values()]
        .filter(({ metadata }) => metadata.labels?.[controlPlaneLabel] === undefined)
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

function targetNode(object: Node, paused: ReadonlySet<string>): TargetNode {
  const { name, labels } = object.metadata;
  const zone = labels?.[zoneLabel];
  return {
    name,
    ...(zone === undefined ? {} : { zone }),
    ready: isTrue(object, "Ready"),
    schedulable: object.spec.unschedulable !== true,
    paused: paused.has(name),
  };
}
