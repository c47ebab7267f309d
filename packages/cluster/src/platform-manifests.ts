import { createHash } from "node:crypto";
import { parseAllDocuments } from "yaml";
import { ClusterError } from "./errors.ts";
import type { Container, ObjectMeta } from "./kubernetes-types.ts";
import { controlPlaneLabel } from "./names.ts";
import { imageReference } from "./platform-lock.ts";
import type { LockedImage, PlatformPart } from "./platform-lock.ts";
import { isWorkloadKind } from "./workloads.ts";

/** Any object of a manifest. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: Partial<ObjectMeta> & { name: string };
  [field: string]: unknown;
}

export interface ContainerTemplate extends Container {
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: object }[];
  ports?: { containerPort: number; hostPort?: number }[];
  securityContext?: {
    privileged?: boolean;
    allowPrivilegeEscalation?: boolean;
    runAsNonRoot?: boolean;
    capabilities?: { drop?: string[]; add?: string[] };
    seccompProfile?: { type: string };
  };
}

export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: {
    nodeSelector?: Record<string, string>;
    tolerations?: object[];
    hostNetwork?: boolean;
    hostPID?: boolean;
    hostIPC?: boolean;
    securityContext?: { runAsNonRoot?: boolean; seccompProfile?: { type: string } };
    volumes?: { name: string; hostPath?: object }[];
    containers: ContainerTemplate[];
    initContainers?: ContainerTemplate[];
  };
}

/** Marks what the platform consists of: the part's name on every object and its pods, version and what it was made from on every workload. */
export const PART_LABEL = "holdfast/part";
export const CONTENT_ANNOTATION = "holdfast/content";
export const VERSION_ANNOTATION = "holdfast/version";

/** The one namespace that is not restricted: its agent reads the nodes' own files. */
export const PRIVILEGED_NAMESPACE = "telemetry";

/** For a probe's answer when four nodes share two busy cores. */
const PATIENCE_SECONDS = 5;

/**
 * What each container asks for and may have at most, from measuring: idle it takes well below half of its limit. Upstream asks for 100m and
 * 100 to 200 Mi each, which on a laptop's four nodes is room that the services lack. No CPU limit: it would only make things slow.
 */
const RESOURCES: Record<string, { cpu: string; memory: string; memoryLimit: string }> = {
  "metrics-server": { cpu: "20m", memory: "48Mi", memoryLimit: "192Mi" },
  "keda-operator": { cpu: "20m", memory: "64Mi", memoryLimit: "384Mi" },
  "keda-metrics-apiserver": { cpu: "20m", memory: "64Mi", memoryLimit: "256Mi" },
  "keda-admission-webhooks": { cpu: "10m", memory: "48Mi", memoryLimit: "256Mi" },
};

export function parseManifests(text: string, from: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new ClusterError("BAD_OPTIONS", `${from} is not valid YAML: ${error.message}`, { cause: error });
    }
    const object = document.toJS() as Manifest | null;
    return object === null ? [] : [object];
  });
}

/**
 * Upstream's manifests as this cluster needs them; the given objects are changed in place.
 *
 * @throws ClusterError BUNDLE_INVALID when an image is named that the lock does not know
 */
export function adjustManifests(objects: Manifest[], part: PlatformPart, opts: { bundle: boolean }): Manifest[] {
  for (const object of objects) {
    if (object.kind === "Namespace" && object.metadata.name !== PRIVILEGED_NAMESPACE) enforceRestricted(object);
    const template = podTemplate(object);
    if (template === undefined) continue;
    // An agent belongs on every node.
    if (object.kind !== "DaemonSet") onControlPlane(template);
    for (const container of allContainers(template)) {
      container.image = imageReference(lockedImage(container.image, part), opts);
      setResources(container);
      setProbes(container);
      if (container.name === "metrics-server") readKubelets(container);
    }
  }
  return objects;
}

/** Puts the part's name on every object and on its pods, and the hash of them all on its workloads, by which the next run sees that nothing changed. */
export function markManifests(objects: Manifest[], part: PlatformPart): { objects: Manifest[]; content: string } {
  for (const object of objects) {
    const { metadata } = object;
    const template = podTemplate(object);
    metadata.labels = { ...metadata.labels, [PART_LABEL]: part.name };
    if (template === undefined) continue;
    metadata.annotations = { ...metadata.annotations, [VERSION_ANNOTATION]: part.version };
    template.metadata = {
      ...template.metadata,
      labels: { ...template.metadata?.labels, [PART_LABEL]: part.name },
    };
  }
  // Of all that is applied, our own marks too, so that a new version of this code applies what it changed.
  const content = contentHash(objects);
  for (const { kind, metadata } of objects) {
    if (isWorkloadKind(kind)) metadata.annotations = { ...metadata.annotations, [CONTENT_ANNOTATION]: content };
  }
  return { objects, content };
}

