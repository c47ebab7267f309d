import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createDocker } from "./docker.ts";
import type { Docker } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { createHelm } from "./helm.ts";
import type { Helm } from "./helm.ts";
import { kindEnvironment } from "./kind.ts";
import { createKubectl } from "./kubectl.ts";
import type { Kubectl } from "./kubectl.ts";
import { checkName, commandFor, completeMark, namesOf, stateOf } from "./names.ts";
import type { NodePortName } from "./names.ts";
import { foreign, judgeOwnership, publishedPorts, readKubeadm, readParts } from "./parts.ts";
import type { ClusterParts, RegisteredNode } from "./parts.ts";
import { run } from "./run.ts";
import type { Tools } from "./tools.ts";

export interface Cluster {
  readonly name: string;
  readonly kubeconfig: string;
  readonly context: string;
  readonly tools: Tools;
  readonly kubectl: Kubectl;
  readonly helm: Helm;
  /** Where images are pushed to, and by which name the nodes pull them: `localhost:5001`. */
  readonly registry: string;
  /** On 127.0.0.1; 0 = not published, as in a cluster that was made before there was such a port: it has to be made anew. */
  readonly ports: Readonly<Record<NodePortName, number>>;
  /** Its nodes pull from a bundle first. */
  readonly bundle: boolean;
  /** Freezes a node (`docker pause`), as a machine that is lost to the others. A paused node is left as it is. Throws BAD_OPTIONS for a name that is no node of this cluster. */
  pauseNode(node: string): Promise<void>;
  unpauseNode(node: string): Promise<void>;
  /** SIGKILL to a container's first process, from its node. `containerId` may have the `containerd://` of a pod's status. */
  killContainer(opts: { node: string; containerId: string }): Promise<void>;
}

