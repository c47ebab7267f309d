/**
 * Starts nodes that have stopped, in the order that gives the control plane its old address again: its certificate was made
 * for that one, and kubelets that have the address in their configuration would find nobody, or somebody else, there.
 * Docker gives each container the lowest address that is free when it starts.
 */
import type { Docker, DockerContainer } from "./docker.ts";
import { networkName } from "./names.ts";
import { revive } from "./registries.ts";

interface StartOptions {
  readonly nodes: readonly DockerContainer[];
  readonly controlPlane: DockerContainer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** False where the network that they were made on is gone. Throws what `revive` throws. */
export async function startNodes(docker: Docker, { nodes, controlPlane, signal }: StartOptions): Promise<boolean> {
  const old = controlPlane?.state === "exited" ? await addressOf(docker, { controlPlane, signal }) : undefined;
  const waiting = nodes.filter((node) => node !== controlPlane);
  if (controlPlane !== undefined && old !== undefined) {
    for (let next = waiting[0]; next && !isNext(old, await usedAddresses(docker, signal)); next = waiting[0]) {
      if (!(await revive(docker, next, signal))) return false;
      waiting.shift();
    }
  }
  if (controlPlane !== undefined && !(await revive(docker, controlPlane, signal))) return false;
  const started = await Promise.all(waiting.map((node) => revive(docker, node, signal)));
  return started.every(Boolean);
}

/** Whether an address is the lowest free one: the first of the network is the gateway's, and all between are in use. */
export function isNext(address: string, used: readonly string[]): boolean {
  const taken = new Set(used.map(numberOf));
  const wanted = numberOf(address);
  const inNetwork = [...taken].filter((each) => each < wanted).toSorted((a, b) => a - b);
  const [gateway = wanted - 1] = inNetwork;
  return !taken.has(wanted) && inNetwork.length === wanted - gateway;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

/** What the API server of a stopped control plane was told to call itself; undefined where it does not say. */
async function addressOf(
  docker: Docker,
  { controlPlane, signal }: { controlPlane: DockerContainer; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const manifest = await docker
    // As a tar stream, not looked at from within: the node has stopped.
    .run(["cp", `${controlPlane.id}:/etc/kubernetes/manifests/kube-apiserver.yaml`, "-"], { signal })
    .catch(() => "");
  return /--advertise-address=(\d+\.\d+\.\d+\.\d+)/.exec(manifest)?.[1];
}

/** IPv4 addresses in use on the nodes' network, the gateway's among them. */
async function usedAddresses(docker: Docker, signal: AbortSignal | undefined): Promise<string[]> {
  const format = "{{range .IPAM.Config}}{{.Gateway}} {{end}}{{range .Containers}}{{.IPv4Address}} {{end}}";
  const found = await docker.run(["network", "inspect", networkName, "--format", format], { signal });
  return found.split(/\s+/).flatMap((text) => /^(\d+\.\d+\.\d+\.\d+)(\/\d+)?$/.exec(text)?.[1] ?? []);
}