/** 16 hex digits: these hashes find changes, they keep nobody out. */
export function contentHash(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
}

/** Images of all containers, in the order of their first use. */
export function imagesOf(objects: readonly Manifest[]): string[] {
  const images = objects.flatMap((object) => {
    const template = podTemplate(object);
    return template === undefined ? [] : allContainers(template).map(({ image }) => image);
  });
  return [...new Set(images)];
}

/** A new annotation on the pods makes new pods: how a changed ConfigMap reaches a program that reads it once. */
export function annotatePods(object: Manifest, annotations: Record<string, string>): void {
  const template = podTemplate(object);
  if (template === undefined) return;
  template.metadata = { ...template.metadata, annotations: { ...template.metadata?.annotations, ...annotations } };
}

export function podTemplate(object: Manifest): PodTemplate | undefined {
  return (object["spec"] as { template?: PodTemplate } | undefined)?.template;
}

export function allContainers({ spec }: PodTemplate): ContainerTemplate[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function lockedImage(name: string, part: PlatformPart): LockedImage {
  const found = part.images.find((image) => image.name === name);
  if (found !== undefined) return found;
  throw new ClusterError(
    "BUNDLE_INVALID",
    `The manifest of ${part.name} names the image ${name}, which k8s/platform/lock.json does not list for version ${part.version}. The manifest and the lock must be of the same version.`,
  );
}

/** Exporters that the list in TRACE_EXPORTERS lacks, where a container has that variable: `[file]` becomes `[file, otlp_grpc/jaeger]`. */
export function addTraceExporters(objects: readonly Manifest[], exporters: readonly string[]): void {
  for (const object of objects) {
    const template = podTemplate(object);
    if (template === undefined) continue;
    for (const variable of allContainers(template).flatMap(({ env }) => env ?? [])) {
      if (variable.name !== "TRACE_EXPORTERS" || variable.value === undefined) continue;
      const listed = variable.value.replace(/^\s*\[|\]\s*$/g, "").split(",");
      const all = new Set([...listed.map((one) => one.trim()).filter((one) => one !== ""), ...exporters]);
      variable.value = `[${[...all].join(", ")}]`;
    }
  }
}

/** No experiment faults the control plane's node, so what judges and scales keeps running while the workers are hurt. */
function onControlPlane({ spec }: PodTemplate): void {
  spec.nodeSelector = { ...spec.nodeSelector, [controlPlaneLabel]: "" };
  spec.tolerations = [
    ...(spec.tolerations ?? []).filter((toleration) => (toleration as { key?: string }).key !== controlPlaneLabel),
    { key: controlPlaneLabel, operator: "Exists", effect: "NoSchedule" },
  ];
}

function enforceRestricted(namespace: Manifest): void {
  namespace.metadata.labels = {
    ...namespace.metadata.labels,
    "pod-security.kubernetes.io/enforce": "restricted",
  };
}

/** kind's kubelets sign their own certificates. They are read more often than upstream reads them (15 s): a pod's first CPU number, which an HPA waits for, comes sooner. */
function readKubelets(container: ContainerTemplate): void {
  // It refuses a resolution that is not above the time that one kubelet may take.
  const own = ["--kubelet-insecure-tls", "--metric-resolution=10s", "--kubelet-request-timeout=5s"];
  const flagOf = (arg: string) => arg.replace(/=.*/, "");
  const flags = new Set(own.map((arg) => flagOf(arg)));
  container.args = [...(container.args ?? []).filter((arg) => !flags.has(flagOf(arg))), ...own];
}

function setResources(container: ContainerTemplate): void {
  const measured = RESOURCES[container.name];
  if (measured === undefined) return;
  container.resources = {
    requests: { cpu: measured.cpu, memory: measured.memory },
    limits: { memory: measured.memoryLimit },
  };
}

/**
 * Upstream first asks after 20 s whether a pod is ready; asking at once costs nothing and shortens `up`. And it kills what does not answer
 * three times within 1 s, which on a laptop under load restarted the scaler in the middle of an experiment.
 */
function setProbes(container: ContainerTemplate): void {
  const { readinessProbe, livenessProbe } = container;
  if (readinessProbe !== undefined) {
    const sooner = { initialDelaySeconds: 1, periodSeconds: 2, failureThreshold: 15 };
    container.readinessProbe = { ...readinessProbe, ...sooner, timeoutSeconds: PATIENCE_SECONDS };
  }
  if (livenessProbe !== undefined) {
    container.livenessProbe = { ...livenessProbe, failureThreshold: 6, timeoutSeconds: PATIENCE_SECONDS };
  }
}
