/** The service on a cluster: the chart, installed twice, as `up` leaves it. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  installRelease,
  isReleaseWhole,
  loadRules,
  nodePorts,
  untilReleaseReady,
  type Cluster,
} from "@holdfast/cluster";
import { usageError } from "./cli-error.ts";
import type { PushedImage } from "./cluster-images.ts";
import { REPO_ROOT } from "./repo.ts";
import { list } from "./words.ts";

export const APP_NAMESPACE = "holdfast";
export const CHART_DIR = path.join(REPO_ROOT, "charts", "service");
export const PLATFORM_DIR = path.join(REPO_ROOT, "k8s", "platform");

/** The chart's profiles that there are: values-ha.yaml is "ha". */
export async function profileNames(): Promise<string[]> {
  const names = await readdir(CHART_DIR).catch(() => []);
  return names.flatMap((name) => /^values-(.+)\.yaml$/.exec(name)?.[1] ?? []).sort();
}

/** The file of a profile. Throws a usage error that names those there are. */
export async function profileFile(name: string): Promise<string> {
  const names = await profileNames();
  if (names.includes(name)) return path.join(CHART_DIR, `values-${name}.yaml`);
  throw usageError(`There is no profile "${name}": the chart has ${list(names)}.`);
}

type ReleaseName = "stock" | "catalogue";
export type ReleaseOutcome = "installed" | "upgraded" | "unchanged";

export interface Wanted {
  profile: string;
  profileFile: string;
  image: PushedImage;
}

/** Where the platform takes spans. The workshop's profile names it itself, and whoever changes it there means it. */
const OTLP_ENDPOINT = "http://trace-gateway.monitoring:4318";
const NAMES_ITS_ENDPOINT = "workshop";

/** What each release is, beyond the profile. */
export function releaseValues(
  release: ReleaseName,
  { image, profile }: Pick<Wanted, "image" | "profile">,
): Record<string, unknown> {
  const { repository, tag, digest } = image;
  const common = {
    image: { repository, tag, ...(digest === undefined ? {} : { digest }) },
    ...(profile === NAMES_ITS_ENDPOINT ? {} : { telemetry: { otlp: { endpoint: OTLP_ENDPOINT } } }),
  };
  return release === "stock"
    ? // One size: what scales is the catalogue, under load that people make.
      { ...common, role: "stock", autoscaling: { mode: "none" }, replicas: 2 }
    : {
        ...common,
        role: "catalogue",
        upstream: { url: "http://stock" },
        service: { type: "NodePort", nodePort: nodePorts.app },
      };
}

/**
 * Installs or upgrades one release and waits until it is ready; what is as wanted already is left alone and waited for. What
 * somebody has removed of it is put back.
 * Throws a ClusterError with Helm's sentence, or with what keeps a pod from being ready.
 */
export async function ensureRelease(
  cluster: Cluster,
  release: ReleaseName,
  opts: Wanted & { signal: AbortSignal },
): Promise<ReleaseOutcome> {
  const { helm } = cluster;
  const values = releaseValues(release, opts);
  const mark = await markOf(values, opts);
  const found = (await helm.list(APP_NAMESPACE)).find(({ name }) => name === release);
  if (found?.status === "deployed") {
    const before = await helm.values(release, APP_NAMESPACE);
    const place = { release, namespace: APP_NAMESPACE, signal: opts.signal };
    if ((before as Record<string, unknown>)[MARK] === mark && (await isReleaseWhole(cluster, place))) {
      // Helm calls a release deployed before its pods are ready: an earlier `up` may have been stopped while they were not.
      await untilReleaseReady(cluster, place);
      return "unchanged";
    }
  }
  await installRelease(cluster, {
    release,
    namespace: APP_NAMESPACE,
    chart: CHART_DIR,
    valuesFiles: [opts.profileFile],
    values: { ...values, [MARK]: mark },
    signal: opts.signal,
  });
  return found ? "upgraded" : "installed";
}

/**
 * Loads the alerts of both releases, as their charts render them, into the platform's Prometheus. Returns the names of the rules.
 * Throws a ClusterError.
 */
export async function loadAlerts(cluster: Cluster, opts: Wanted & { signal: AbortSignal }): Promise<string[]> {
  const loaded: string[] = [];
  // In turn: both are keys of one object.
  for (const release of ["catalogue", "stock"] as const) {
    const { rules } = await loadRules(cluster, {
      release,
      namespace: APP_NAMESPACE,
      chart: CHART_DIR,
      valuesFiles: [opts.profileFile],
      values: releaseValues(release, opts),
      optional: true,
      signal: opts.signal,
    });
    loaded.push(...rules.map((rule) => `${rule} (${release})`));
  }
  return loaded;
}

/** A value of ours that no template reads: by it, the next `up` knows that nothing has changed. */
const MARK = "x-holdfast-up";

/** Of everything that the release is made of: the chart's files, the profile, our values. */
async function markOf(values: object, { profile }: Wanted): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([profile, values]));
  for (const file of await chartFiles(CHART_DIR)) {
    hash.update(path.relative(CHART_DIR, file)).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
}

async function chartFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(yaml|tpl|json|txt)$/i.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !/\/(node_modules|test|\.turbo)\//.test(file))
    .sort();
}
