/**
 * Builds the image of a program that is a few files: a base, and one layer with those files. The same files give the
 * same layer, with the legacy builder and with BuildKit alike. `node scripts/image.ts --help`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { archiveOf, contextOf, readAll } from "./image/archive.ts";
import { defaultBaseOf, ensureBase } from "./image/base.ts";
import {
  docker,
  dockerOrThrow,
  ImageError,
  inspectImage,
  type Inspected,
  lastLines,
  requireDocker,
} from "./image/docker.ts";

const usage = `usage: npm run image -- [--base REF] [--push REF] [--platform P] [--no-cache] [-o json]

Builds the program and its container image, and tags it by its content (sha-...).

  --base REF    the image to build on (Node 24, its entrypoint node); the default stands in the Dockerfile
  --push REF    push it there, too: a repository (localhost:5001/holdfast/service) or a whole reference with a tag
  --platform P  the platform to build for, such as linux/arm64; the default is Docker's own. The base must exist for it
  --no-cache    let Docker build each step anew
  -o json       say what was made as JSON on stdout

What a room's own \`image\` script says, relative to that room:
  --build FILE        run this with Node first
  --dockerfile FILE   it begins with ARG BASE=... and adds app.tar
  --file FROM=TO      a file of the image; may be repeated
  --name NAME         the image's name without a tag
  --source URL        where its sources are, for the label; nothing is guessed

Examples:
  npm run image
  npm run image -- --push localhost:5001/holdfast/service
  npm run --silent image -- --push registry.example.com/team/service:1.4.0 -o json
`;

/** Exit codes, as everywhere in the command line. */
const USAGE = 2;
const COULD_NOT_RUN = 4;

class UsageError extends Error {}

interface Options {
  base?: string;
  push?: string;
  platform?: string;
  noCache: boolean;
  json: boolean;
  build?: string;
  dockerfile: string;
  /** Where in the image -> from where. */
  files: ReadonlyMap<string, string>;
  name: string;
  source?: string;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parse(args);
  const { dockerfile, name, file: files = [] } = values;
  if (values.output !== undefined && values.output !== "json") throw new UsageError("-o knows json only.");
  if (dockerfile === undefined || name === undefined || files.length === 0) {
    throw new UsageError(
      "--dockerfile, --name and at least one --file are needed; a room's `image` script gives them.",
    );
  }
  if (values.platform !== undefined && !/^\w+\/\w+(\/\w+)?$/.test(values.platform)) {
    throw new UsageError(`--platform ${values.platform}: it is OS/ARCHITECTURE, such as linux/amd64.`);
  }
  if (values.push === "" || values.base === "") throw new UsageError("--push and --base need a reference to an image.");
  if (values.push?.includes("/") === false) {
    throw new UsageError(
      `--push ${values.push}: this names no repository of a registry, such as localhost:5001/holdfast/service.`,
    );
  }
  return {
    ...(values.base !== undefined && { base: values.base }),
    ...(values.push !== undefined && { push: values.push }),
    ...(values.platform !== undefined && { platform: values.platform }),
    ...(values.build !== undefined && { build: values.build }),
    ...(values.source !== undefined && { source: values.source }),
    noCache: values["no-cache"],
    json: values.output === "json",
    dockerfile,
    files: new Map(files.map(placeOf)),
    name,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    base: text,
    push: text,
    platform: text,
    "no-cache": { type: "boolean", default: false },
    output: { ...text, short: "o" },
    build: text,
    dockerfile: text,
    file: { ...text, multiple: true },
    name: text,
    source: text,
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}.`);
  }
}

function placeOf(file: string): [at: string, from: string] {
  const [from = "", at = ""] = file.split("=");
  if (from === "" || !at.startsWith("/")) {
    throw new UsageError(`--file ${file}: it is FROM=TO, and TO is an absolute path in the image.`);
  }
  return [at, from];
}

interface Built {
  image: string;
  tag: string;
  pushed?: string;
  digest?: string;
  /** Digest of the one layer above the base, uncompressed. */
  layer: string;
  /** Of the files in that layer. */
  bytesAboveBase: number;
  baseImage: string;
}

async function buildImage(opts: Options): Promise<Built> {
  const dockerfile = await readFile(opts.dockerfile);
  const baseImage = opts.base ?? defaultBaseOf(dockerfile.toString(), opts.dockerfile);
  await requireDocker();
  if (opts.build !== undefined) runBuild(opts.build);
  const base = await ensureBase(baseImage, opts.platform);
  const files = await readAll(opts.files);
  const archive = await archiveOf(files);
  // The base's layers and not its id, which depends on how this Docker stores images.
  const tag = tagOf([dockerfile, archive, Buffer.from(base.RootFS.Layers.join())]);
  const image = `${opts.name}:${tag}`;
  await dockerOrThrow(
    `Docker could not build ${image}`,
    [
      "build",
      "--quiet",
      `--tag=${image}`,
      `--build-arg=BASE=${baseImage}`,
      ...(opts.platform === undefined ? [] : [`--platform=${opts.platform}`]),
      ...(opts.noCache ? ["--no-cache"] : []),
      ...Object.entries(await labelsOf(opts, { name: baseImage, digest: digestOf(base, baseImage) })).map(
        ([name, value]) => `--label=${name}=${value}`,
      ),
      "-",
    ],
    await contextOf(dockerfile, archive),
  );
  const made = await inspectImage(image);
  const layer = made?.RootFS.Layers.at(-1);
  if (made === undefined || layer === undefined || made.RootFS.Layers.length !== base.RootFS.Layers.length + 1) {
    throw new ImageError(
      `${image} is not its base and one layer: does ${opts.dockerfile} do more than to add app.tar?`,
    );
  }
  const bytesAboveBase = files.reduce((sum, { contents }) => sum + contents.byteLength, 0);
  const built = { image, tag, layer, bytesAboveBase, baseImage };
  return opts.push === undefined ? built : { ...built, ...(await pushImage(image, opts.push, tag)) };
}

/** Its own words go to stderr: stdout is for what was made. */
function runBuild(file: string): void {
  const { status } = spawnSync(process.execPath, [file], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new ImageError(`\`node ${file}\` failed, so there is nothing to put into an image.`);
}

