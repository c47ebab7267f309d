/** Whether the replicas of a release stand apart. Pure. */
import { zoneLabel } from "@holdfast/cluster";
import type { Node, Pod } from "./kubernetes.ts";
import { Broken, TooLittle } from "./judgement.ts";

/** @returns where they stand. @throws Broken when two share a node or a zone has none, TooLittle when there is nothing to judge */
export function judgeSpread(pods: readonly Pod[], { nodes, zones }: { nodes: readonly Node[]; zones: number }): string {
  if (pods.length < zones) throw new TooLittle(`There are ${pods.length} pods, where ${zones} zones need ${zones}.`);
  const zoneOf = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[zoneLabel]]));
  const known = new Set([...zoneOf.values()].filter((zone) => zone !== undefined));
  if (known.size < zones)
    throw new TooLittle(`The nodes that take pods stand in ${known.size} zones, where ${zones} are needed.`);

  const homeless = pods.find(({ spec }) => spec.nodeName === undefined);
  if (homeless) throw new Broken(`${homeless.metadata.name} is on no node.`);
  const byNode = Map.groupBy(pods, ({ spec }) => spec.nodeName ?? "");
  for (const [node, together] of byNode) {
    if (together.length > 1) throw new Broken(`${together.length} of ${pods.length} pods are on one node, ${node}.`);
  }
  const used = new Set([...byNode.keys()].map((node) => zoneOf.get(node)));
  const empty = [...known].filter((zone) => !used.has(zone));
  if (empty.length > 0) throw new Broken(`No pod is in ${empty.toSorted().join(", ")}.`);
  return pods
    .map(({ spec }) => `${zoneOf.get(spec.nodeName ?? "") ?? "no zone"} on ${spec.nodeName ?? ""}`)
    .toSorted()
    .join(", ");
}
