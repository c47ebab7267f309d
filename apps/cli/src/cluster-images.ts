/** The images of this checkout, in the registry of a cluster: the service's and the load agent's. */
import path from "node:path";
import type { Cluster } from "@holdfast/cluster";
import { withLockFile } from "@holdfast/cluster/lock-file";
import { CliError } from "./cli-error.ts";
import { lastLines } from "./cluster-tools.ts";
import { runNode } from "./node-child.ts";
import { REPO_ROOT } from "./repo.ts";
import { argumentsOfScript } from "./room-script.ts";

export interface PushedImage {
  /** As nodes know it: `localhost:5001/holdfast/service`. */
  repository: string;
  /** Of what is in it: the same files, the same tag. */
  tag: string;
  digest?: string;
  /** `repository:tag`. */
  reference: string;
}

/** Where each is built from. */
const SOURCES = { service: "apps/service", agent: "packages/load" } as const;
const NAMES = { service: "holdfast/service", agent: "holdfast/load-agent" } as const;

/** Builds both and pushes what the registry lacks. Throws as `clusterImage` does. */
export async function clusterImages(
  cluster: Cluster,
  opts: ImageOptions = {},
): Promise<Record<keyof typeof SOURCES, PushedImage>> {
  const service = await clusterImage(cluster, "service", opts);
  return { service, agent: await clusterImage(cluster, "agent", opts) };
}

export interface ImageOptions {
  signal?: AbortSignal;
  bundleDir?: string | undefined;
}

/** Builds one and pushes it where the registry lacks it. Throws a CliError with the code IMAGE_FAILED and the build's own words. */
export async function clusterImage(
  cluster: Cluster,
  which: keyof typeof SOURCES,
  opts: ImageOptions = {},
): Promise<PushedImage> {
  // It writes into its room's dist/; two runs at once would take it from each other.
  const lock = path.join(REPO_ROOT, ".cache", `image-${which}.lock`);
  return withLockFile(lock, () => pushImage(which, { cluster, ...opts }), opts.signal ? { signal: opts.signal } : {});
}

async function pushImage(which: keyof typeof SOURCES, opts: ImageOptions & { cluster: Cluster }): Promise<PushedImage> {
  const repository = `${opts.cluster.registry}/${NAMES[which]}`;
  const source = SOURCES[which];
  const { stdout, output, trouble } = await runNode(
    [...argumentsOfScript(source, "image"), "--push", repository, "-o", "json"],
    {
      cwd: path.join(REPO_ROOT, source),
      env: opts.bundleDir === undefined ? process.env : { ...process.env, HOLDFAST_BUNDLE: opts.bundleDir },
      signal: opts.signal,
    },
  );
  const made = trouble === undefined ? imageOf(stdout) : undefined;
  if (made) return { repository, ...made, reference: `${repository}:${made.tag}` };
  throw new CliError(
    `The image of ${source} could not be built and pushed (${trouble ?? "it ended well and named no image"}): ${lastLines(output)}`,
    { code: "IMAGE_FAILED" },
  );
}

/** What an image's script says about it. A build may have talked before. */
function imageOf(stdout: string): Pick<PushedImage, "tag" | "digest"> | undefined {
  try {
    const said: unknown = JSON.parse(stdout.slice(stdout.indexOf("{")));
    if (!said || typeof said !== "object" || !("tag" in said) || typeof said.tag !== "string") return undefined;
    return {
      tag: said.tag,
      ...("digest" in said && typeof said.digest === "string" ? { digest: said.digest } : {}),
    };
  } catch {
    return undefined;
  }
}
