import { controlPlaneLabel, kindClusterLabel, zoneLabel } from "./names.ts";
import { isTrue } from "./kubernetes-types.ts";
import type { List, Node } from "./kubernetes-types.ts";
import type { Cluster } from "./open.ts";
import { run } from "./run.ts";

export interface NodeView {
  name: string;
  zone?: string;
  role: "control-plane" | "worker";
  ready: boolean;
  /** Not cordoned. */
  schedulable: boolean;
  /** Its container is frozen: an experiment has lost it on purpose. */
  paused: boolean;
}

/** The cluster's nodes, control plane first, then by zone. */
export async function readNodes(
  cluster: Cluster,
  opts: { signal?: AbortSignal | undefined } = {},
): Promise<NodeView[]> {
  const [nodes, paused] = await Promise.all([
    cluster.kubectl.json<List<Node>>(["get", "nodes"], { what: "read the nodes", ...opts }),
    readPaused(cluster, opts),
  ]);
  return nodes.items.map((node) => viewNode(node, paused)).sort((a, b) => order(a).localeCompare(order(b)));
}

export function viewNode(node: Node, paused: ReadonlySet<string>): NodeView {
  const labels = node.metadata.labels ?? {};
  const zone = labels[zoneLabel];
  return {
    name: node.metadata.name,
    ...(zone === undefined ? {} : { zone }),
    role: controlPlaneLabel in labels ? "control-plane" : "worker",
    ready: isTrue(node, "Ready"),
    schedulable: node.spec.unschedulable !== true,
    paused: paused.has(node.metadata.name),
  };
}

/**
 * Waits until a node counts as Ready, or as lost (its Ready is Unknown), for the API server.
 *
 * @throws ClusterError TOOL_FAILED when that does not happen in time
 */
export async function untilNode(
  cluster: Cluster,
  opts: { node: string; state: "ready" | "lost"; timeoutSeconds: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { node, state, timeoutSeconds, signal } = opts;
  await cluster.kubectl.run(
    [
      "wait",
      `node/${node}`,
      `--for=condition=Ready=${state === "ready" ? "True" : "Unknown"}`,
      `--timeout=${timeoutSeconds}s`,
    ],
    {
      what: `see node ${node} ${state} within ${timeoutSeconds} s`,
      timeoutMs: (timeoutSeconds + 10) * 1000,
      signal,
    },
  );
}

async function readPaused(
  { name, tools }: Cluster,
  opts: { signal?: AbortSignal | undefined },
): Promise<ReadonlySet<string>> {
  const { stdout } = await run(
    tools.docker,
    ["ps", "--filter", `label=${kindClusterLabel}=${name}`, "--filter", "status=paused", "--format", "{{.Names}}"],
    { what: "read which nodes are paused", ...opts },
  );
  return new Set(stdout.split("\n").filter((line) => line !== ""));
}

function order({ role, zone = "", name }: NodeView): string {
  return `${role} ${zone} ${name}`;
}
