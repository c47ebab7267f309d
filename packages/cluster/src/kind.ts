/** kind: the shape of a cluster, and the making of its nodes. */
import { readFile } from "node:fs/promises";
import { isMap, isSeq, parseDocument } from "yaml";
import type { YAMLMap } from "yaml";
import { ClusterError } from "./errors.ts";
import { namesOf, nodeMark, nodePorts } from "./names.ts";
import type { NodePortName } from "./names.ts";
import { run } from "./run.ts";

export interface Shape {
  /** kind's configuration, complete. */
  readonly config: string;
  /** How many machines it makes. */
  readonly nodes: number;
}

/** Making four nodes took 24 s to 42 s on two cores; ten times that is a machine on which it does not end. */
const createTimeoutMs = 420_000;

/**
 * Fills what only `up` knows into a shape: each node's image, the mark that says whose the cluster is, and the ports on this machine.
 * All else in the file stays, so that a team may add to it what kind understands.
 *
 * Throws BAD_OPTIONS for a file that is no shape.
 */
export function fillShape(
  text: string,
  opts: { file: string; name: string; image: string; ports: Readonly<Record<NodePortName, number>> },
): Shape {
  const document = parseDocument(text);
  const refuse = (reason: string) =>
    new ClusterError("BAD_OPTIONS", `${opts.file} is no shape of a cluster: ${reason}. See k8s/kind/three-zones.yaml.`);
  if (document.errors[0] !== undefined) throw refuse(document.errors[0].message);
  if (document.get("kind") !== "Cluster") throw refuse("it has no `kind: Cluster`");
  const nodes = document.get("nodes");
  if (!isSeq(nodes) || nodes.items.length === 0) throw refuse("it lists no nodes");

  const ports = new Map(
    (Object.keys(nodePorts) as NodePortName[]).map((name): [number, number] => [nodePorts[name], opts.ports[name]]),
  );
  let controlPlanes = 0;
  for (const node of nodes.items) {
    if (!isMap(node)) throw refuse("a node is not a map");
    if (node.get("role") === "control-plane") controlPlanes += 1;
    node.set("image", opts.image);
    node.setIn(["labels", nodeMark], opts.name);
    for (const mapping of mappingsOf(node)) {
      const hostPort = ports.get(Number(mapping.get("containerPort")));
      if (hostPort !== undefined) mapping.set("hostPort", hostPort);
    }
  }
  // Several would need a balancer before them, whose ports and ends nothing here has looked at.
  if (controlPlanes !== 1) throw refuse(`it has ${controlPlanes} control planes instead of one`);
  document.set("name", opts.name);
  return { config: document.toString(), nodes: nodes.items.length };
}

function mappingsOf(node: YAMLMap): YAMLMap[] {
  const mappings = node.get("extraPortMappings");
  return isSeq(mappings) ? mappings.items.filter((mapping) => isMap(mapping)) : [];
}

export async function readShapeFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ClusterError("BAD_OPTIONS", `Could not read the cluster's shape ${file}: ${(error as Error).message}.`);
  }
}

/** What a person has set for clusters of their own would make kind look elsewhere. */
export const kindEnvironment = {
  KIND_EXPERIMENTAL_PROVIDER: "docker",
  KIND_EXPERIMENTAL_DOCKER_NETWORK: "kind",
} as const;

/** Makes the nodes and writes the kubeconfig. It does not wait until they are ready. */
export async function createNodes(opts: {
  kind: string;
  name: string;
  shape: Shape;
  kubeconfig: string;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  await run(opts.kind, ["create", "cluster", "--name", opts.name, "--config", "-", "--kubeconfig", opts.kubeconfig], {
    what: `make the nodes of cluster ${opts.name}`,
    input: opts.shape.config,
    env: { ...kindEnvironment, ...proxyExceptions(opts.name, process.env) },
    timeoutMs: createTimeoutMs,
    signal: opts.signal,
  });
}

/** kind hands the proxy settings on to the nodes, which must not ask a proxy for our two registries. */
export function proxyExceptions(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): { NO_PROXY?: string } {
  const proxied = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].some((key) => (env[key] ?? "") !== "");
  if (!proxied) return {};
  const { registry, mirror } = namesOf(name);
  const exceptions = (env["NO_PROXY"] ?? "") || (env["no_proxy"] ?? "");
  return { NO_PROXY: [exceptions, registry, mirror].filter((one) => one !== "").join(",") };
}
