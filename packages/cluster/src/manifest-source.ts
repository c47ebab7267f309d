import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { verifyFile } from "./bundle.ts";
import type { Bundle } from "./bundle.ts";
import { ClusterError } from "./errors.ts";
import type { PlatformPart } from "./platform-lock.ts";

/** Longer than a slow line needs for a megabyte. */
const FETCH_TIMEOUT_MS = 60_000;

/**
 * Upstream's manifest of one part: out of the bundle, else out of the cache, else from its official address. Its checksum is the bundle's or the lock's.
 *
 * @throws ClusterError BUNDLE_INVALID or TOOL_FAILED
 */
export async function readUpstreamManifest(
  part: PlatformPart,
  opts: { bundle: Bundle | undefined; cacheDir: string; signal?: AbortSignal | undefined },
): Promise<string> {
  const { manifest } = part;
  if (manifest === undefined) return "";
  if (opts.bundle !== undefined) return fromBundle(part, opts.bundle);

  const cached = path.join(opts.cacheDir, `${part.name}-${part.version}.yaml`);
  const kept = await readFile(cached, "utf8").catch(() => undefined);
  if (kept !== undefined && sha256(kept) === manifest.sha256) return kept;

  const text = await fetchText(part, manifest.url, opts.signal);
  if (sha256(text) !== manifest.sha256) {
    throw new ClusterError(
      "TOOL_FAILED",
      `${manifest.url} is not the file that k8s/platform/lock.json pins (sha256 ${sha256(text)}, not ${manifest.sha256}). Nothing was installed from it. Check where the difference comes from before you change the lock.`,
    );
  }
  await mkdir(opts.cacheDir, { recursive: true });
  // Whole or not at all, should we be ended here.
  await writeFile(`${cached}.new`, text);
  await rename(`${cached}.new`, cached);
  return text;
}

async function fromBundle(part: PlatformPart, bundle: Bundle): Promise<string> {
  const entry = bundle.manifests.find(({ name, version }) => name === part.name && version === part.version);
  if (entry === undefined) {
    throw new ClusterError(
      "BUNDLE_INVALID",
      `The bundle ${bundle.dir} has no manifest of ${part.name} ${part.version}. Write it anew with this version of Holdfast.`,
    );
  }
  return readFile(await verifyFile(bundle, entry), "utf8");
}

async function fetchText(part: PlatformPart, url: string, signal: AbortSignal | undefined): Promise<string> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw new ClusterError("ABORTED", `Stopped before we could fetch ${url}.`, { cause: error });
    throw new ClusterError(
      "TOOL_FAILED",
      `Could not fetch the manifest of ${part.name} ${part.version} from ${url} (${reason(error)}). Without internet, pass a bundle: --bundle DIR or HOLDFAST_BUNDLE.`,
      { cause: error },
    );
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
