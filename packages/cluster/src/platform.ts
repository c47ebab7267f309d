import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isMirrored, readBundle } from "./bundle.ts";
import type { Bundle } from "./bundle.ts";
import { ClusterError } from "./errors.ts";
import { condition, isTrue } from "./kubernetes-types.ts";
import type { ApiService, Deployment, List } from "./kubernetes-types.ts";
import type { Kubectl } from "./kubectl.ts";
import { readUpstreamManifest } from "./manifest-source.ts";
import { commandFor } from "./names.ts";
import type { Cluster } from "./open.ts";
import { readPlatformLock } from "./platform-lock.ts";
import type { PlatformPart } from "./platform-lock.ts";
import {
  adjustManifests,
  annotatePods,
  CONTENT_ANNOTATION,
  contentHash,
  markManifests,
  PART_LABEL,
  parseManifests,
} from "./platform-manifests.ts";
import type { Manifest } from "./platform-manifests.ts";
import { findMissing } from "./presence.ts";
import { step } from "./progress.ts";
import type { UpProgress } from "./progress.ts";
import { isRolledOut, untilRolledOut } from "./rollout.ts";

export interface PlatformOptions {
  /** k8s/platform. */
  dir: string;
  /** Without it, manifests come from their official addresses. */
  bundleDir?: string | undefined;
  progress: UpProgress["onStep"];
  signal?: AbortSignal | undefined;
}

/** What one part consists of and by what it is known to work. */
interface PlannedPart {
  part: PlatformPart;
  objects: Manifest[];
  content: string;
  deployments: { namespace: string; name: string }[];
  apiServices: string[];
}

/** Pulling a part over a slow line takes the most of it. */
const PART_TIMEOUT_SECONDS = 240;

/**
 * Installs what services of ours stand on (k8s/platform): metrics-server, KEDA, Prometheus. A part that is there unchanged and works is left
 * alone; what someone removed of it, or changed so that it does not work, is put back.
 *
 * @throws ClusterError IMAGE_MISSING, TIMEOUT (with what is not ready and why), BUNDLE_INVALID, TOOL_FAILED, ABORTED
 */
export async function installPlatform(cluster: Cluster, opts: PlatformOptions): Promise<void> {
  const bundle = opts.bundleDir === undefined ? undefined : await readBundle(opts.bundleDir);
  const plan = await planPlatform(cluster, { ...opts, bundle });
  const present = await readPresent(cluster.kubectl, plan);
  const stop = new AbortController();
  const signal = opts.signal === undefined ? stop.signal : AbortSignal.any([opts.signal, stop.signal]);

  // All at once, since most of the time goes into pulls and first starts.
  const results = await Promise.allSettled(
    plan.map((planned) =>
      installPart(cluster, planned, { ...opts, bundle, signal, unchanged: isUnchanged(planned, present) }).catch(
        (error: unknown) => {
          stop.abort();
          throw error;
        },
      ),
    ),
  );
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  // The others were only told to stop.
  const first = errors.find((error) => !(error instanceof ClusterError && error.code === "ABORTED")) ?? errors[0];
  if (first !== undefined) throw first;
}

async function installPart(
  cluster: Cluster,
  planned: PlannedPart,
  opts: PlatformOptions & { bundle: Bundle | undefined; unchanged: boolean },
): Promise<void> {
  const { part, objects, deployments, apiServices } = planned;
  const { kubectl } = cluster;
  const { signal } = opts;
  const detail = () => (opts.unchanged ? "as it was" : undefined);
  const what = { id: `platform-${part.name}`, title: `${part.name} ${part.version}`, detail };
  await step(opts.progress, what, async () => {
    if (opts.unchanged) return;
    await kubectl.apply(objects, { serverSide: true, what: `install ${part.name}`, signal });
    for (const namespace of new Set(deployments.map((deployment) => deployment.namespace))) {
      await untilRolledOut(kubectl, {
        namespace,
        what: part.name,
        deployments: deployments.filter((deployment) => deployment.namespace === namespace).map(({ name }) => name),
        selector: `${PART_LABEL}=${part.name}`,
        timeoutSeconds: PART_TIMEOUT_SECONDS,
        signal,
        onMissingImage: (image) => bundleHint(image, { cluster: cluster.name, bundle: opts.bundle }),
      });
    }
    for (const name of apiServices) await untilServed(kubectl, { name, part, signal });
  });
}

/** A Deployment may be ready a while before the API server gets through to it. */
async function untilServed(
  kubectl: Kubectl,
  opts: { name: string; part: PlatformPart; signal: AbortSignal | undefined },
): Promise<void> {
  const timeoutSeconds = 90;
  try {
    await kubectl.run(
      ["wait", "--for=condition=Available", `apiservice/${opts.name}`, `--timeout=${timeoutSeconds}s`],
      { what: `reach ${opts.name}`, timeoutMs: (timeoutSeconds + 10) * 1000, signal: opts.signal },
    );
  } catch (error) {
    if (error instanceof ClusterError && error.code === "ABORTED") throw error;
    const found = await kubectl.json<ApiService>(["get", "apiservice", opts.name]).catch(() => undefined);
    const reason = found === undefined ? undefined : condition(found, "Available");
    throw new ClusterError(
      "TIMEOUT",
      `Waited ${timeoutSeconds} s for ${opts.part.name} to serve ${opts.name}: ${reason?.message ?? "the API server does not know it"}.`,
      { cause: error },
    );
  }
}

