/**
 * The bundle: a directory with everything that `up` would otherwise bring from the internet. What is used is verified first; who made it is not
 * asked.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { ClusterError } from "./errors.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits");
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits");
/** Stays inside the bundle, wherever that lies. */
const file = z.string().refine((name) => name !== "" && !path.isAbsolute(name) && !name.split("/").includes(".."), {
  message: "must be a path inside the bundle",
});
/** Host, path and tag are all named, since Docker's abbreviations mean something else to a mirror. */
const imageName = z.string().regex(/^[a-z0-9.-]+(:\d+)?\/[a-z0-9._/-]+:[\w][\w.-]*$/, "must be host/path:tag");

const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  platform: z.string().regex(/^[a-z0-9]+\/[a-z0-9]+$/, "must be os/architecture"),
  kubernetes: z.string().regex(/^v\d+\.\d+\.\d+$/, "must be v1.2.3"),
  nodeImage: z.string(),
  registryImage: z.string(),
  baseImage: z.string(),
  host: z.array(z.object({ name: z.string(), id: digest, file, sha256 })),
  mirror: z.array(z.object({ name: imageName })),
  tools: z.array(z.object({ name: z.string(), version: z.string(), file, sha256 })),
  manifests: z.array(z.object({ name: z.string(), version: z.string(), file, sha256 })),
});

export type BundleManifest = z.infer<typeof manifestSchema>;
export type HostImage = BundleManifest["host"][number];

export interface Bundle extends BundleManifest {
  /** Absolute. */
  readonly dir: string;
  /** The storage of the registry that mirrors the upstream ones. Absolute. */
  readonly registryDir: string;
}

