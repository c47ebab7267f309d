/** The two registries beside the nodes: one mirrors what the bundle holds, one takes what we push. And what nodes know of them. */
import type { Bundle } from "./bundle.ts";
import type { Docker, DockerContainer } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { dockerMark, namesOf, networkName, registryPort } from "./names.ts";
import { foreign } from "./parts.ts";

/** The upstream registries that a node asks the mirror for first, and where they really are. */
const upstreams: Readonly<Record<string, string>> = {
  "docker.io": "https://registry-1.docker.io",
  "ghcr.io": "https://ghcr.io",
  "quay.io": "https://quay.io",
  "registry.k8s.io": "https://registry.k8s.io",
  "gcr.io": "https://gcr.io",
};

/** The subnet that kind itself gives to its network, so that other clusters on it find what they would have made. */
const ipv6Subnet = "fc00:f853:ccd:e793::/64";

/** The network that kind's nodes hang on. Made by us if it is not there, with our mark, so that `down` knows; kind's own stays kind's. */
export async function ensureNetwork(
  docker: Docker,
  opts: { name: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const { name, signal } = opts;
  const there = await docker.run(["network", "ls", "--filter", `name=^${networkName}$`, "--format", "{{.Name}}"], {
    what: "list Docker's networks",
    signal,
  });
  if (there !== "") return;
  // As kind makes it; the bridge's MTU counts where the machine itself sits behind a tunnel.
  const mtu = await docker
    .run(["network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.driver.mtu"}}`], { signal })
    .catch(() => "");
  const args = [
    "network",
    "create",
    "--driver=bridge",
    `--label=${dockerMark}=${name}`,
    "--opt=com.docker.network.bridge.enable_ip_masquerade=true",
    ...(/^\d+$/.test(mtu) ? [`--opt=com.docker.network.driver.mtu=${mtu}`] : []),
  ];
  const what = `make the network ${networkName}`;
  try {
    await docker.run([...args, "--ipv6", `--subnet=${ipv6Subnet}`, networkName], { what, signal });
  } catch (error) {
    if (error instanceof ClusterError && error.code === "ABORTED") throw error;
    // A machine without IPv6, or one whose addresses are taken.
    await docker.run([...args, networkName], { what, signal });
  }
}

interface RegistryWish {
  readonly name: string;
  readonly image: string;
  readonly signal?: AbortSignal | undefined;
}

/** The registry that takes our pushes, on 127.0.0.1:`port`. It keeps them in a volume, so that its container may be made anew. */
export async function ensureRegistry(
  docker: Docker,
  wish: RegistryWish & { port: number; existing: DockerContainer | undefined },
): Promise<void> {
  const { name, image, port, existing, signal } = wish;
  const names = namesOf(name);
  if (existing !== undefined && existing.ports.get(registryPort) === port && (await revive(docker, existing, signal))) {
    return;
  }
  await remove(docker, existing, signal);
  // A volume of that name that is there would be taken as it is, whosever it is.
  if (await isForeignVolume(docker, { name, signal })) throw foreign(name, { volume: names.volume });
  await docker.run(["volume", "create", `--label=${dockerMark}=${name}`, names.volume], {
    what: `make the volume ${names.volume}`,
    signal,
  });
  await start(docker, {
    ...wish,
    container: names.registry,
    args: [`--publish=127.0.0.1:${port}:${registryPort}`, `--volume=${names.volume}:/var/lib/registry`, image],
  });
}

/** Whether somebody else has a volume of the name that ours would have. */
export async function isForeignVolume(
  docker: Docker,
  opts: { name: string; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const labels = await docker.volumeLabels(namesOf(opts.name).volume, { signal: opts.signal });
  return labels !== undefined && labels[dockerMark] !== opts.name;
}

/** The registry that serves the bundle's storage, as it lies on the disk and read-only. */
export async function ensureMirror(
  docker: Docker,
  wish: RegistryWish & { bundle: Bundle; existing: DockerContainer | undefined },
): Promise<void> {
  const { name, image, bundle, existing, signal } = wish;
  const same = existing?.mounts.some(({ source }) => source === bundle.registryDir) ?? false;
  if (existing !== undefined && same && (await revive(docker, existing, signal))) return;
  await remove(docker, existing, signal);
  await start(docker, {
    ...wish,
    container: namesOf(name).mirror,
    args: [
      `--volume=${bundle.registryDir}:/var/lib/registry:ro`,
      `--env=REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}`,
      image,
    ],
  });
}

async function start(
  docker: Docker,
  opts: RegistryWish & { container: string; args: readonly string[] },
): Promise<void> {
  const { name, container, args, signal } = opts;
  await docker.run(
    [
      "run",
      "--detach",
      `--name=${container}`,
      `--label=${dockerMark}=${name}`,
      `--network=${networkName}`,
      // As kind's nodes: back after Docker or the machine restarted, not again and again when it cannot run.
      "--restart=on-failure:1",
      // It would look for a collector of traces and log that there is none.
      "--env=OTEL_TRACES_EXPORTER=none",
      ...args,
    ],
    { what: `start the registry ${container}`, signal },
  );
}

/**
 * Starts what has stopped.
 *
 * @returns whether it runs now; not where the network that it hung on has been removed, since then nobody can start it again
 *
 * Throws PORT_TAKEN where somebody has taken its port meanwhile, TOOL_FAILED for any other reason, ABORTED.
 */
export async function revive(
  docker: Docker,
  container: DockerContainer,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (container.state === "running") return true;
  const verb = container.state === "paused" ? "unpause" : "start";
  try {
    await docker.run([verb, container.id], { what: `${verb} ${container.name}`, signal });
    return true;
  } catch (error) {
    if (!(error instanceof ClusterError) || error.code !== "TOOL_FAILED") throw error;
    if (/network \S+ not found/i.test(error.message)) return false;
    if (/port is already allocated|address already in use|failed to bind host port/i.test(error.message)) {
      throw new ClusterError(
        "PORT_TAKEN",
        `${error.message}\nSomebody has taken a port that ${container.name} had: end what listens there, and try again. Nothing was removed.`,
        { cause: error },
      );
    }
    throw error;
  }
}

async function remove(
  docker: Docker,
  container: DockerContainer | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (container === undefined) return;
  await docker.run(["rm", "--force", container.id], { what: `remove ${container.name}`, signal });
}

/** What a node must know: file below certs.d -> content. Without a mirror only our own registry. */
export function hostsFiles(opts: { name: string; registryPort: number; mirror: boolean }): Map<string, string> {
  const names = namesOf(opts.name);
  const files = new Map<string, string>();
  if (opts.mirror) {
    for (const [host, server] of Object.entries(upstreams)) {
      files.set(
        `${host}/hosts.toml`,
        [
          "# The bundle's mirror first, the internet second.",
          `server = "${server}"`,
          "",
          `[host."http://${names.mirror}:${registryPort}/v2/${host}"]`,
          `  capabilities = ["pull", "resolve"]`,
          "  # The path above is the whole of it: the mirror holds an image as host/path.",
          "  override_path = true",
          "",
        ].join("\n"),
      );
    }
  }
  files.set(
    `localhost:${opts.registryPort}/hosts.toml`,
    [
      "# What was pushed from this machine to localhost; inside a node that name is the node itself.",
      `[host."http://${names.registry}:${registryPort}"]`,
      `  capabilities = ["pull", "resolve"]`,
      "",
    ].join("\n"),
  );
  return files;
}

/**
 * Writes what a node must know of registries, if it does not know it yet. containerd reads it with every pull, so nothing is restarted. Files
 * that are not ours (a team's own registry, mounted by its shape) stay.
 */
export async function wireNode(
  docker: Docker,
  opts: { node: DockerContainer; files: ReadonlyMap<string, string>; signal?: AbortSignal | undefined },
): Promise<void> {
  const { node, files, signal } = opts;
  const what = `tell node ${node.name} where the registries are`;
  const names = [...files.keys()].map((file) => `'/etc/containerd/certs.d/${file}'`);
  const found = await docker.run(["exec", node.id, "sh", "-c", `cat ${names.join(" ")} 2>/dev/null || true`], {
    what,
    signal,
  });
  if (found.trim() === [...files.values()].join("").trim()) return;
  const script = [
    "set -e",
    ...[...files].flatMap(([file, content]) => [
      `mkdir -p '/etc/containerd/certs.d/${file.replace(/\/[^/]*$/, "")}'`,
      `cd '/etc/containerd/certs.d/${file.replace(/\/[^/]*$/, "")}'`,
      `cat > hosts.toml.new <<'HOSTS_TOML'\n${content}HOSTS_TOML`,
      // Whole or not at all: a pull may be going on.
      "mv hosts.toml.new hosts.toml",
    ]),
  ].join("\n");
  await docker.run(["exec", "--interactive", node.id, "sh", "-s"], { what, input: `${script}\n`, signal });
}
