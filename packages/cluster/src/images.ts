/** Images on the machine itself: the nodes', the registry's, and the base of our own builds. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
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
 * Brings the bundle's images for this machine into Docker, but for those that are there.
 *
 * @param opts.stateFile keeps what was loaded, for a Docker that gives images other ids than the archive has
 * @returns by what to name each: its own name, or its id where that name is another image's on this machine
 */
export async function ensureBundled(
  docker: Pick<Docker, "tags" | "imageId" | "run">,
  opts: { bundle: Pick<Bundle, "dir" | "host">; stateFile: string; signal?: AbortSignal | undefined },
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
    references.set(image.name, named ? image.name : await ensureLoaded(docker, { ...opts, image }));
  }
  return references;
}

async function ensureLoaded(
  docker: Pick<Docker, "imageId" | "run">,
  opts: {
    bundle: Pick<Bundle, "dir">;
    image: HostImage;
    stateFile: string;
    signal?: AbortSignal | undefined;
  },
): Promise<string> {
  const { bundle, image, stateFile, signal } = opts;
  const { name, id, sha256 } = image;
  if ((await docker.imageId(id, { signal })) === undefined) {
    const before = (await readLoaded(stateFile))[name];
    if (before?.sha256 === sha256 && (await docker.imageId(name, { signal })) === before.id) return name;
    const file = await verifyFile(bundle, { ...image, signal });
    await docker.run(["load", "--quiet", "--input", file], {
      what: `load ${path.basename(file)} (${name}) into Docker`,
      timeoutMs: loadTimeoutMs,
      signal,
    });
    if ((await docker.imageId(id, { signal })) === undefined) {
      // A daemon that keeps images in containerd's store gives them other ids; the archive's checksum was right, so its name is.
      const given = await docker.imageId(name, { signal });
      if (given !== undefined) await noteLoaded(stateFile, { name, loaded: { sha256, id: given } });
      return name;
    }
  }
  return (await docker.imageId(name, { signal })) === id ? name : id;
}

/** By an image's name: the checksum of the archive that was loaded last, and the id that Docker gave to what was in it. */
type Loaded = Record<string, { sha256: string; id: string }>;

/** A file that is not there or makes no sense costs one more load. */
async function readLoaded(file: string): Promise<Loaded> {
  try {
    return (JSON.parse(await readFile(file, "utf8")) as Loaded | null) ?? {};
  } catch {
    return {};
  }
}

async function noteLoaded(file: string, entry: { name: string; loaded: Loaded[string] }): Promise<void> {
  const all: Loaded = { ...(await readLoaded(file)), [entry.name]: entry.loaded };
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify(all, undefined, 2)}\n`);
  await rename(`${file}.${process.pid}`, file);
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
  if (node === undefined || !isVersion(kubernetes, node.name)) {
    throw new ClusterError(
      "BAD_OPTIONS",
      `No node image is known for Kubernetes ${kubernetes}. There are ${Object.keys(lock.nodeImages).join(", ")}${node === undefined ? "" : `, and of ${minorOf(kubernetes)} only ${versionIn(node.name)}`}.`,
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

/** Whether what was asked for (`1.36`, `1.36.4`, with or without a `v`) is what is there (`v1.36.4`, or an image with such a tag). */
export function isVersion(asked: string, there: string): boolean {
  const wanted = asked.replace(/^v/, "");
  const found = versionIn(there);
  return wanted === found || (/^\d+\.\d+$/.test(wanted) && wanted === minorOf(found));
}

/** `1.36.4` of `v1.36.4` and of an image with such a tag. */
function versionIn(text: string): string {
  return /(?:^|:)v?(\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1] ?? text;
}
