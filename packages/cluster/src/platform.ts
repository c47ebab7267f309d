import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isMirrored, readBundle } from "./bundle.ts";
import type { Bundle } from "./bundle.ts";
import { ClusterError } from "./errors.ts";
import { condition, isTrue } from "./kubernetes-types.ts";
import type { ApiService, List } from "./kubernetes-types.ts";
import type { Kubectl } from "./kubectl.ts";
import { readUpstreamManifest } from "./manifest-source.ts";
import { commandFor } from "./names.ts";
import type { Cluster } from "./open.ts";
import { readPlatformLock } from "./platform-lock.ts";
import type { PlatformPart } from "./platform-lock.ts";
import {
  addTraceExporters,
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
import { refuseUnrestricted } from "./restricted.ts";
import { untilRolledOut } from "./rollout.ts";
import { isRolledOut, isScaledToNothing, isWorkloadKind, workloadKinds } from "./workloads.ts";
import type { Workload, WorkloadName } from "./workloads.ts";

export interface PlatformOptions {
  /** k8s/platform. */
  dir: string;
  /** Without it, manifests come from their official addresses. */
  bundleDir?: string | undefined;
  progress: UpProgress["onStep"];
  signal?: AbortSignal | undefined;
}

/** What one part consists of and by what it is known to work. */
export interface PlannedPart {
  part: PlatformPart;
  objects: Manifest[];
  content: string;
  workloads: WorkloadName[];
  apiServices: string[];
}

type Planning = Pick<PlatformOptions, "dir" | "signal"> & {
  bundle: Bundle | undefined;
  /** Added to those of the trace gateway's manifest. */
  traceExporters?: readonly string[];
};

/** Pulling a part over a slow line takes the most of it. */
const PART_TIMEOUT_SECONDS = 240;

/**
 * Installs what services of ours stand on (k8s/platform): metrics-server, KEDA, Prometheus, logs and traces. A part that is there unchanged and works
 * is left alone; what someone removed of it, or changed so that it does not work, is put back. A part that a bundle may lack is left out, and said;
 * one that is there on demand only (see installAddon()) is not touched.
 *
 * @throws ClusterError IMAGE_MISSING, TIMEOUT (with what is not ready and why), BUNDLE_INVALID, BAD_OPTIONS (not restricted), TOOL_FAILED, ABORTED
 */
export async function installPlatform(cluster: Cluster, opts: PlatformOptions): Promise<void> {
  const bundle = opts.bundleDir === undefined ? undefined : await readBundle(opts.bundleDir);
  const { parts } = await readPlatformLock(opts.dir);
  const { chosen, leftOut } = chooseParts(parts, bundle);
  for (const { part, image } of leftOut) {
    opts.progress({
      id: `platform-${part.name}`,
      title: `${part.name} ${part.version} left out: the bundle has no image ${image}`,
      state: "note",
    });
  }
  const traceExporters = exportersOf(chosen);
  const plan = await Promise.all(chosen.map((part) => planPart(cluster, part, { ...opts, bundle, traceExporters })));
  const present = await readPresent(cluster.kubectl, plan);
  const unchanged = new Set(plan.filter((planned) => isUnchanged(planned, present)));
  const stop = new AbortController();
  const signal = opts.signal === undefined ? stop.signal : AbortSignal.any([opts.signal, stop.signal]);

  await makeNamespaces(cluster.kubectl, { plan: plan.filter((planned) => !unchanged.has(planned)), signal });
  // All at once, since most of the time goes into pulls and first starts.
  const results = await Promise.allSettled(
    plan.map((planned) =>
      installPart(cluster, planned, { ...opts, bundle, signal, unchanged: unchanged.has(planned) }).catch(
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

/** What `up` installs of the lock, and what it leaves out because the bundle has no image for it. */
export function chooseParts(
  parts: readonly PlatformPart[],
  bundle: Pick<Bundle, "mirror"> | undefined,
): { chosen: PlatformPart[]; leftOut: { part: PlatformPart; image: string }[] } {
  const chosen: PlatformPart[] = [];
  const leftOut: { part: PlatformPart; image: string }[] = [];
  for (const part of parts.filter(({ onDemand }) => onDemand !== true)) {
    const lacking = part.images.find(({ name }) => bundle !== undefined && !isMirrored(bundle, name));
    if (lacking !== undefined && part.optional) leftOut.push({ part, image: lacking.name });
    else chosen.push(part);
  }
  return { chosen, leftOut };
}

/** Where Jaeger is installed, the trace gateway hands spans on to it too, besides to whom its manifest names. */
function exportersOf(parts: readonly PlatformPart[]): string[] {
  return parts.some(({ name }) => name === "jaeger") ? ["otlp_grpc/jaeger"] : [];
}

/** Several parts share one, so none of them makes it alone. */
async function makeNamespaces(
  kubectl: Kubectl,
  opts: { plan: readonly PlannedPart[]; signal: AbortSignal },
): Promise<void> {
  const namespaces = opts.plan.flatMap(({ objects }) => objects.filter(({ kind }) => kind === "Namespace"));
  await kubectl.apply(namespaces, { serverSide: true, what: "make the platform's namespaces", signal: opts.signal });
}

async function installPart(
  cluster: Cluster,
  planned: PlannedPart,
  opts: PlatformOptions & { bundle: Bundle | undefined; unchanged: boolean },
): Promise<void> {
  const { part } = planned;
  const detail = () => (opts.unchanged ? "as it was" : undefined);
  const what = { id: `platform-${part.name}`, title: `${part.name} ${part.version}`, detail };
  await step(opts.progress, what, async () => {
    if (!opts.unchanged) await applyPart(cluster, planned, opts);
  });
}

/** Applies a part and waits until it works. */
export async function applyPart(
  cluster: Cluster,
  planned: PlannedPart,
  opts: { bundle: Bundle | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const { part, objects, workloads, apiServices } = planned;
  const { kubectl } = cluster;
  const { signal } = opts;
  await kubectl.apply(objects, { serverSide: true, what: `install ${part.name}`, signal });
  for (const namespace of new Set(workloads.map((workload) => workload.namespace))) {
    const here = workloads.filter((workload) => workload.namespace === namespace);
    await untilRolledOut(kubectl, {
      namespace,
      what: part.name,
      kinds: [...new Set(here.map(({ kind }) => kind))],
      workloads: here.map(({ name }) => name),
      selector: `${PART_LABEL}=${part.name}`,
      timeoutSeconds: PART_TIMEOUT_SECONDS,
      signal,
      onMissingImage: (image) => bundleHint(image, { cluster, bundle: opts.bundle }),
    });
  }
  for (const name of apiServices) await untilServed(kubectl, { name, part, signal });
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

function bundleHint(image: string, opts: { cluster: Cluster; bundle: Bundle | undefined }): string {
  const { bundle } = opts;
  const { name: cluster, bundle: mirrored } = opts.cluster;
  if (bundle === undefined) {
    return mirrored
      ? "The cluster was made from a bundle: its mirror does not answer, or that bundle has no such image."
      : "No bundle is used, so the nodes need internet; without it, pass a bundle: --bundle DIR or HOLDFAST_BUNDLE.";
  }
  return isMirrored(bundle, image)
    ? `The bundle ${bundle.dir} lists it, so the cluster's mirror does not answer or the bundle is damaged: \`${commandFor("down", cluster)}\`, then \`${commandFor("up", cluster)}\` verifies it again.`
    : `The bundle ${bundle.dir} does not list it: write it anew with this version of Holdfast.`;
}

export async function planPart(
  cluster: Pick<Cluster, "kubeconfig" | "bundle">,
  part: PlatformPart,
  opts: Planning,
): Promise<PlannedPart> {
  // Beside the cluster's kubeconfig, so that it goes away with the cluster.
  const cacheDir = path.join(path.dirname(cluster.kubeconfig), "manifests");
  const upstream = await readUpstreamManifest(part, { ...opts, cacheDir });
  const own = await readOwnManifests(path.join(opts.dir, part.name));
  const adjusted = adjustManifests([...parseManifests(upstream, `the manifest of ${part.name}`), ...own], part, {
    bundle: cluster.bundle,
  });
  refuseUnrestricted(adjusted);
  addTraceExporters(adjusted, opts.traceExporters ?? []);
  const { objects, content } = markManifests(adjusted, part);
  return {
    part,
    objects,
    content,
    workloads: objects.flatMap(({ kind, metadata: { namespace = "default", name } }) =>
      isWorkloadKind(kind) ? [{ kind, namespace, name }] : [],
    ),
    apiServices: objects.filter(({ kind }) => kind === "APIService").map(({ metadata }) => metadata.name),
  };
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
    const workloads = objects.filter(({ kind }) => isWorkloadKind(kind));
    const namespace = workloads[0]?.metadata.namespace ?? "default";
    objects.push({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${path.basename(dir)}-config`, namespace },
      data,
    });
    for (const workload of workloads) annotatePods(workload, { "holdfast/config": contentHash(data) });
  }
  return objects.sort((a, b) => Number(b.kind === "Namespace") - Number(a.kind === "Namespace"));
}

export interface Present {
  /** With their kind, as the API server lists several kinds at once. */
  workloads: (Workload & { kind: string })[];
  apiServices: ApiService[];
  /** Of all that is planned, what somebody has removed, or nobody made yet. */
  missing: Manifest[];
}

async function readPresent(kubectl: Kubectl, plan: readonly PlannedPart[]): Promise<Present> {
  const kinds = Object.values(workloadKinds).join(",");
  const [missing, workloads, apiServices] = await Promise.all([
    findMissing(
      kubectl,
      plan.flatMap(({ objects }) => objects),
    ),
    kubectl.json<List<Present["workloads"][number]>>(["get", kinds, "--all-namespaces", "-l", PART_LABEL]),
    kubectl.json<List<ApiService>>(["get", "apiservices", "-l", PART_LABEL]),
  ]);
  return { workloads: workloads.items, apiServices: apiServices.items, missing };
}

/** Whether a part is there in full, made from what it would be made from now, and works. */
export function isUnchanged(
  planned: Pick<PlannedPart, "objects" | "content" | "workloads" | "apiServices">,
  present: Present,
): boolean {
  return (
    !planned.objects.some((object) => present.missing.includes(object)) &&
    planned.workloads.every(({ kind, namespace, name }) =>
      present.workloads.some(
        (workload) =>
          workload.kind === kind &&
          workload.metadata.name === name &&
          workload.metadata.namespace === namespace &&
          workload.metadata.annotations?.[CONTENT_ANNOTATION] === planned.content &&
          !isScaledToNothing(workload) &&
          isRolledOut(workload),
      ),
    ) &&
    planned.apiServices.every((name) =>
      present.apiServices.some((service) => service.metadata.name === name && isTrue(service, "Available")),
    )
  );
}