export interface OpenOptions {
  readonly name: string;
  /** The directory that holds one directory a cluster. */
  readonly stateDir: string;
  readonly tools: Tools;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a cluster that `up` has made. Its facts come from Docker and from the cluster; nothing is stored but the kubeconfig, which is fetched
 * again where it is missing.
 *
 * Throws CLUSTER_ABSENT, CLUSTER_FOREIGN, CLUSTER_HALF_MADE.
 */
export async function openCluster(opts: OpenOptions): Promise<Cluster> {
  const { name, signal } = opts;
  checkName(name);
  const docker = createDocker(opts.tools.docker);
  const parts = await readParts(docker, name, { signal });
  if (parts.nodes.length === 0 && parts.registry === undefined && parts.mirror === undefined) {
    throw new ClusterError("CLUSTER_ABSENT", `There is no cluster "${name}". \`${commandFor("up", name)}\` makes one.`);
  }
  const registered = await readRegistered(opts, { docker, parts });
  const kubeadm = registered === undefined ? await readKubeadm(docker, parts, { signal }) : undefined;
  if (judgeOwnership(parts, { registered, kubeadm }) === "foreign") throw foreign(name);

  const lacks = lacking(parts, registered);
  if (lacks !== undefined) {
    throw new ClusterError(
      "CLUSTER_HALF_MADE",
      `The cluster "${name}" cannot be used: ${lacks}. \`${commandFor("up", name)}\` completes it, \`${commandFor("down", name)}\` removes it.`,
    );
  }
  return clusterOf(opts, { docker, parts });
}

/** What keeps a cluster of ours from being used, or nothing. */
export function lacking(parts: ClusterParts, registered: readonly RegisteredNode[] | undefined): string | undefined {
  const { nodes, controlPlane, registry, mirror } = parts;
  if (nodes.length === 0 || controlPlane === undefined) return "it has no nodes";
  // A worker may be paused: that is how an experiment loses a node.
  const stopped = nodes.filter(
    (node) => node.state !== "running" && (node.state !== "paused" || node === controlPlane),
  );
  const down = [...stopped, ...[registry, mirror].filter((one) => one !== undefined && one.state !== "running")];
  if (down.length > 0) return down.map((one) => `${one?.name ?? ""} is ${one?.state ?? ""}`).join(", ");
  if (registry === undefined) return `its registry ${namesOf(parts.name).registry} is missing`;
  if (registered === undefined) return "its API server does not answer";
  const absent = nodes.filter((node) => !registered.some(({ name }) => name === node.name));
  if (absent.length > 0) return `${absent.map((node) => node.name).join(", ")} never joined`;
  if (!registered.some((node) => node.labels[completeMark] === "true")) return "`up` did not come to its end";
  return undefined;
}

/** The cluster's nodes as its API server has them, or nothing where it does not answer. Brings the kubeconfig of a cluster of ours if need be. */
export async function readRegistered(
  opts: OpenOptions,
  found: { docker: Docker; parts: ClusterParts },
): Promise<readonly RegisteredNode[] | undefined> {
  const { docker, parts } = found;
  if (parts.controlPlane?.state !== "running") return undefined;
  const { kubeconfig } = stateOf(opts);
  const kubectl = createKubectl({ file: opts.tools.kubectl, kubeconfig, context: namesOf(opts.name).context });
  if (existsSync(kubeconfig)) {
    const registered = await readNodes(kubectl, opts.signal);
    if (registered !== undefined) return registered;
  }
  // There is no kubeconfig here, or it is that of an earlier cluster of this name. A stranger's is not brought.
  const kubeadm = await readKubeadm(docker, parts, { signal: opts.signal });
  if (judgeOwnership(parts, { kubeadm }) === "foreign" || !(await fetchKubeconfig(opts))) return undefined;
  return readNodes(kubectl, opts.signal);
}

async function readNodes(kubectl: Kubectl, signal: AbortSignal | undefined): Promise<RegisteredNode[] | undefined> {
  try {
    const list = await kubectl.json<{
      items: {
        metadata: { name: string; labels?: Record<string, string> };
        status?: { conditions?: { type: string; status: string }[]; nodeInfo?: { kubeletVersion?: string } };
      }[];
    }>(["get", "nodes", "--request-timeout=15s"], { what: "read the nodes", timeoutMs: 30_000, signal });
    return list.items.map(({ metadata, status }) => ({
      name: metadata.name,
      labels: metadata.labels ?? {},
      kubelet: status?.nodeInfo?.kubeletVersion ?? "",
      ready: status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    }));
  } catch (error) {
    if (error instanceof ClusterError && (error.code === "TOOL_FAILED" || error.code === "TIMEOUT")) return undefined;
    throw error;
  }
}

/** Writes the kubeconfig that kind reads out of the control plane. @returns whether there is one */
async function fetchKubeconfig(opts: OpenOptions): Promise<boolean> {
  const { directory, kubeconfig } = stateOf(opts);
  let content: string;
  try {
    const { stdout } = await run(opts.tools.kind, ["get", "kubeconfig", "--name", opts.name], {
      what: `read the kubeconfig of cluster ${opts.name}`,
      env: kindEnvironment,
      timeoutMs: 20_000,
      signal: opts.signal,
    });
    content = stdout;
  } catch (error) {
    if (error instanceof ClusterError && (error.code === "TOOL_FAILED" || error.code === "TIMEOUT")) return false;
    throw error;
  }
  await mkdir(directory, { recursive: true });
  // It holds the cluster's keys; whole or not at all, since others read it at any moment.
  await writeFile(`${kubeconfig}.new`, `${content}\n`, { mode: 0o600 });
  await rename(`${kubeconfig}.new`, kubeconfig);
  return true;
}

export function clusterOf(opts: OpenOptions, found: { docker: Docker; parts: ClusterParts }): Cluster {
  const { docker, parts } = found;
  const { tools, name } = opts;
  const { kubeconfig } = stateOf(opts);
  const { context } = namesOf(name);
  const { registry, ...ports } = publishedPorts(parts);
  // By id: a stranger's cluster that takes this name later is never meant.
  const nodeIds = new Map(parts.nodes.map((node) => [node.name, node.id]));

  function idOf(node: string): string {
    const id = nodeIds.get(node);
    if (id !== undefined) return id;
    throw new ClusterError(
      "BAD_OPTIONS",
      `The cluster "${name}" has no node "${node}". Its nodes are ${[...nodeIds.keys()].join(", ")}.`,
    );
  }

  async function isPaused(id: string): Promise<boolean> {
    const state = await docker.run(["inspect", "--type", "container", "--format", "{{.State.Paused}}", id], {
      what: "read a node's state",
    });
    return state === "true";
  }

  return {
    name,
    kubeconfig,
    context,
    tools,
    kubectl: createKubectl({ file: tools.kubectl, kubeconfig, context }),
    helm: createHelm({ file: tools.helm, kubeconfig, context }),
    registry: `localhost:${registry}`,
    ports,
    bundle: parts.mirror !== undefined,
    async pauseNode(node) {
      const id = idOf(node);
      if (!(await isPaused(id))) await docker.run(["pause", id], { what: `pause node ${node}` });
    },
    async unpauseNode(node) {
      const id = idOf(node);
      if (await isPaused(id)) await docker.run(["unpause", id], { what: `bring node ${node} back` });
    },
    async killContainer({ node, containerId }) {
      const container = containerId.replace(/^[a-z]+:\/\//, "");
      await docker.run(
        ["exec", idOf(node), "ctr", "--namespace", "k8s.io", "task", "kill", "--signal", "SIGKILL", container],
        { what: `kill container ${container} on node ${node}` },
      );
    },
  };
}
