/**
 * Makes a cluster, or completes one. Every step first looks at what is there, so that it may be repeated at any point and the whole may be
 * interrupted at any moment; the registry, which bears our mark, is made before the first node, so that what is left behind is known as ours.
 */
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readBundle, verifyBundle } from "./bundle.ts";
import type { Bundle } from "./bundle.ts";
import { createDocker } from "./docker.ts";
import type { Docker, DockerContainer } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { ensureBundled, ensurePulled, isVersion, minorOf, upstreamImages } from "./images.ts";
import { createNodes, fillShape, readShapeFile } from "./kind.ts";
import type { Shape } from "./kind.ts";
import { checkName, commandFor, completeMark, namesOf, nodePorts, registryPort, stateOf } from "./names.ts";
import { startNodes } from "./node-start.ts";
import type { NodePortName, PublishedPortName } from "./names.ts";
import { clusterOf, lacking, readRegistered } from "./open.ts";
import type { Cluster, OpenOptions } from "./open.ts";
import { foreign, judgeOwnership, publishedPorts, readKubeadm, readParts } from "./parts.ts";
import type { ClusterParts, RegisteredNode } from "./parts.ts";
import { readPlatformLock } from "./platform-lock.ts";
import { freePorts, judgeMachine, preflightError, readMachine } from "./preflight.ts";
import type { PortWish } from "./preflight.ts";
import { step } from "./progress.ts";
import type { UpProgress } from "./progress.ts";
import { removeContainers } from "./delete.ts";
import {
  ensureMirror,
  ensureNetwork,
  ensureRegistry,
  hostsFiles,
  isForeignVolume,
  revive,
  wireNode,
} from "./registries.ts";

export interface CreateOptions extends OpenOptions {
  /** k8s/kind/three-zones.yaml, or another file of kind's configuration with one control plane. */
  readonly shapeFile: string;
  /** Where the platform's lock.json lies; default: the folder `platform` beside the shape's folder. */
  readonly platformDir?: string | undefined;
  readonly bundleDir?: string | undefined;
  /** On 127.0.0.1; 0 = any free one, or the one that the cluster has. */
  readonly ports: Readonly<Record<PublishedPortName, number>>;
  /** Kubernetes' minor version; default: the bundle's, or the lock's. */
  readonly kubernetes?: string | undefined;
  readonly progress: UpProgress["onStep"];
}

/** The options of `up` that name a port, for the sentences. */
const portFlags = {
  app: "--port",
  lab: "--lab-port",
  prometheus: "--prometheus-port",
  logs: "--logs-port",
  traces: "--traces-port",
  registry: "--registry-port",
} as const satisfies Record<PublishedPortName, string>;
const portNames = Object.keys(portFlags) as PublishedPortName[];

/** After a start of stopped nodes the API server came back within 20 s, on two busy cores. */
const apiWithinMs = 120_000;
/** Nodes were Ready 15 s to 25 s after they joined, on two cores. */
const readyWithinSeconds = 240;

/**
 * Makes the cluster, completes a half-made one, and returns at once where it is whole.
 *
 * Throws PREFLIGHT, PORT_TAKEN, BUNDLE_INVALID, IMAGE_MISSING, CLUSTER_FOREIGN, CLUSTER_DIFFERS, BAD_OPTIONS, TOOL_FAILED, TIMEOUT, ABORTED.
 */
export async function createCluster(opts: CreateOptions): Promise<Cluster> {
  checkName(opts.name);
  try {
    return await create(opts);
  } catch (error) {
    if (opts.signal?.aborted !== true) throw error;
    throw new ClusterError(
      "ABORTED",
      `Stopped. \`${commandFor("up", opts.name)}\` completes the cluster "${opts.name}", \`${commandFor("down", opts.name)}\` removes what there is of it.`,
      { cause: error },
    );
  }
}

/** What the look at this machine found out. */
interface Plan {
  readonly docker: Docker;
  readonly bundle: Bundle | undefined;
  readonly images: { readonly node: string; readonly registry: string };
  readonly shapeText: string;
  readonly parts: ClusterParts;
  readonly registered: readonly RegisteredNode[] | undefined;
  /** The nodes that are there can be used; otherwise they are removed and made anew. */
  readonly keep: boolean;
  readonly ports: Record<PublishedPortName, number>;
  readonly summary: string;
}

