/**
 * What pods go through, out of a watch on them: their objects in, the lab's events and replicas out. Pure.
 *
 * Every event's `atMs` is when the watch told us. The kubelet tells the API server after it has seen and done something,
 * so all of them are late, and the evidence of a planned disruption reaches a little further than the disruption.
 * Against the kubelet's own times on one machine with four nodes: a container's start within 0.5 s, its exit in a pod
 * that is being deleted within 1 s, and up to 2 s after a crash, since the kubelet relists its containers once a second;
 * some seconds more where the machine starves, and then the load's own lag makes the run INVALID. The kubelet's times
 * stand in `detail`; they are cut to whole seconds.
 */
import { condition, releaseLabel, type ContainerState, type ContainerStatus, type Pod } from "@holdfast/cluster";
import type { Replica, ServiceName, TargetEvent } from "../target.ts";

export interface PodEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Pod;
}

export interface PodWatch {
  /** An event of the watch, seen at that time. */
  note(event: PodEvent, atMs: number): readonly TargetEvent[];
  /**
   * The lab itself has killed this container just now, mostly before the kubelet sees it. Where the watch was faster than the
   * kill's own answer, that is no news.
   */
  noteKilled(killed: { readonly pod: string; readonly containerId: string }, atMs: number): readonly TargetEvent[];
  /** Whose container has not ended. */
  replicas(service: ServiceName): readonly Replica[];
  /** Where the main container of a pod runs. */
  container(pod: string): { readonly node: string; readonly containerId: string } | undefined;
  /** Digests of the images that run. */
  imageIds(service: ServiceName): readonly string[];
}

/** What is known of one pod. */
interface Known {
  readonly service: ServiceName;
  pod: Pod;
  /** Of the container that runs, or ran last. */
  containerId: string | undefined;
  running: boolean;
  ready: boolean;
  everReady: boolean;
  ending: boolean;
  ended: boolean;
  /** Container whose death has been told already. */
  dead: string | undefined;
}

export function createPodWatch({ zoneOf }: { zoneOf: (node: string) => string | undefined }): PodWatch {
  const pods = new Map<string, Known>();

  function note({ type, object }: PodEvent, atMs: number): TargetEvent[] {
    const service = serviceOf(object);
    if (service === undefined) return [];
    const { uid } = object.metadata;
    const known = pods.get(uid) ?? unknown(object, service);
    pods.set(uid, known);
    const events: TargetEvent[] = [];
    const tell = (what: string, detail: Readonly<Record<string, unknown>> = {}) =>
      events.push(replicaEvent(known, { atMs, type: what, detail }));
    known.pod = object;
    noteContainer(known, tell);
    noteDeletion(known, tell);
    noteReadiness(known, tell);
    noteEnd(known, { gone: type === "DELETED", tell });
    if (type === "DELETED") pods.delete(uid);
    return events;
  }

  function replicaEvent(known: Known, event: { atMs: number; type: string; detail: object }): TargetEvent {
    const { pod, service } = known;
    const { atMs, type, detail } = event;
    const zone = zoneOf(pod.spec.nodeName ?? "");
    return {
      atMs,
      type,
      service,
      replica: pod.metadata.name,
      detail: { version: versionOf(pod), ...(zone === undefined ? {} : { zone }), ...detail },
    };
  }

  function find(name: string): Known | undefined {
    return [...pods.values()].find(({ pod }) => pod.metadata.name === name);
  }

  function replicaOf(known: Known): Replica {
    const { pod, service } = known;
    const node = pod.spec.nodeName;
    const zone = zoneOf(node ?? "");
    return {
      service,
      name: pod.metadata.name,
      version: versionOf(pod),
      state: stateOf(known),
      ready: known.ready && known.running && !known.ending,
      restarts: mainStatus(pod)?.restartCount ?? 0,
      ...(node === undefined ? {} : { node }),
      ...(zone === undefined ? {} : { zone }),
    };
  }

  return {
    note,
    noteKilled({ pod, containerId }, atMs) {
      const known = find(pod);
      // Told already; the one that runs now may be another.
      if (!known || known.dead === containerId || known.containerId !== containerId) return [];
      known.dead = containerId;
      return [replicaEvent(known, { atMs, type: "replica.exited", detail: { by: "the lab" } })];
    },
    replicas: (service) =>
      [...pods.values()].filter((known) => known.service === service && !known.ended).map((known) => replicaOf(known)),
    container(name) {
      const known = find(name);
      const node = known?.pod.spec.nodeName;
      return known?.containerId === undefined || node === undefined
        ? undefined
        : { node, containerId: known.containerId };
    },
    imageIds: (service) => [
      ...new Set(
        [...pods.values()].flatMap((known) =>
          known.service === service ? (mainStatus(known.pod)?.imageID ?? []) : [],
        ),
      ),
    ],
  };
}

