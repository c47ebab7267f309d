/**
 * The way of a log line, as far as a run may disturb it: the store, and whoever ships lines there. What a run has taken away it
 * brings back, and what a killed run has left is put right by the next.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  killLogAgents,
  PLATFORM_NAMESPACE,
  platformWorkloads,
  queryLogs,
  releaseLabel,
  setLogAgentQueue,
  startPlatformWorkload,
  stopPlatformWorkload,
  type Cluster,
  type DaemonSet,
  type List,
  type Pod,
  type StatefulSet,
} from "@holdfast/cluster";
import { nowMs, pause } from "../clock.ts";
import { ExperimentError, sentenceOf } from "../errors.ts";
import type { System } from "../system.ts";
import type { TargetPlatform } from "../target-platform.ts";
import { findObject } from "./find-object.ts";

/** As k8s/platform names them. */
const STORE = [platformWorkloads.victoriaLogs, "-n", PLATFORM_NAMESPACE];
const AGENT = ["daemonset/log-agent", "-n", "telemetry"];
/** Of the chart. */
const SIDECAR = "log-shipper";
/** A container that died for the first time is restarted at once, for the third time within ten minutes after 20 s. */
const RESTARTED_WITHIN_MS = 60_000;
const ASK_AGAIN_MS = 500;
/** An agent takes a second of a processor to start. Four at once starve the client where all nodes share two, and then nobody can conclude anything. */
const BETWEEN_AGENTS_MS = 2500;

type Queue = System["platform"]["logQueue"];

export interface LogPlatform {
  readonly calls: Pick<
    TargetPlatform,
    "stopLogStore" | "startLogStore" | "killLogShippers" | "queryLogs" | "isDisturbed" | "look"
  >;
  /** Makes it as the system says. What an earlier run has left is put right first, and said. A cluster without it is left as it is. */
  prepare(opts: { signal: AbortSignal }): Promise<void>;
  /** Brings back what is away. */
  repair(): Promise<void>;
  /** After the run: as a cluster has it, whatever the system said. */
  restore(): Promise<void>;
}

interface LogPlatformOptions {
  readonly cluster: Cluster;
  readonly system: System;
  /** Of the lab. */
  readonly namespace: string;
  readonly note: (sentence: string) => void;
}

/** The container in a replica's pod that ships its lines. */
interface Sidecar {
  readonly pod: string;
  readonly node: string;
  readonly containerId: string;
  readonly ready: boolean;
}

