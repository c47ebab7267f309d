/** What a machine must have before a cluster is made on it: looked at together, judged together, said together. */
import { readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { randomInt } from "node:crypto";
import os from "node:os";
import type { Docker, DockerFacts } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { minorOf } from "./images.ts";
import { isExecutable } from "./tools.ts";
import type { Tools } from "./tools.ts";

export interface PortWish {
  /** The option that names it: `--port`. */
  readonly flag: string;
  readonly port: number;
  /** The stopped container that has it and wants it back: then no option can change it. */
  readonly of?: string;
}

export interface MachineFacts {
  readonly docker: DockerFacts | { readonly error: string };
  /** Programs that are not where the caller said. */
  readonly missingTools: readonly string[];
  /** Unknown where Docker runs on another machine or in a virtual one. */
  readonly memoryFreeBytes?: number | undefined;
  readonly diskFreeBytes?: number | undefined;
  readonly inotify?: { readonly instances: number; readonly watches: number } | undefined;
  readonly takenPorts: readonly PortWish[];
}

export interface Wish {
  /** How many nodes are still to be made; 0 when they are there. */
  readonly nodes: number;
  readonly ports: readonly PortWish[];
  /** `v1.36.4`, or a node image. */
  readonly kubernetes: string;
  readonly bundle?: { readonly dir: string; readonly platform: string } | undefined;
}

export interface Problem {
  readonly id: "tools" | "docker" | "memory" | "disk" | "inotify" | "cgroup" | "bundle" | "ports";
  /** What was found and what to do, in sentences. */
  readonly text: string;
}

const giB = 2 ** 30;
/** Measured: four nodes with the platform take 1.8 GB idle; services, load and a second copy of them for the lab come on top. */
const memoryBaseBytes = 2 * giB;
const memoryNodeBytes = 1 * giB;
/** A node image unpacked (1 GB at most, shared by all nodes), platform images on each node, logs. */
const diskBytes = 8 * giB;
/** Each node runs systemd, containerd, a kubelet and kube-proxy, which hold a dozen instances each; the usual 128 end with "too many open files". */
const inotifyInstances = 256;
const inotifyWatches = 65_536;
/** Docker 20.10 is the oldest that kind 0.33 was tried with here. */
const oldestDocker = 20;
/** From here on the kubelet does not start on cgroup v1. */
const cgroupV2Minor = 37;

/** Everything that stands in the way, each with what to do about it. Pure: the facts are handed in. */
export function judgeMachine(facts: MachineFacts, wish: Wish): Problem[] {
  const problems: Problem[] = [];
  const add = (id: Problem["id"], text: string) => problems.push({ id, text });
  const { docker } = facts;

  for (const tool of facts.missingTools) {
    add(
      "tools",
      `The program ${tool} is not there or cannot be run. Bring it back, or start again so that it is fetched anew.`,
    );
  }
  if ("error" in docker) {
    add("docker", docker.error);
  } else {
    judgeDocker(docker, { wish, add });
  }

  const needed = memoryBaseBytes + wish.nodes * memoryNodeBytes;
  const memory = facts.memoryFreeBytes ?? ("error" in docker ? undefined : docker.memoryBytes);
  if (wish.nodes > 0 && memory !== undefined && memory < needed) {
    const free = facts.memoryFreeBytes === undefined ? "Docker has" : "This machine has";
    const what = facts.memoryFreeBytes === undefined ? "in all" : "free";
    add(
      "memory",
      `${free} ${gigabytes(memory)} of memory ${what}; ${wish.nodes} node${wish.nodes === 1 ? "" : "s"} want ${gigabytes(needed)}. End something, give Docker more memory in its settings, or use fewer nodes.`,
    );
  }
  if (wish.nodes > 0 && facts.diskFreeBytes !== undefined && facts.diskFreeBytes < diskBytes) {
    add(
      "disk",
      `Docker's disk has ${gigabytes(facts.diskFreeBytes)} free; ${gigabytes(diskBytes)} are wanted. \`docker system df\` shows what takes the space, \`docker system prune\` frees what nothing uses.`,
    );
  }
  if (wish.nodes > 0 && facts.inotify !== undefined) {
    const { instances, watches } = facts.inotify;
    const low = [
      ...(instances < inotifyInstances ? [`fs.inotify.max_user_instances is ${instances}`] : []),
      ...(watches < inotifyWatches ? [`fs.inotify.max_user_watches is ${watches}`] : []),
    ];
    if (low.length > 0) {
      add(
        "inotify",
        `${low.join(" and ")}, too few for several nodes on one machine. Run: sudo sysctl -w fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`,
      );
    }
  }
  judgePorts(facts, { wish, add });
  return problems;
}

type Add = (id: Problem["id"], text: string) => void;

function judgeDocker(docker: DockerFacts, opts: { wish: Wish; add: Add }): void {
  const { wish, add } = opts;
  if (Number.parseInt(docker.version, 10) < oldestDocker) {
    add("docker", `Docker's version is ${docker.version}; ${oldestDocker}.10 or newer is wanted. Update it.`);
  }
  if (wish.nodes > 0 && docker.cgroupVersion < 2 && Number(minorOf(wish.kubernetes).split(".")[1]) >= cgroupV2Minor) {
    add(
      "cgroup",
      `Docker runs on cgroup v${docker.cgroupVersion}, and Kubernetes ${minorOf(wish.kubernetes)} needs v2. Choose --kubernetes 1.36 or older, or start the machine with cgroup v2 (systemd.unified_cgroup_hierarchy=1).`,
    );
  }
  if (wish.bundle !== undefined && wish.bundle.platform !== docker.platform) {
    add(
      "bundle",
      `The bundle ${wish.bundle.dir} is for ${wish.bundle.platform}, Docker runs ${docker.platform}. Use a bundle that was written for it, or none.`,
    );
  }
}

function judgePorts(facts: MachineFacts, opts: { wish: Wish; add: Add }): void {
  const { wish, add } = opts;
  for (const { flag, port, of } of facts.takenPorts) {
    if (of !== undefined) {
      add(
        "ports",
        `Port ${port} (${flag}) is taken on 127.0.0.1, and ${of}, which has stopped, cannot be started again without it. End what listens there, and try again. Nothing was changed.`,
      );
      continue;
    }
    add(
      "ports",
      `Port ${port} (${flag}) is taken on 127.0.0.1. End what listens there, or choose another by ${flag} (0 = any free one).`,
    );
  }
  const named = wish.ports.filter(({ port }) => port !== 0);
  for (const [index, { flag, port }] of named.entries()) {
    const other = named.slice(0, index).find((earlier) => earlier.port === port);
    if (other !== undefined)
      add("ports", `${other.flag} and ${flag} both name port ${port}. Give them different ones.`);
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      add("ports", `${flag} ${port} is no port. Use 1 to 65535, or 0 for any free one.`);
    }
  }
}