function bundleHint(image: string, opts: { cluster: string; bundle: Bundle | undefined }): string {
  const { cluster, bundle } = opts;
  if (bundle === undefined) {
    return "No bundle is used, so the nodes need internet; without it, pass a bundle: --bundle DIR or HOLDFAST_BUNDLE.";
  }
  return isMirrored(bundle, image)
    ? `The bundle ${bundle.dir} lists it, so the cluster's mirror does not answer or the bundle is damaged: \`${commandFor("down", cluster)}\`, then \`${commandFor("up", cluster)}\` verifies it again.`
    : `The bundle ${bundle.dir} does not list it: write it anew with this version of Holdfast.`;
}

async function planPlatform(
  cluster: Cluster,
  opts: PlatformOptions & { bundle: Bundle | undefined },
): Promise<PlannedPart[]> {
  const lock = await readPlatformLock(opts.dir);
  // Beside the cluster's kubeconfig, so that it goes away with the cluster.
  const cacheDir = path.join(path.dirname(cluster.kubeconfig), "manifests");
  return Promise.all(
    lock.parts.map(async (part) => {
      const upstream = await readUpstreamManifest(part, { ...opts, cacheDir });
      const own = await readOwnManifests(path.join(opts.dir, part.name));
      const adjusted = adjustManifests([...parseManifests(upstream, `the manifest of ${part.name}`), ...own], part, {
        bundle: cluster.bundle,
      });
      const { objects, content } = markManifests(adjusted, part);
      return {
        part,
        objects,
        content,
        deployments: objects
          .filter(({ kind }) => kind === "Deployment")
          .map(({ metadata }) => ({ namespace: metadata.namespace ?? "default", name: metadata.name })),
        apiServices: objects.filter(({ kind }) => kind === "APIService").map(({ metadata }) => metadata.name),
      };
    }),
  );
}

/**
 * The manifests that we write ourselves: k8s/platform/<part>/*.yaml, a Namespace first. Other files of the folder (*.yml) are configuration and
 * become the ConfigMap `<part>-config`; the pods bear its hash, so that a change of it rolls them out.
 */
export async function readOwnManifests(dir: string): Promise<Manifest[]> {
  const files = (await readdir(dir).catch(() => [])).sort();
  const read = (file: string) => readFile(path.join(dir, file), "utf8");
  const manifests = await Promise.all(
    files.filter((file) => file.endsWith(".yaml")).map(async (file) => parseManifests(await read(file), file)),
  );
  const objects = manifests.flat();
  const configFiles = files.filter((file) => file.endsWith(".yml"));
  if (configFiles.length > 0) {
    const data = Object.fromEntries(await Promise.all(configFiles.map(async (file) => [file, await read(file)])));
    const namespace = objects.find(({ kind }) => kind === "Namespace")?.metadata.name ?? "default";
    objects.push({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${path.basename(dir)}-config`, namespace },
      data,
    });
    for (const object of objects) {
      if (object.kind === "Deployment") annotatePods(object, { "holdfast/config": contentHash(data) });
    }
  }
  return objects.sort((a, b) => Number(b.kind === "Namespace") - Number(a.kind === "Namespace"));
}

export interface Present {
  deployments: Deployment[];
  apiServices: ApiService[];
  /** Of all that is planned, what somebody has removed, or nobody made yet. */
  missing: Manifest[];
}

async function readPresent(kubectl: Kubectl, plan: readonly PlannedPart[]): Promise<Present> {
  const [missing, deployments, apiServices] = await Promise.all([
    findMissing(
      kubectl,
      plan.flatMap(({ objects }) => objects),
    ),
    kubectl.json<List<Deployment>>(["get", "deployments", "--all-namespaces", "-l", PART_LABEL]),
    kubectl.json<List<ApiService>>(["get", "apiservices", "-l", PART_LABEL]),
  ]);
  return { deployments: deployments.items, apiServices: apiServices.items, missing };
}

/** Whether a part is there in full, made from what it would be made from now, and works. */
export function isUnchanged(
  planned: Pick<PlannedPart, "objects" | "content" | "deployments" | "apiServices">,
  present: Present,
): boolean {
  return (
    !planned.objects.some((object) => present.missing.includes(object)) &&
    planned.deployments.every(({ namespace, name }) =>
      present.deployments.some(
        (deployment) =>
          deployment.metadata.name === name &&
          deployment.metadata.namespace === namespace &&
          deployment.metadata.annotations?.[CONTENT_ANNOTATION] === planned.content &&
          isRolledOut(deployment),
      ),
    ) &&
    planned.apiServices.every((name) =>
      present.apiServices.some((service) => service.metadata.name === name && isTrue(service, "Available")),
    )
  );
}