async function create(opts: CreateOptions): Promise<Cluster> {
  const { progress, signal } = opts;
  const plan = await step(
    progress,
    { id: "preflight", title: "look at this machine", detail: ({ summary }) => summary },
    () => look(opts),
  );
  const { docker } = plan;
  const images = await step(progress, { id: "images", title: "images for this machine" }, () =>
    bringImages(plan, opts),
  );
  await step(
    progress,
    { id: "registries", title: "registries", detail: () => `push to localhost:${plan.ports.registry}` },
    () => runRegistries({ plan, image: images.registry, opts }),
  );

  // A paused worker is fit for use by an experiment, which paused it; whoever says `up` wants it back.
  const stopped = plan.parts.nodes.some(({ state }) => state !== "running");
  if (!plan.keep) {
    await step(progress, { id: "nodes", title: "nodes" }, () => makeNodes({ plan, image: images.node, opts }));
  } else if (stopped || lacking(plan.parts, plan.registered) !== undefined) {
    await step(progress, { id: "start", title: "take up what is there" }, () => reviveNodes(plan, opts));
  }

  const parts = await readParts(docker, opts.name, { signal });
  const cluster = clusterOf(opts, { docker, parts });
  await step(progress, { id: "wiring", title: "nodes learn where the registries are" }, () =>
    wire({ docker, parts, opts }),
  );
  // Looked at a second ago, at the start: a whole cluster costs no more calls.
  if (!plan.keep || stopped || !isWhole(plan)) {
    await step(progress, { id: "ready", title: "nodes are ready", detail: () => `${parts.nodes.length} nodes` }, () =>
      untilReady(cluster, { parts, signal }),
    );
  }
  noteDifferences(opts, cluster);
  return cluster;
}

/** Reads everything, changes nothing. Throws with all that stands in the way at once. */
async function look(opts: CreateOptions): Promise<Plan> {
  const { name, tools, signal } = opts;
  const docker = createDocker(tools.docker);
  const [shapeText, bundle, seen] = await Promise.all([
    readShapeFile(opts.shapeFile),
    lookAtBundle(opts),
    lookAtCluster(docker, opts),
  ]);
  const found = seen instanceof ClusterError ? undefined : seen;

  const ok = bundle instanceof ClusterError ? undefined : bundle;
  const images = await chooseImages(opts, ok);
  const shape = fillShape(shapeText, { file: opts.shapeFile, name, image: images.node, ports: opts.ports });
  const keep = found !== undefined && found.parts.nodes.length > 0 && (await canBeKept(docker, { found, shape, opts }));

  const held = found === undefined ? { running: new Set<number>(), stopped: [] } : heldPorts(found.parts);
  const wishes = portNames.map((port): PortWish => ({ flag: portFlags[port], port: opts.ports[port] }));
  const facts = await readMachine({
    docker,
    tools,
    ports: keep ? held.stopped : wishes.filter(({ port }) => !held.running.has(port)),
    signal,
  });
  const problems = judgeMachine(facts, {
    nodes: keep ? 0 : shape.nodes,
    ports: wishes,
    kubernetes: ok?.kubernetes ?? images.node,
    bundle: ok,
  });
  if (bundle instanceof ClusterError) {
    if (problems.length === 0) throw bundle;
    problems.push({ id: "bundle", text: bundle.message });
  }
  if (problems.length > 0) throw preflightError(problems);
  if (seen instanceof ClusterError) throw seen;

  return {
    docker,
    bundle: ok,
    images,
    shapeText,
    ...seen,
    keep,
    ports: await choosePorts(opts, { parts: seen.parts, keep }),
    summary: [
      "error" in facts.docker ? "" : `Docker ${facts.docker.version}`,
      ok === undefined ? "no bundle" : `bundle ${ok.dir}`,
      `Kubernetes ${ok?.kubernetes ?? minorOf(images.node)}`,
    ].join(", "),
  };
}

/** The ports that Docker holds for what runs of a cluster, and those that what has stopped will want back. */
export function heldPorts({ nodes, registry }: Pick<ClusterParts, "nodes" | "registry">): {
  running: Set<number>;
  stopped: PortWish[];
} {
  const flags = new Map<number, string>([
    ...(Object.keys(nodePorts) as NodePortName[]).map((name): [number, string] => [nodePorts[name], portFlags[name]]),
    [registryPort, portFlags.registry],
  ]);
  const running = new Set<number>();
  const stopped: PortWish[] = [];
  for (const container of [...nodes, registry].filter((one) => one !== undefined)) {
    const runs = container.state === "running" || container.state === "paused";
    for (const [inside, port] of container.ports) {
      if (runs) running.add(port);
      // The only other one is the API server's, which kind has chosen.
      else if (port !== 0) stopped.push({ flag: flags.get(inside) ?? "the API server's", port, of: container.name });
    }
  }
  return { running, stopped };
}