/** One error for all problems, with the code of their kind where they are all of one kind. */
export function preflightError(problems: readonly Problem[]): ClusterError {
  const [first] = problems;
  const code = problems.every(({ id }) => id === "ports") ? "PORT_TAKEN" : "PREFLIGHT";
  if (problems.length === 1 && first !== undefined) return new ClusterError(code, first.text);
  return new ClusterError(
    code,
    `This machine cannot run the cluster yet:\n${problems.map(({ text }) => `- ${text}`).join("\n")}`,
  );
}

/** Looks at this machine. Never throws but for the signal: what cannot be found out is left out. */
export async function readMachine(opts: {
  docker: Docker;
  tools: Tools;
  ports: readonly PortWish[];
  signal?: AbortSignal | undefined;
}): Promise<MachineFacts> {
  const { tools, signal } = opts;
  const docker = await opts.docker.facts({ signal }).catch((error: unknown) => {
    if (error instanceof ClusterError && error.code === "ABORTED") throw error;
    return { error: error instanceof Error ? error.message : String(error) };
  });
  const [taken, inotify, memoryFreeBytes, diskFreeBytes] = await Promise.all([
    takenPorts(opts.ports),
    readInotify(),
    readMemory(),
    "error" in docker ? undefined : readDisk(docker.rootDir),
  ]);
  // Docker on another machine or in a virtual one: this machine's own figures say nothing about it.
  const here = !("error" in docker) && docker.machine === os.hostname() && process.platform === "linux";
  return {
    docker,
    missingTools: [tools.kind, tools.kubectl, tools.helm].filter((file) => !isExecutable(file)),
    takenPorts: taken,
    ...(here ? { memoryFreeBytes, diskFreeBytes, inotify } : {}),
  };
}

async function takenPorts(ports: readonly PortWish[]): Promise<PortWish[]> {
  const free = await Promise.all(ports.map(({ port }) => port === 0 || port > 65_535 || isFree(port)));
  return ports.filter((_, index) => free[index] === false);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // A port below 1024 is refused to us and not to Docker.
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EACCES"));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Below the ranges from which Linux and macOS take the local ports of outgoing connections: a port that a stopped container will want again must
 * not have become some client's meanwhile.
 */
const firstPort = 20_000;
const lastPort = 29_999;

/** As many different ports as asked for, free at this moment. Throws PREFLIGHT where there are none. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < 1000 && found.size < count; attempt++) {
    const port = randomInt(firstPort, lastPort + 1);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size === count) return [...found];
  throw new ClusterError(
    "PREFLIGHT",
    `No free ports were found between ${firstPort} and ${lastPort}. End what listens there.`,
  );
}

async function readMemory(): Promise<number | undefined> {
  const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

async function readDisk(dir: string): Promise<number | undefined> {
  const disk = await statfs(dir).catch(() => undefined);
  return disk === undefined ? undefined : disk.bavail * disk.bsize;
}

async function readInotify(): Promise<{ instances: number; watches: number } | undefined> {
  const read = async (name: string) => Number(await readFile(`/proc/sys/fs/inotify/${name}`, "utf8"));
  try {
    const [instances, watches] = await Promise.all([read("max_user_instances"), read("max_user_watches")]);
    return { instances, watches };
  } catch {
    return undefined;
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / giB).toFixed(1).replace(/\.0$/, "")} GiB`;
}