/** Names what runs: the same files on the same base, the same tag, whichever commit they came from. */
function tagOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(createHash("sha256").update(part).digest());
  return `sha-${hash.digest("hex").slice(0, 12)}`;
}

/** The labels of the OCI image specification that can be known. The time of the build is none of them: it would differ each time. */
async function labelsOf(
  opts: Options,
  base: { name: string; digest: string | undefined },
): Promise<Record<string, string>> {
  const { description, license, version } = JSON.parse(await readFile("package.json", "utf8")) as Record<
    string,
    string
  >;
  const known: Record<string, string | undefined> = {
    title: opts.name.split("/").at(-1),
    description,
    version,
    licenses: license,
    revision: revision(),
    source: opts.source,
    "base.name": base.name,
    "base.digest": base.digest,
  };
  const labels = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(labels.map(([name, value]) => [`org.opencontainers.image.${name}`, value]));
}

/** The base's digest in its registry; undefined where it did not come from one, as out of a bundle. */
function digestOf({ RepoDigests }: Inspected, baseImage: string): string | undefined {
  const [repository] = baseImage.split(/@|:[^/]*$/);
  const known = (RepoDigests ?? []).map((reference) => reference.split("@"));
  return (known.find(([name]) => name === repository) ?? known[0])?.[1];
}

/** The commit, marked where tracked files differ from it; undefined outside of a git checkout, or without git. */
function revision(): string | undefined {
  const git = (...args: string[]) => spawnSync("git", args, { encoding: "utf8" });
  const commit = git("rev-parse", "HEAD");
  if (commit.status !== 0) return undefined;
  const changes = git("status", "--porcelain", "--untracked-files=no").stdout.trim();
  return `${commit.stdout.trim()}${changes === "" ? "" : "-dirty"}`;
}

async function pushImage(image: string, to: string, tag: string): Promise<{ pushed: string; digest: string }> {
  const isTagged = /:[^/]+$/.test(to);
  const pushed = isTagged ? to : `${to}:${tag}`;
  const before = await inspectImage(pushed);
  await dockerOrThrow(`--push ${to}: this is no name for an image`, ["tag", image, pushed]);
  const { status, stdout, stderr } = await docker(["push", pushed]);
  if (status !== 0) {
    // Takes the name away again, not the image; or gives it back to the image that had it.
    await docker(before === undefined ? ["image", "rm", pushed] : ["tag", before.Id, pushed]);
    throw new ImageError(
      `${pushed} could not be pushed: ${lastLines(stderr, 1)}\n  Is that registry running, and may you write there (docker login)?`,
    );
  }
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
  if (digest === undefined)
    throw new ImageError(`Docker pushed ${pushed} and named no digest:\n  ${lastLines(stdout)}`);
  return { pushed, digest };
}

function describe(built: Built): string {
  const lines = [
    `${built.image}: ${(built.bytesAboveBase / 1e6).toFixed(2)} MB above ${built.baseImage}`,
    ...(built.pushed === undefined ? [] : [`pushed as ${built.pushed} (${built.digest})`]),
  ];
  return `${lines.join("\n")}\n`;
}

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(usage);
} else {
  try {
    const opts = readOptions(args);
    const built = await buildImage(opts);
    process.stdout.write(opts.json ? `${JSON.stringify(built)}\n` : describe(built));
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exitCode = error instanceof UsageError ? USAGE : COULD_NOT_RUN;
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof UsageError) return `${error.message} See \`npm run image -- --help\`.`;
  if (error instanceof ImageError) return error.message;
  if (error instanceof Error && "syscall" in error) return `The image could not be built: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
