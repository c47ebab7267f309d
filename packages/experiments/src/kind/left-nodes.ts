/** Nodes that a run has lost and, since it was killed, not returned: nothing else would ever bring them back. */
import { untilNode, type Cluster, type NodeView } from "@holdfast/cluster";

/** As long as it takes a node that was lost to be ready, and some. */
const READY_WITHIN_SECONDS = 60;

/** Resolves when they are ready. @throws ClusterError where one does not come back */
export async function returnLeftNodes(
  cluster: Cluster,
  opts: { nodes: readonly NodeView[]; note: (sentence: string) => void; signal: AbortSignal },
): Promise<void> {
  const left = opts.nodes.filter(({ paused }) => paused).map(({ name }) => name);
  for (const node of left) {
    opts.note(`returning ${node}, which an earlier run has lost and not returned`);
    await cluster.unpauseNode(node);
  }
  for (const node of left) {
    await untilNode(cluster, { node, state: "ready", timeoutSeconds: READY_WITHIN_SECONDS, signal: opts.signal });
  }
}
