import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";

import { docker, dockerOrThrow, ImageError, inspectImage, lastLines, type Inspected } from "./docker.ts";

interface BundleFile {
  host?: { name: string; file: string; sha256: string }[];
}

/** The base that a Dockerfile names. */
export function defaultBaseOf(dockerfile: string, file: string): string {
  const base = /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1];
  if (base === undefined) throw new ImageError(`${file} has no line "ARG BASE=...", which names the base image.`);
  return base;
}

/** The base image: as it is on this machine, else out of the bundle (HOLDFAST_BUNDLE), else pulled. */
export async function ensureBase(base: string): Promise<Inspected> {
  const present = await inspectImage(base);
  if (present !== undefined) return present;
  const bundle = process.env["HOLDFAST_BUNDLE"];
  const loaded = bundle !== undefined && bundle !== "" && (await loadFromBundle(bundle, base));
  if (!loaded) await pull(base);
  const brought = await inspectImage(base);
  if (brought === undefined) throw new ImageError(`Docker has no image ${base}, though it said that it brought it.`);
  return brought;
}

async function loadFromBundle(bundle: string, base: string): Promise<boolean> {
  const held = (await readList(bundle)).host?.find(({ name }) => name === base);
  if (held === undefined) return false;
  const file = path.join(bundle, held.file);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash).catch((error: Error) => {
    throw new ImageError(`The bundle's ${held.file} cannot be read: ${error.message}`);
  });
  if (hash.digest("hex") !== held.sha256) {
    throw new ImageError(
      `${file} is not what the bundle's bundle.json says (sha256): it is not used. Unpack the bundle again.`,
    );
  }
  await dockerOrThrow(`The base image ${base} could not be loaded from ${file}`, ["load", "--quiet", "--input", file]);
  return true;
}

/** A bundle that cannot be read holds nothing: it says so, and the base may be had otherwise. */
async function readList(bundle: string): Promise<BundleFile> {
  const file = path.join(bundle, "bundle.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as BundleFile;
  } catch (error) {
    process.stderr.write(`${file} cannot be read, so the bundle is passed over: ${String(error)}\n`);
    return {};
  }
}

async function pull(base: string): Promise<void> {
  process.stderr.write(`pulling the base image ${base} ...\n`);
  const { status, stderr } = await docker(["pull", "--quiet", base]);
  if (status === 0) return;
  throw new ImageError(
    `The base image ${base} is not on this machine and could not be pulled: ${lastLines(stderr, 1)}\n  Connect this machine to its registry, name an image that can be had by --base REF (Node 24, its entrypoint node), or let HOLDFAST_BUNDLE name a bundle that holds it.`,
  );
}
