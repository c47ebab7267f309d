/** What Docker knows of a cluster, and whose it is. */
import type { Docker, DockerContainer } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { dockerMark, kindClusterLabel, kindRoleLabel, namesOf, nodeMark, nodePorts, registryPort } from "./names.ts";
import type { NodePortName } from "./names.ts";
import type { RunOptions } from "./run.ts";

export interface ClusterParts {
  readonly name: string;
  readonly nodes: readonly DockerContainer[];
  readonly controlPlane: DockerContainer | undefined;
  /** With our Docker label. */
  readonly registry: DockerContainer | undefined;
  readonly mirror: DockerContainer | undefined;
  /** Containers that bear the name of one of ours without our label. */
  readonly strangers: readonly string[];
}

export async function readParts(docker: Docker, name: string, opts?: RunOptions): Promise<ClusterParts> {
  const names = namesOf(name);
  const own = new Set([names.registry, names.mirror]);
  const listed = await docker.list([kindClusterLabel, dockerMark], opts);
  const relevant = listed.filter((one) => one.labels[0] === name || one.labels[1] === name || own.has(one.name));
  const containers = await docker.inspect(
    relevant.map((one) => one.id),
    opts,
  );
  const nodes = containers
    .filter((container) => container.labels[kindClusterLabel] === name)
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  const byName = (wanted: string) =>
    containers.find((container) => container.name === wanted && container.labels[dockerMark] === name);
  return {
    name,
    nodes,
    controlPlane: nodes.find((node) => node.labels[kindRoleLabel] === "control-plane"),
    registry: byName(names.registry),
    mirror: byName(names.mirror),
    strangers: containers
      .filter((container) => own.has(container.name) && container.labels[dockerMark] !== name)
      .map((container) => container.name),
  };
}

/** The ports as Docker has them configured; 0 where one is not published (a cluster of another shape). */
export function publishedPorts(parts: ClusterParts): Record<NodePortName | "registry", number> {
  const port = (name: NodePortName) => parts.controlPlane?.ports.get(nodePorts[name]) ?? 0;
  return {
    app: port("app"),
    lab: port("lab"),
    prometheus: port("prometheus"),
    logs: port("logs"),
    traces: port("traces"),
    registry: parts.registry?.ports.get(registryPort) ?? 0,
  };
}

export interface RegisteredNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its kubelet's version: `v1.36.4`. */
  readonly kubelet: string;
  readonly ready: boolean;
}

export type Ownership =
  /** Nothing of that name is there. */
  "absent" | "ours" | "foreign";

/**
 * Whose cluster it is. The label on its nodes decides; where no API answers, kind's own configuration of the control plane, which sets that label;
 * where that is not written yet, the registry's container, which `up` makes before the first node.
 *
 * @param facts.registered what the API server says, if it answers
 * @param facts.kubeadm kind's configuration inside the control plane, if it is there
 */
export function judgeOwnership(
  parts: ClusterParts,
  facts: { registered?: readonly RegisteredNode[] | undefined; kubeadm?: string | undefined },
): Ownership {
  const { name, nodes, registry, mirror } = parts;
  if (nodes.length === 0) return registry === undefined && mirror === undefined ? "absent" : "ours";
  if (facts.registered !== undefined && facts.registered.length > 0) {
    return facts.registered.some((node) => node.labels[nodeMark] === name) ? "ours" : "foreign";
  }
  if (facts.kubeadm !== undefined) {
    const mark = `${nodeMark}=${name}`;
    return facts.kubeadm.split(/[\s,"']+/).includes(mark) ? "ours" : "foreign";
  }
  const oldest = nodes.map((node) => Date.parse(node.createdAt)).sort((a, b) => a - b)[0] ?? 0;
  return registry !== undefined && Date.parse(registry.createdAt) <= oldest ? "ours" : "foreign";
}

/** kind's configuration of the control plane, running or not. */
export async function readKubeadm(docker: Docker, parts: ClusterParts, opts?: RunOptions): Promise<string | undefined> {
  const node = parts.controlPlane ?? parts.nodes[0];
  if (node === undefined) return undefined;
  try {
    // As a tar stream, in which the text stands as it is.
    return await docker.run(["cp", `${node.id}:/kind/kubeadm.conf`, "-"], {
      what: `read how ${node.name} was configured`,
      ...opts,
    });
  } catch (error) {
    if (error instanceof ClusterError && error.code === "TOOL_FAILED") return undefined;
    throw error;
  }
}

export function foreign(name: string, opts: { strangers?: readonly string[]; volume?: string } = {}): ClusterError {
  const { strangers = [], volume } = opts;
  const found =
    strangers.length > 0
      ? `The container ${strangers.join(" and ")} is there and was not made by Holdfast`
      : volume !== undefined
        ? `Docker's volume ${volume} is there and was not made by Holdfast`
        : `There is a kind cluster "${name}" that was not made by Holdfast`;
  return new ClusterError(
    "CLUSTER_FOREIGN",
    `${found}: it does not bear our mark, so nothing was touched. Choose another name with --name, or remove it yourself first.`,
  );
}