/** The bundle, verified; its error as a value, since it stands in one list with all else that is wrong. */
async function lookAtBundle(opts: CreateOptions): Promise<Bundle | ClusterError | undefined> {
  if (opts.bundleDir === undefined) return undefined;
  try {
    const bundle = await readBundle(opts.bundleDir);
    await verifyBundle(bundle, { signal: opts.signal });
    return bundle;
  } catch (error) {
    if (error instanceof ClusterError && error.code === "BUNDLE_INVALID") return error;
    throw error;
  }
}

type Found = Pick<Plan, "parts" | "registered">;

/** What there is of the cluster; where Docker does not answer, that as a value, since it stands in one list with all else. Throws CLUSTER_FOREIGN. */
async function lookAtCluster(docker: Docker, opts: CreateOptions): Promise<Found | ClusterError> {
  const { name, signal } = opts;
  let parts: ClusterParts;
  try {
    parts = await readParts(docker, name, { signal });
  } catch (error) {
    if (error instanceof ClusterError && error.code !== "ABORTED") return error;
    throw error;
  }
  const registered = await readRegistered(opts, { docker, parts });
  const kubeadm = registered === undefined ? await readKubeadm(docker, parts, { signal }) : undefined;
  if (judgeOwnership(parts, { registered, kubeadm }) === "foreign") throw foreign(name);
  if (parts.strangers.length > 0) throw foreign(name, { strangers: parts.strangers });
  if (await isForeignVolume(docker, { name, signal })) throw foreign(name, { volume: namesOf(name).volume });
  return { parts, registered };
}

async function chooseImages(opts: CreateOptions, bundle: Bundle | undefined): Promise<Plan["images"]> {
  if (bundle === undefined) {
    const dir = opts.platformDir ?? path.join(path.dirname(opts.shapeFile), "..", "platform");
    return upstreamImages(await readPlatformLock(dir), opts.kubernetes);
  }
  if (opts.kubernetes !== undefined && !isVersion(opts.kubernetes, bundle.kubernetes)) {
    throw new ClusterError(
      "BAD_OPTIONS",
      `The bundle ${bundle.dir} holds Kubernetes ${bundle.kubernetes} and not ${opts.kubernetes}. Leave out --kubernetes, or the bundle where image registries can be reached.`,
    );
  }
  return { node: bundle.nodeImage, registry: bundle.registryImage };
}

/**
 * Whether the nodes that are there are worth starting: as many as the shape has, and each came so far that its kubelet has its own credentials.
 * kind makes the pod network and the storage before workers join, so those are there too; of a node that is alone, only what `up` did after kind
 * says that kind came to its end. Throws CLUSTER_DIFFERS for nodes that came so far and are not what was asked for: only such as never were of use to
 * anybody are removed.
 */
async function canBeKept(docker: Docker, wish: { found: Found; shape: Shape; opts: CreateOptions }): Promise<boolean> {
  const { found, shape, opts } = wish;
  const { nodes } = found.parts;
  const { registered = [] } = found;
  const again = `\`${commandFor("down", opts.name)}\` removes it, then \`${commandFor("up", opts.name)}\` makes the other`;
  const whole = registered.length === nodes.length && registered.some(({ labels }) => labels[completeMark] === "true");
  const differs = () =>
    new ClusterError(
      "CLUSTER_DIFFERS",
      `The cluster "${opts.name}" has ${nodes.length} node${nodes.length === 1 ? "" : "s"}, ${path.basename(opts.shapeFile)} describes ${shape.nodes}. ${again}, or choose another name with --name.`,
    );
  if (whole && nodes.length !== shape.nodes) throw differs();
  const { kubernetes } = opts;
  const versions = new Set(registered.map(({ kubelet }) => kubelet.replace(/^v/, "")));
  if (whole && kubernetes !== undefined && ![...versions].some((version) => isVersion(kubernetes, version))) {
    throw new ClusterError(
      "CLUSTER_DIFFERS",
      `The cluster "${opts.name}" runs Kubernetes ${[...versions].join(", ")}, not ${kubernetes}. ${again}, or choose another name with --name.`,
    );
  }
  if (whole) return true;
  const { signal } = opts;
  const joined = await Promise.all(nodes.map((node) => hasJoined(docker, { node, alone: nodes.length === 1, signal })));
  if (!joined.every(Boolean)) return false;
  if (nodes.length !== shape.nodes) throw differs();
  return true;
}

