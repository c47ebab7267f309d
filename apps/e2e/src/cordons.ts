/** Nodes that an interrupted run left unfit for others. */
import { readNodes, untilNode, type Cluster, type Kubectl } from "@holdfast/cluster";

/** On a node from before its drain until it takes pods again, so that an interrupted drain can be undone by whoever comes next. */
export const DRAINED_LABEL = "holdfast/e2e-drained";

/** Takes back the nodes that an interrupted check left cordoned. */
export async function uncordonDrained(kubectl: Pick<Kubectl, "run">): Promise<void> {
  const names = (await kubectl.run(["get", "nodes", "-l", DRAINED_LABEL, "-o", "name"])).split("\n").filter(Boolean);
  if (names.length === 0) return;
  await kubectl.run(["uncordon", ...names]);
  await kubectl.run(["label", ...names, `${DRAINED_LABEL}-`]);
}

/** Takes back the nodes that an interrupted experiment left frozen, and waits until they are Ready. @returns their names */
export async function unpauseNodes(cluster: Cluster): Promise<string[]> {
  const paused = (await readNodes(cluster)).filter((node) => node.paused).map(({ name }) => name);
  for (const name of paused) await cluster.unpauseNode(name);
  for (const node of paused) await untilNode(cluster, { node, state: "ready", timeoutSeconds: 60 });
  return paused;
}
