/** Takes a cluster away: what bears our mark, all of it, and nothing else. */
import { rm, stat } from "node:fs/promises";
import { createDocker } from "./docker.ts";
import type { Docker, DockerContainer } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { checkName, dockerMark, networkName, stateOf } from "./names.ts";
import type { OpenOptions } from "./open.ts";
import { foreign, judgeOwnership, readKubeadm, readParts } from "./parts.ts";
import { step } from "./progress.ts";
import type { UpProgress } from "./progress.ts";

export interface DeleteOptions extends OpenOptions {
  readonly progress: UpProgress["onStep"];
}

/** A daemon may still be making the container of an `up` that was just interrupted: looked for again until nothing new appears. */
const rounds = 5;

/**
 * Removes nodes, registries, the volume, the kubeconfig, and the network `kind` if we made it and nothing hangs on it. Asks no API server, so a
 * broken cluster goes as well as a whole one.
 *
 * @returns what was removed, by name; nothing where there was no such cluster
 *
 * Throws CLUSTER_FOREIGN, and then has removed nothing.
 */
export async function deleteCluster(opts: DeleteOptions): Promise<{ removed: string[] }> {
  const { name, signal, progress } = opts;
  checkName(name);
  const docker = createDocker(opts.tools.docker);
  const removed: string[] = [];

  const first = await readParts(docker, name, { signal });
  if (first.nodes.length > 0) {
    const kubeadm = await readKubeadm(docker, first, { signal });
    if (judgeOwnership(first, { kubeadm }) === "foreign") throw foreign(name);
  }

  for (let round = 0; round < rounds; round++) {
    const parts = round === 0 ? first : await readParts(docker, name, { signal });
    const containers = [...parts.nodes, parts.registry, parts.mirror].filter((one) => one !== undefined);
    if (containers.length === 0) break;
    await step(
      progress,
      { id: "containers", title: "containers", detail: () => containers.map((one) => one.name).join(", ") },
      () => removeContainers(docker, { containers, signal }),
    );
    removed.push(...containers.map((container) => container.name));
  }
  for (const volume of await ourVolumes(docker, { name, signal })) {
    await docker.run(["volume", "rm", volume], { what: `remove the volume ${volume}`, signal });
    removed.push(`volume ${volume}`);
  }
  if (await removeNetwork(docker, { signal })) removed.push(`network ${networkName}`);
  const { directory } = stateOf(opts);
  if ((await stat(directory).catch(() => undefined)) !== undefined) {
    await rm(directory, { recursive: true, force: true });
    removed.push(directory);
  }
  return { removed };
}

/** By id, so that what took a name meanwhile is never meant. With their anonymous volumes, in which a node keeps all that it stores. */
export async function removeContainers(
  docker: Docker,
  opts: { containers: readonly DockerContainer[]; signal?: AbortSignal | undefined },
): Promise<void> {
  const { containers, signal } = opts;
  if (containers.length === 0) return;
  try {
    await docker.run(["rm", "--force", "--volumes", ...containers.map(({ id }) => id)], {
      what: `remove ${containers.map(({ name }) => name).join(", ")}`,
      signal,
    });
  } catch (error) {
    // Somebody else may be removing them too.
    const left = await docker.inspect(
      containers.map(({ id }) => id),
      { signal },
    );
    if (left.length > 0) throw error;
  }
}

async function ourVolumes(docker: Docker, opts: { name: string; signal?: AbortSignal | undefined }): Promise<string[]> {
  const text = await docker.run(
    ["volume", "ls", "--filter", `label=${dockerMark}=${opts.name}`, "--format", "{{.Name}}"],
    { what: "list Docker's volumes", signal: opts.signal },
  );
  return text.split("\n").filter((line) => line !== "");
}

/** Clusters share the network, so the last one takes it away, if the first one of ours made it. */
async function removeNetwork(docker: Docker, opts: { signal?: AbortSignal | undefined }): Promise<boolean> {
  const { signal } = opts;
  const ours = await docker.run(
    ["network", "ls", "--filter", `name=^${networkName}$`, "--filter", `label=${dockerMark}`, "--format", "{{.ID}}"],
    { what: "list Docker's networks", signal },
  );
  if (ours === "") return false;
  const users = await docker.run(["ps", "--all", "--quiet", "--filter", `network=${networkName}`], {
    what: `see what hangs on the network ${networkName}`,
    signal,
  });
  if (users !== "") return false;
  try {
    await docker.run(["network", "rm", ...ours.split("\n")], { what: `remove the network ${networkName}`, signal });
    return true;
  } catch (error) {
    // Somebody's container came in between; then it is in use, and stays.
    if (error instanceof ClusterError && error.code === "TOOL_FAILED" && /active endpoints/i.test(error.message)) {
      return false;
    }
    throw error;
  }
}