type Tell = (type: string, detail?: Readonly<Record<string, unknown>>) => void;

function noteContainer(known: Known, tell: Tell): void {
  const status = mainStatus(known.pod);
  const running = status?.state?.running !== undefined;
  const replaced = known.containerId !== undefined && status?.containerID !== known.containerId;
  // In a pod that is being deleted the exit is its end.
  if (known.running && (!running || replaced) && !isDeleted(known.pod)) {
    const exit = status?.state?.terminated ?? status?.lastState?.terminated;
    const detail = exitDetail(exit);
    if (known.dead !== known.containerId) tell("replica.exited", detail);
    known.dead = known.containerId;
    tell("replica.exit-noticed", detail);
    known.ready = false;
  }
  if (running && (!known.running || replaced)) {
    const startedAt = status?.state?.running?.startedAt;
    const detail = { restarts: status?.restartCount ?? 0, ...(startedAt === undefined ? {} : { startedAt }) };
    tell("replica.starting", detail);
    if (known.containerId !== undefined) tell("replica.restarted", detail);
  }
  if (known.running && !running && status?.state?.waiting?.reason === "CrashLoopBackOff") tell("replica.backoff");
  if (replaced) known.everReady = false;
  known.running = running;
  if (running) known.containerId = status?.containerID;
}

function noteDeletion(known: Known, tell: Tell): void {
  if (known.ending || !isDeleted(known.pod)) return;
  known.ending = true;
  tell("replica.ending");
}

function noteReadiness(known: Known, tell: Tell): void {
  const ready = condition(known.pod, "Ready")?.status === "True";
  if (known.ready === ready) return;
  known.ready = ready;
  known.everReady ||= ready;
  // Where it is ending or its container is gone, that has been said already.
  if (known.ending || !known.running) return;
  tell(ready ? "replica.ready" : "replica.unready");
}

/**
 * A pod has ended when its main container has exited; neither its deletion nor a rollout's status says so. The kubelet
 * writes the exit into the status of a pod that is being deleted before it lets the object go; where it did not, the
 * object's end is the latest moment.
 */
function noteEnd(known: Known, { gone, tell }: { gone: boolean; tell: Tell }): void {
  if (known.ended) return;
  const exit = mainStatus(known.pod)?.state?.terminated;
  const phase = known.pod.status?.phase;
  const over = phase === "Failed" || phase === "Succeeded";
  if (!gone && !over && !(known.ending && exit !== undefined)) return;
  known.ended = true;
  tell("replica.ended", exitDetail(exit));
}

function unknown(pod: Pod, service: ServiceName): Known {
  return {
    service,
    pod,
    containerId: undefined,
    running: false,
    ready: false,
    everReady: false,
    ending: false,
    ended: false,
    dead: undefined,
  };
}

function stateOf(known: Known): string {
  if (known.ending) return "terminating";
  if (known.running) return known.ready ? "ready" : known.everReady ? "unready" : "starting";
  if (known.pod.spec.nodeName === undefined) return "pending";
  const waiting = mainStatus(known.pod)?.state?.waiting?.reason ?? "ContainerCreating";
  if (waiting === "CrashLoopBackOff") return "backoff";
  if (known.containerId !== undefined) return "exited";
  // Whoever waits in vain wants to know that the image could not be pulled.
  return waiting === "ContainerCreating" || waiting === "PodInitializing" ? "starting" : waiting;
}

function exitDetail(exit: ContainerState["terminated"]): Record<string, unknown> {
  if (exit === undefined) return {};
  const { exitCode, finishedAt } = exit;
  return { exitCode, ...(finishedAt === undefined ? {} : { finishedAt }) };
}

function serviceOf(pod: Pod): ServiceName | undefined {
  const release = pod.metadata.labels?.[releaseLabel];
  return release === "catalogue" || release === "stock" ? release : undefined;
}

function isDeleted(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** The chart's container comes first; sidecars stand behind it. */
function mainStatus({ spec, status }: Pod): ContainerStatus | undefined {
  const name = spec.containers[0]?.name;
  return status?.containerStatuses?.find((candidate) => candidate.name === name);
}

function versionOf({ spec }: Pod): string {
  return spec.containers[0]?.env?.find(({ name }) => name === "SERVICE_VERSION")?.value ?? "";
}
