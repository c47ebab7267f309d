/** What things are called, so that `up`, `down` and everything between find the same ones. */
import path from "node:path";
import { ClusterError } from "./errors.ts";

/** On every container, volume and network that `up` makes itself: the cluster's name. */
export const dockerMark = "holdfast.cluster";
/** On every node, from its first moment (kind's configuration sets it): the cluster's name. Without it nothing of ours touches a cluster. */
export const nodeMark = "holdfast/cluster";
/** On the control plane, once `up` has done all that makes a cluster usable. */
export const completeMark = "holdfast/complete";
/** kind's own label on its nodes' containers. */
export const kindClusterLabel = "io.x-k8s.kind.cluster";
export const kindRoleLabel = "io.x-k8s.kind.role";
/** Kubernetes' own labels on nodes, and Helm's on what belongs to a release. */
export const zoneLabel = "topology.kubernetes.io/zone";
export const controlPlaneLabel = "node-role.kubernetes.io/control-plane";
export const releaseLabel = "app.kubernetes.io/instance";
/** kind's clusters all share this network. */
export const networkName = "kind";

/** NodePorts, published on 127.0.0.1 of this machine. */
export const nodePorts = { app: 30_080, lab: 30_081, prometheus: 30_090, logs: 30_428, traces: 30_686 } as const;
export type NodePortName = keyof typeof nodePorts;
/** Where this machine publishes them, and the registry, unless somebody says otherwise. */
export const usualPorts = { ...nodePorts, registry: 5001 } as const;
export type PublishedPortName = keyof typeof usualPorts;

/** Where a registry listens inside its container. */
export const registryPort = 5000;

export interface ClusterNames {
  readonly registry: string;
  readonly mirror: string;
  readonly volume: string;
  readonly controlPlane: string;
  readonly context: string;
}

export function namesOf(cluster: string): ClusterNames {
  return {
    registry: `${cluster}-registry`,
    mirror: `${cluster}-mirror`,
    volume: `${cluster}-registry`,
    controlPlane: `${cluster}-control-plane`,
    context: `kind-${cluster}`,
  };
}

/** The cluster's own directory and the kubeconfig in it; the user's kubeconfig is neither read nor written. */
export function stateOf(opts: { stateDir: string; name: string }): { directory: string; kubeconfig: string } {
  const directory = path.join(opts.stateDir, opts.name);
  return { directory, kubeconfig: path.join(directory, "kubeconfig") };
}

/** The directory of a checkout that holds one directory a cluster: `stateDir`. */
export function stateDirIn(checkout: string): string {
  return path.join(checkout, ".cache", "clusters");
}

/** The cluster that is meant where nobody names one. */
export const defaultClusterName = "holdfast";

/** What a person types for this cluster: the usual one needs no name. */
export function commandFor(command: "up" | "down", cluster: string): string {
  return `./holdfast ${command}${cluster === defaultClusterName ? "" : ` --name ${cluster}`}`;
}

/** Completes "... takes". */
export const clusterNameRule = 'a name of 1 to 40 small letters, digits and "-", with a letter or digit at both ends';

/** A host name has 63 characters at most, and kind appends `-control-plane`. */
export function isClusterName(name: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name);
}

/** Throws BAD_OPTIONS. */
export function checkName(name: string): void {
  if (isClusterName(name)) return;
  throw new ClusterError("BAD_OPTIONS", `"${name}" cannot be a cluster's name. It takes ${clusterNameRule}.`);
}
