import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { ClusterError } from "./errors.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Full name with host and tag, and the digest of what upstream publishes under it. */
const image = z.strictObject({ name: z.string().regex(/^[^@\s]+:[^@:/\s]+$/), digest });
/** A part's image may be pinned by its tag alone, where its digest has not been looked up yet. */
const partImage = image.partial({ digest: true });

const lock = z.strictObject({
  schemaVersion: z.literal(1),
  /** The Kubernetes that is used when nobody names one: a key of nodeImages. */
  kubernetes: z.string(),
  nodeImages: z.record(z.string().regex(/^1\.\d+$/), image),
  registryImage: image,
  baseImage: image,
  parts: z.array(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      /** Upstream's release manifest, where we do not write our own. */
      manifest: z
        .strictObject({ url: z.url({ protocol: /^https$/ }), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
        .optional(),
      images: z.array(partImage),
      /** A bundle may do without its images; it is left out then. */
      optional: z.literal(true).optional(),
      /** `up` leaves it alone: whoever needs it installs it, and removes it again. */
      onDemand: z.literal(true).optional(),
    }),
  ),
});

/** Every version, image and manifest that a cluster of ours is made of: k8s/platform/lock.json. */
export type PlatformLock = z.infer<typeof lock>;
export type LockedImage = z.infer<typeof partImage>;
export type PlatformPart = PlatformLock["parts"][number];

/** @param dir k8s/platform */
export async function readPlatformLock(dir: string): Promise<PlatformLock> {
  const file = path.join(dir, "lock.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ClusterError("BAD_OPTIONS", `Could not read ${file}, which says what the platform is made of.`, {
      cause: error,
    });
  }
  return parsePlatformLock(text, file);
}

export function parsePlatformLock(text: string, file: string): PlatformLock {
  try {
    return lock.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ClusterError("BAD_OPTIONS", `${file} is not a valid lock of the platform: ${reason}`, { cause: error });
  }
}

/**
 * How an image is asked for: by digest where upstream's own bytes come and it is known, by tag where a bundle brings images of its own making, whose
 * digests bundle.json vouches for.
 */
export function imageReference({ name, digest }: LockedImage, opts: { bundle: boolean }): string {
  return opts.bundle || digest === undefined ? name : `${name}@${digest}`;
}