export function createLogPlatform(opts: LogPlatformOptions): LogPlatform {
  const { cluster, system, namespace, note } = opts;
  const { kubectl } = cluster;
  const bySidecar = system.catalogue.logShipping === "sidecar";
  // Where sidecars ship, the agents' queue is not what the system speaks of.
  const wanted = bySidecar ? "disk" : system.platform.logQueue;
  let disturbed = false;
  let away = false;
  /** As it is set now, since we set it. */
  let queue: Queue = "disk";

  function findBoth(signal?: AbortSignal): Promise<[StatefulSet | undefined, DaemonSet | undefined]> {
    return Promise.all([
      findObject<StatefulSet>(kubectl, STORE, { signal }),
      findObject<DaemonSet>(kubectl, AGENT, { signal }),
    ]);
  }

  async function killShippers(): Promise<void> {
    disturbed = true;
    if (!bySidecar) return killLogAgents(cluster, { apartMs: BETWEEN_AGENTS_MS });
    const sidecars = await readSidecars();
    if (sidecars.length === 0) {
      throw new ExperimentError("TARGET_FAILED", "No replica has a sidecar that ships logs, so none could be killed.");
    }
    // A pod is not ready while its sidecar is not: one after the other, as nobody would restart all replicas at once.
    for (const sidecar of sidecars) await killSidecar(sidecar);
  }

  async function readSidecars(): Promise<Sidecar[]> {
    const selector = `${releaseLabel} in (catalogue, stock)`;
    const { items } = await kubectl.json<List<Pod>>(["get", "pods", "-n", namespace, "-l", selector]);
    return items.flatMap((pod) => (pod.metadata.deletionTimestamp === undefined ? (sidecarOf(pod) ?? []) : []));
  }

  async function killSidecar({ pod, node, containerId }: Sidecar): Promise<void> {
    await cluster.killContainer({ node, containerId });
    const giveUpMs = nowMs() + RESTARTED_WITHIN_MS;
    for (;;) {
      const now = (await readSidecars()).find((sidecar) => sidecar.pod === pod);
      // A pod that is gone has nothing left to ship.
      if (now === undefined || (now.ready && now.containerId !== containerId)) return;
      if (nowMs() >= giveUpMs) {
        throw new ExperimentError(
          "TARGET_FAILED",
          `Within ${RESTARTED_WITHIN_MS / 1000} s the sidecar of ${pod} was not restarted.`,
        );
      }
      await sleep(ASK_AGAIN_MS);
    }
  }

  async function setQueue(to: Queue): Promise<void> {
    // Before it is set: whatever happens next, it is to be set back.
    queue = to;
    await setLogAgentQueue(cluster, to);
  }

  async function startStore(): Promise<void> {
    await startPlatformWorkload(cluster, platformWorkloads.victoriaLogs);
    away = false;
  }

  return {
    calls: {
      async stopLogStore() {
        disturbed = true;
        // Before it is gone: whatever happens next, it is to come back.
        away = true;
        await stopPlatformWorkload(cluster, platformWorkloads.victoriaLogs);
      },
      startLogStore: startStore,
      killLogShippers: killShippers,
      queryLogs: ({ filter, fields, signal }) =>
        queryLogs(cluster, {
          query: `{k8s.namespace.name=${JSON.stringify(namespace)}} ${filter} | fields ${fields.map((field) => JSON.stringify(field)).join(", ")}`,
          ...(signal ? { signal } : {}),
        }),
      isDisturbed: () => disturbed,
      async look({ signal }) {
        for (;;) {
          const [store, agent] = await findBoth();
          const missing = [
            ...(isStoreReady(store) ? [] : ["the log store is not ready"]),
            ...(isAgentReady(agent) ? [] : ["not every node's log agent is ready"]),
            ...(agent && queueOf(agent) !== wanted ? [`the log agents' queue is not on ${wanted}`] : []),
          ];
          if (missing.length === 0) return "the log store and the log agents are ready";
          if (signal.aborted) throw new Error(missing.join(", and "));
          await pause(ASK_AGAIN_MS, signal).catch(() => {});
        }
      },
    },
    async prepare({ signal }) {
      const [store, agent] = await findBoth(signal);
      if (store && (store.spec.replicas ?? 1) === 0) {
        note("bringing the log store back, which an earlier run has taken away");
        await startStore();
      }
      if (!agent) return;
      const found = queueOf(agent);
      if (found === wanted) {
        queue = found;
        return;
      }
      note(
        wanted === "disk"
          ? "putting the log agents' queue back on the disk, where an earlier run has not left it"
          : "putting the log agents' queue into memory",
      );
      await setQueue(wanted);
    },
    async repair() {
      if (away) await startStore();
    },
    async restore() {
      const failed: unknown[] = [];
      if (away) await startStore().catch((error: unknown) => failed.push(error));
      if (queue !== "disk") await setQueue("disk").catch((error: unknown) => failed.push(error));
      if (failed.length > 0) {
        throw new ExperimentError("TARGET_FAILED", `The way of the logs was not restored: ${sentenceOf(failed[0])}.`, {
          cause: failed[0],
        });
      }
    },
  };
}

function sidecarOf({ metadata, spec, status }: Pod): Sidecar | undefined {
  const container = status?.initContainerStatuses?.find(({ name }) => name === SIDECAR);
  if (container?.containerID === undefined || spec.nodeName === undefined) return undefined;
  const { containerID: containerId, state, ready } = container;
  return { pod: metadata.name, node: spec.nodeName, containerId, ready: ready && state?.running !== undefined };
}

function isStoreReady(store: StatefulSet | undefined): boolean {
  return store !== undefined && store.spec.replicas !== 0 && (store.status?.readyReplicas ?? 0) > 0;
}

function isAgentReady(agent: DaemonSet | undefined): boolean {
  const { desiredNumberScheduled = 0, numberReady = 0 } = agent?.status ?? {};
  return desiredNumberScheduled > 0 && numberReady >= desiredNumberScheduled;
}

function queueOf({ spec }: DaemonSet): Queue {
  const [container] = spec.template.spec.containers;
  return container?.env?.find(({ name }) => name === "QUEUE_STORAGE")?.value ? "disk" : "memory";
}