/** Reads bundle.json and nothing else. Throws BUNDLE_INVALID. */
export async function readBundle(dir: string): Promise<Bundle> {
  const absolute = path.resolve(dir);
  const name = path.join(absolute, "bundle.json");
  let text: string;
  try {
    text = await readFile(name, "utf8");
  } catch {
    throw new ClusterError(
      "BUNDLE_INVALID",
      `${absolute} is no bundle: there is no bundle.json in it that can be read. Give the directory that holds it by --bundle or HOLDFAST_BUNDLE, or leave both out.`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw unusable(absolute, [`bundle.json is not JSON (${(error as Error).message})`]);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    throw unusable(
      absolute,
      parsed.error.issues.map(({ path, message }) => `bundle.json: ${path.join(".") || "(root)"}: ${message}`),
    );
  }
  const named = [parsed.data.nodeImage, parsed.data.registryImage, parsed.data.baseImage];
  const missing = named.filter((image) => !parsed.data.host.some(({ name }) => name === image));
  if (missing.length > 0)
    throw unusable(
      absolute,
      missing.map((image) => `bundle.json: no host image is ${image}`),
    );
  return { ...parsed.data, dir: absolute, registryDir: path.join(absolute, "registry") };
}

/**
 * Verifies what `up` is about to use: the sha256 of tools and manifests, and that every file and every blob of the mirror is there in full. The
 * images for the host are hundreds of megabytes and are verified when they are loaded; the mirror's blobs are named by their digest, which
 * containerd verifies when it pulls.
 *
 * Throws BUNDLE_INVALID, which names all that is wrong.
 */
export async function verifyBundle(bundle: Bundle, opts: { signal?: AbortSignal | undefined } = {}): Promise<void> {
  const wrong = await Promise.all([
    ...[...bundle.tools, ...bundle.manifests].map((entry) => wrongFile(bundle, { ...entry, ...opts })),
    ...bundle.host.map(({ file }) => missingFile(bundle, file)),
    ...bundle.mirror.map(({ name }) => wrongMirrorImage(bundle, name)),
  ]);
  const found = wrong.filter((one) => one !== undefined);
  if (found.length > 0) throw unusable(bundle.dir, found);
}

/** The sha256 of one file of the bundle. Throws BUNDLE_INVALID where it is another. */
export async function verifyFile(
  bundle: Pick<Bundle, "dir">,
  entry: { file: string; sha256: string; signal?: AbortSignal | undefined },
): Promise<string> {
  const wrong = await wrongFile(bundle, entry);
  if (wrong !== undefined) throw unusable(bundle.dir, [wrong]);
  return path.join(bundle.dir, entry.file);
}

/** Whether the mirror has it: `host/path:tag`. */
export function isMirrored(bundle: Pick<Bundle, "mirror">, image: string): boolean {
  return bundle.mirror.some(({ name }) => name === image);
}

function unusable(dir: string, wrong: readonly string[]): ClusterError {
  return new ClusterError(
    "BUNDLE_INVALID",
    `The bundle ${dir} cannot be used: ${wrong.join("; ")}. Copy it again in full, or write it anew; nothing was changed.`,
  );
}

async function missingFile(bundle: Pick<Bundle, "dir">, file: string): Promise<string | undefined> {
  const found = await stat(path.join(bundle.dir, file)).catch(() => undefined);
  return found?.isFile() === true ? undefined : `${file} is missing`;
}

async function wrongFile(
  bundle: Pick<Bundle, "dir">,
  entry: { file: string; sha256: string; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const missing = await missingFile(bundle, entry.file);
  if (missing !== undefined) return missing;
  const hash = createHash("sha256");
  // Streamed, in pieces large enough that reading is not what takes the time: a node image has 600 MB.
  const stream = createReadStream(path.join(bundle.dir, entry.file), { highWaterMark: 1 << 20 });
  await pipeline(stream, hash, entry.signal === undefined ? {} : { signal: entry.signal });
  const found = hash.digest("hex");
  return found === entry.sha256
    ? undefined
    : `the checksum of ${entry.file} is ${found.slice(0, 12)}..., not ${entry.sha256.slice(0, 12)}... as bundle.json says`;
}

interface ImageManifest {
  config?: { digest: string; size: number };
  layers?: { digest: string; size: number }[];
  manifests?: { digest: string; size: number }[];
}

/** The first thing that the mirror would miss when a node pulls this image. */
async function wrongMirrorImage(bundle: Bundle, name: string): Promise<string | undefined> {
  const colon = name.lastIndexOf(":");
  const repository = name.slice(0, colon);
  const tag = name.slice(colon + 1);
  const storage = "registry/docker/registry/v2";
  const link = `${storage}/repositories/${repository}/_manifests/tags/${tag}/current/link`;
  const digest = await readFile(path.join(bundle.dir, link), "utf8").catch(() => undefined);
  if (digest === undefined) return `image ${name} is missing from registry/ (no ${link})`;
  return wrongManifest(bundle, { name, digest: digest.trim() });
}

async function wrongManifest(bundle: Bundle, image: { name: string; digest: string }): Promise<string | undefined> {
  const file = blobFile(image.digest);
  const text = await readFile(path.join(bundle.dir, file)).catch(() => undefined);
  if (text === undefined) return `image ${image.name} lacks its manifest ${file}`;
  if (`sha256:${createHash("sha256").update(text).digest("hex")}` !== image.digest) {
    return `the checksum of ${file}, the manifest of image ${image.name}, is not the one in its name`;
  }
  const manifest = JSON.parse(text.toString("utf8")) as ImageManifest;
  const blobs = [...(manifest.config === undefined ? [] : [manifest.config]), ...(manifest.layers ?? [])];
  const wrong = await Promise.all(
    blobs.map(async ({ digest, size }) => {
      const found = await stat(path.join(bundle.dir, blobFile(digest))).catch(() => undefined);
      if (found === undefined) return `image ${image.name} lacks ${blobFile(digest)}`;
      return found.size === size
        ? undefined
        : `${blobFile(digest)} of image ${image.name} has ${found.size} bytes, not ${size}`;
    }),
  );
  // An index may name machines of other kinds, whose part nobody copied: those that are there must be whole.
  for (const { digest } of manifest.manifests ?? []) {
    const there = await stat(path.join(bundle.dir, blobFile(digest))).catch(() => undefined);
    if (there !== undefined) wrong.push(await wrongManifest(bundle, { name: image.name, digest }));
  }
  return wrong.find((one) => one !== undefined);
}

/** Where CNCF distribution keeps a blob. */
function blobFile(digest: string): string {
  const hex = digest.replace(/^sha256:/, "");
  return `registry/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}
