import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import { docker, dockerOrThrow, ImageError, inspectImage, lastLines, type Inspected } from "./docker.ts";

interface BundleList {
  platform?: string;
  host?: HeldImage[];
}
interface HeldImage {
  name: string;
  id?: string;
  file: string;
  sha256: string;
}

/** The base that a Dockerfile names. */
export function defaultBaseOf(dockerfile: string, file: string): string {
  const base = /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1];
  if (base === undefined) throw new ImageError(`${file} has no line "ARG BASE=...", which names the base image.`);
  return base;
}

/**
 * The base image: the bundle's (HOLDFAST_BUNDLE) where there is one that holds it, else as it is on this machine, else
 * pulled. `platform`, such as linux/arm64, defaults to Docker's own.
 */
export async function ensureBase(base: string, platform?: string): Promise<Inspected> {
  const present = await inspectImage(base);
  const held = await heldImage(base, platform);
  if (present !== undefined && isFor(present, platform) && (held?.id === undefined || held.id === present.Id)) {
    return present;
  }
  if (held === undefined) await pull(base, platform);
  else {
    if (present !== undefined)
      process.stderr.write(`the image ${base} of this machine is not the bundle's, which is loaded\n`);
    await loadFromBundle(held, base);
  }
  const brought = await inspectImage(base);
  if (brought === undefined) throw new ImageError(`Docker has no image ${base}, though it said that it brought it.`);
  if (!isFor(brought, platform)) throw new ImageError(`The base image ${base} is not to be had for ${platform}.`);
  return brought;
}

/** A variant (linux/arm/v7) is left to Docker. */
function isFor({ Os, Architecture }: Inspected, platform: string | undefined): boolean {
  return platform === undefined || `${platform}/`.startsWith(`${Os}/${Architecture}/`);
}

/** What the bundle has under this name, for this platform; its file is an absolute path. */
async function heldImage(base: string, platform: string | undefined): Promise<HeldImage | undefined> {
  const bundle = process.env["HOLDFAST_BUNDLE"];
  if (bundle === undefined || bundle === "") return undefined;
  const list = await readList(bundle);
  if (platform !== undefined && list.platform !== platform) return undefined;
  const held = list.host?.find(({ name }) => name === base);
  return held && { ...held, file: path.resolve(bundle, held.file) };
}

async function loadFromBundle({ file, sha256 }: HeldImage, base: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash).catch((error: Error) => {
    throw new ImageError(`The bundle's ${file} cannot be read: ${error.message}`);
  });
  if (hash.digest("hex") !== sha256) {
    throw new ImageError(
      `${file} is not what the bundle's bundle.json says (sha256): it is not used. Unpack the bundle again.`,
    );
  }
  await dockerOrThrow(`The base image ${base} could not be loaded from ${file}`, ["load", "--quiet", "--input", file]);
}

/** A bundle that cannot be read holds nothing: it says so, and the base may be had otherwise. */
async function readList(bundle: string): Promise<BundleList> {
  const file = path.join(bundle, "bundle.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as BundleList;
  } catch (error) {
    process.stderr.write(`${file} cannot be read, so the bundle is passed over: ${String(error)}\n`);
    return {};
  }
}

async function pull(base: string, platform: string | undefined): Promise<void> {
  process.stderr.write(`pulling the base image ${base} ...\n`);
  const { status, stderr } = await docker([
    "pull",
    "--quiet",
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    base,
  ]);
  if (status === 0) return;
  throw new ImageError(
    `The base image ${base} is not on this machine and could not be pulled: ${lastLines(stderr, 1)}\n  Connect this machine to its registry, name an image that can be had by --base REF (Node 24, its entrypoint node), or let HOLDFAST_BUNDLE name a bundle that holds it.`,
  );
}