/** Whether a node has what kind, or where it is alone `up` after kind, writes into it last. */
async function hasJoined(
  docker: Docker,
  opts: { node: DockerContainer; alone: boolean; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const { node, alone, signal } = opts;
  if (node.state === "created") return false;
  const evidence = alone ? "/etc/containerd/certs.d" : "/etc/kubernetes/kubelet.conf";
  try {
    // Copied out as a tar stream, not looked at from within: the node may have stopped.
    const found = await docker.run(["cp", `${node.id}:${evidence}`, "-"], {
      what: `see how far node ${node.name} came`,
      signal,
    });
    return !alone || /certs\.d\/localhost:\d+\/hosts\.toml/.test(found);
  } catch (error) {
    // Any other trouble is Docker's own and says nothing about the node.
    if (/could not find the file|no such (container:path|file)/i.test(String(error))) return false;
    throw error;
  }
}

/** A wish of 0 keeps the port that the cluster has, else becomes any free one. */
async function choosePorts(
  opts: CreateOptions,
  found: { parts: ClusterParts; keep: boolean },
): Promise<Record<PublishedPortName, number>> {
  const current = publishedPorts(found.parts);
  // The ports of nodes cannot change while they live; the registry's is in the names of the images that run.
  if (found.keep) {
    return { ...current, registry: current.registry || opts.ports.registry || (await freePorts(1))[0] || 0 };
  }
  const wished = { ...opts.ports, registry: opts.ports.registry || current.registry };
  const free = await freePorts(portNames.length);
  return Object.fromEntries(portNames.map((name, index) => [name, wished[name] || (free[index] ?? 0)])) as Record<
    PublishedPortName,
    number
  >;
}

async function bringImages(plan: Plan, opts: CreateOptions): Promise<Plan["images"]> {
  const { docker, bundle, images } = plan;
  const { signal } = opts;
  if (bundle !== undefined) {
    // All of them, the base of our own builds too: there `docker build` has nowhere else to get it from.
    const references = await ensureBundled(docker, {
      bundle,
      stateFile: path.join(opts.stateDir, "loaded-images.json"),
      signal,
    });
    return {
      node: references.get(images.node) ?? images.node,
      registry: references.get(images.registry) ?? images.registry,
    };
  }
  const { keep, parts } = plan;
  // What runs needs no image any more.
  const [node, registry] = await Promise.all([
    keep ? images.node : ensurePulled(docker, { name: images.node, signal }),
    parts.registry === undefined ? ensurePulled(docker, { name: images.registry, signal }) : parts.registry.imageName,
  ]);
  return { node, registry };
}

async function runRegistries(work: { plan: Plan; image: string; opts: CreateOptions }): Promise<void> {
  const { plan, image, opts } = work;
  const { docker, parts, bundle } = plan;
  const { name, signal } = opts;
  const run = async () => {
    await ensureNetwork(docker, { name, signal });
    await ensureRegistry(docker, { name, image, port: plan.ports.registry, existing: parts.registry, signal });
  };
  try {
    await run();
  } catch (error) {
    // Another cluster's `down` may have taken the network away between the two.
    if (!/network .* not found/i.test(String(error))) throw error;
    await run();
  }
  if (bundle !== undefined) {
    await ensureMirror(docker, { name, image, bundle, existing: parts.mirror, signal });
  } else if (parts.mirror !== undefined) {
    // Made with a bundle and now called without: its nodes still ask the mirror first.
    if (await revive(docker, parts.mirror, signal)) return;
    const [dir = "that the cluster was made with"] = parts.mirror.mounts.map(({ source }) => path.dirname(source));
    throw new ClusterError(
      "CLUSTER_HALF_MADE",
      `The nodes of cluster "${name}" pull from ${parts.mirror.name}, which cannot be started again: the Docker network that it was made on has been removed. It served the bundle ${dir}: give that by --bundle, and it is made anew.`,
    );
  }
}

/**
 * Starts nodes that have stopped. Where that fails they are not made anew behind somebody's back: they have been a cluster, and may hold what
 * somebody wants to look at. Throws PORT_TAKEN, CLUSTER_DIFFERS, TIMEOUT.
 */
async function reviveNodes(plan: Plan, opts: CreateOptions): Promise<void> {
  const { docker, parts } = plan;
  const { signal } = opts;
  const running = await startNodes(docker, { nodes: parts.nodes, controlPlane: parts.controlPlane, signal });
  const again = `\`${commandFor("down", opts.name)}\` and \`${commandFor("up", opts.name)}\``;
  if (!running) {
    throw new ClusterError(
      "CLUSTER_DIFFERS",
      `The nodes of cluster "${opts.name}" cannot be started: the Docker network that they were made on has been removed. They were left as they are; ${again} make it anew.`,
    );
  }
  const giveUpAt = Date.now() + apiWithinMs;
  while (Date.now() < giveUpAt) {
    const now = await readParts(docker, opts.name, { signal });
    const registered = await readRegistered(opts, { docker, parts: now });
    if (registered !== undefined && now.nodes.every((node) => registered.some(({ name }) => name === node.name))) {
      return;
    }
    // Nothing tells when an API server begins to answer.
    await sleep(1000, undefined, { signal });
  }
  throw new ClusterError(
    "TIMEOUT",
    `The nodes of cluster "${opts.name}" run, but its API server did not answer for all of them within ${apiWithinMs / 1000} s. Try again, or ${again} to make it anew.`,
  );
}

async function makeNodes(work: { plan: Plan; image: string; opts: CreateOptions }): Promise<void> {
  const { plan, image, opts } = work;
  const { name, tools, signal } = opts;
  const { directory, kubeconfig } = stateOf(opts);
  await removeContainers(plan.docker, { containers: plan.parts.nodes, signal });
  await mkdir(directory, { recursive: true });
  // kind leaves its lock behind when it is ended, and then waits for nobody.
  await rm(`${kubeconfig}.lock`, { force: true });
  const shape = fillShape(plan.shapeText, { file: opts.shapeFile, name, image, ports: plan.ports });
  await createNodes({ kind: tools.kind, name, shape, kubeconfig, signal });
}

async function wire(work: { docker: Docker; parts: ClusterParts; opts: CreateOptions }): Promise<void> {
  const { docker, parts, opts } = work;
  const files = hostsFiles({
    name: opts.name,
    registryPort: parts.registry?.ports.get(registryPort) ?? 0,
    mirror: parts.mirror !== undefined,
  });
  await Promise.all(parts.nodes.map((node) => wireNode(docker, { node, files, signal: opts.signal })));
}

function isWhole({ parts, registered }: Plan): boolean {
  return lacking(parts, registered) === undefined && (registered ?? []).every(({ ready }) => ready);
}

async function untilReady(
  cluster: Cluster,
  opts: { parts: ClusterParts; signal?: AbortSignal | undefined },
): Promise<void> {
  const { nodes, controlPlane } = opts.parts;
  await cluster.kubectl.run(
    ["wait", "--for=condition=Ready", ...nodes.map(({ name }) => `node/${name}`), `--timeout=${readyWithinSeconds}s`],
    { what: "see all nodes ready", timeoutMs: (readyWithinSeconds + 30) * 1000, signal: opts.signal },
  );
  if (controlPlane !== undefined) {
    await cluster.kubectl.run(["label", "--overwrite", "node", controlPlane.name, `${completeMark}=true`], {
      what: "mark the cluster as complete",
      signal: opts.signal,
    });
  }
}

function noteDifferences(opts: CreateOptions, cluster: Cluster): void {
  const current = { ...cluster.ports, registry: Number(cluster.registry.split(":")[1]) };
  for (const name of portNames) {
    const wished = opts.ports[name];
    if (wished === 0 || wished === current[name]) continue;
    const has = current[name] === 0 ? "does not publish that port" : `has ${current[name]}`;
    opts.progress({
      id: `port-${name}`,
      title: `${portFlags[name]} ${wished} is not used: this cluster ${has}, and the ports of a cluster stay. \`${commandFor("down", opts.name)}\`, then \`${commandFor("up", opts.name)}\` changes them.`,
      state: "note",
    });
  }
}
