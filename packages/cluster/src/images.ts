/** Images on the machine itself: the nodes', the registry's, and the base of our own builds. */
import path from "node:path";
import { verifyFile } from "./bundle.ts";
import type { Bundle, HostImage } from "./bundle.ts";
import type { Docker } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { imageReference } from "./platform-lock.ts";
import type { PlatformLock } from "./platform-lock.ts";

/** A node image has 400 MB to 600 MB; a slow line gets a quarter of an hour for it. */
const pullTimeoutMs = 900_000;
const loadTimeoutMs = 300_000;

/**
 * Brings the bundle's images for this machine into Docker, but for those whose id is there.
 *
 * @returns by what to name each: its own name, or its id where that name is another image's on this machine
 */
export async function ensureBundled(
  docker: Docker,
  opts: { bundle: Bundle; signal?: AbortSignal | undefined },
): Promise<Map<string, string>> {
  const { bundle, signal } = opts;
  const tags = await docker.tags(
    bundle.host.map(({ id }) => id),
    { signal },
  );
  const references = new Map<string, string>();
  for (const image of bundle.host) {
    // Docker leaves out its own registry's name.
    const familiar = image.name.replace(/^docker\.io\/(library\/)?/, "");
    const named = tags?.get(image.id)?.includes(familiar) ?? false;
    references.set(image.name, named ? image.name : await ensureLoaded(docker, { bundle, image, signal }));
  }
  return references;
}

async function ensureLoaded(
  docker: Docker,
  opts: { bundle: Bundle; image: HostImage; signal?: AbortSignal | undefined },
): Promise<string> {
  const { bundle, image, signal } = opts;
  const { name, id } = image;
  if ((await docker.imageId(id, { signal })) === undefined) {
    const file = await verifyFile(bundle, { ...image, signal });
    await docker.run(["load", "--quiet", "--input", file], {
      what: `load ${path.basename(file)} (${name}) into Docker`,
      timeoutMs: loadTimeoutMs,
      signal,
    });
    // A daemon that keeps images in containerd's store gives them other ids; the archive's checksum was right, so its name is.
    if ((await docker.imageId(id, { signal })) === undefined) return name;
  }
  return (await docker.imageId(name, { signal })) === id ? name : id;
}

/** Brings an image from the internet, unless it is there. */
export async function ensurePulled(
  docker: Docker,
  opts: { name: string; signal?: AbortSignal | undefined },
): Promise<string> {
  const { name, signal } = opts;
  if ((await docker.imageId(name, { signal })) !== undefined) return name;
  try {
    await docker.run(["pull", "--quiet", name], { what: `pull ${name}`, timeoutMs: pullTimeoutMs, signal });
  } catch (error) {
    if (!(error instanceof ClusterError) || error.code === "ABORTED") throw error;
    throw new ClusterError(
      "IMAGE_MISSING",
      `${error.message}\nWhere image registries cannot be reached, give a bundle: --bundle DIR or HOLDFAST_BUNDLE.`,
      { cause: error },
    );
  }
  return name;
}

/** The upstream images by digest. Throws BAD_OPTIONS for a Kubernetes that the lock does not know, naming those that it does. */
export function upstreamImages(
  lock: PlatformLock,
  kubernetes: string = lock.kubernetes,
): { node: string; registry: string } {
  const node = lock.nodeImages[minorOf(kubernetes)];
  if (node === undefined) {
    throw new ClusterError(
      "BAD_OPTIONS",
      `No node image is known for Kubernetes ${kubernetes}. There are ${Object.keys(lock.nodeImages).join(", ")}.`,
    );
  }
  return {
    node: imageReference(node, { bundle: false }),
    registry: imageReference(lock.registryImage, { bundle: false }),
  };
}

/** `1.36` of `v1.36.4`, `1.36.4`, `1.36` and of an image with such a tag. */
export function minorOf(version: string): string {
  return /(?:^|:)v?(\d+\.\d+)/.exec(version)?.[1] ?? version;
}
