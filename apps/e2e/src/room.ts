/** A namespace of one check's own, restricted like every namespace of ours, and what checks do in it. */
import { untilReleaseReady, upgradeRelease, type Cluster, type List } from "@holdfast/cluster";
import path from "node:path";
import type { Node, Pod } from "./kubernetes.ts";
import { openSubject, type Subject } from "./subject.ts";
import { waitFor, type WaitOptions } from "./wait-for.ts";

/** Where `up` installs the service. */
export const APP_NAMESPACE = "holdfast";
/** On each namespace of a check, so that main finds what an interrupted one left. */
export const ROOM_LABEL = "holdfast/e2e";

function namespaceOf(id: string): string {
  return `holdfast-e2e-${id}`;
}

/** Quicker than the chart's defaults: the checks wait for pods to come and to end, and send nothing that takes long. */
export const QUICK = {
  longestRequestSeconds: 1,
  shutdown: { preStopSeconds: 1, announceSeconds: 1, drainSeconds: 1, closeSeconds: 1, flushSeconds: 1 },
  rollout: { minReadySeconds: 0 },
};

/**
 * For a service whose speed is looked at: what gets no time on its cores sheds, and gives requests up that take longer than the longest
 * allowed one. That says something of the machine and nothing of what the check takes away.
 */
export const STEADY = {
  ...QUICK,
  longestRequestSeconds: 5,
  shutdown: { ...QUICK.shutdown, drainSeconds: 5 },
  shedding: { above: 1 },
};

/** Seconds, where a machine is not busy. This is for one that is: slow is not wrong. */
const INSTALL_SECONDS = 180;

interface InstallOptions {
  /** The release's name. */
  readonly release: string;
  readonly values?: object;
  /** values-<profile>.yaml of the chart. */
  readonly profile?: string;
  /** Until everything is ready, and a scaler has raised it to its least; default true. */
  readonly wait?: boolean;
}

export interface Room extends Subject {
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Installs the chart with this checkout's image, or upgrades it. @throws ClusterError with Helm's sentence */
  install(opts: InstallOptions): Promise<void>;
  /** Of a release, without those that are ending. */
  pods(release: string): Promise<Pod[]>;
  /** That take pods of anybody: no control plane, nothing cordoned. */
  workers(): Promise<Node[]>;
  kubectl(args: readonly string[]): Promise<string>;
  json<T>(args: readonly string[]): Promise<T>;
  apply(...objects: object[]): Promise<void>;
  /** Switches a fault of the service on, on every replica of a release that has them enabled. */
  fault(release: string, fault: object): Promise<void>;
  /** Switches all of them off. */
  clearFaults(release: string): Promise<void>;
  waitFor<T, R>(args: readonly string[], opts: Omit<WaitOptions<T, R>, "signal">): Promise<R>;
}

export interface OpenRoom {
  /** The room for one half of the check, which ends with `signal`. */
  enter(signal: AbortSignal): Room;
  /** Removes the namespace; what it takes to end is not waited for. */
  close(): Promise<void>;
}

export async function openRoom(id: string): Promise<OpenRoom> {
  const subject = await openSubject();
  const namespace = namespaceOf(id);
  await createNamespace(subject.cluster, { namespace, id });
  return {
    enter: (signal) => roomOf(subject, { namespace, signal }),
    close: () => removeNamespace(subject.cluster, namespace),
  };
}

async function createNamespace(cluster: Cluster, opts: { namespace: string; id: string }): Promise<void> {
  const { namespace, id } = opts;
  // One of an earlier run may still be ending.
  await cluster.kubectl.run(["delete", "namespace", namespace, "--ignore-not-found", "--timeout=50s"], {
    what: `remove namespace ${namespace}, which an earlier run left`,
  });
  await cluster.kubectl.apply([
    {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: namespace,
        labels: { [ROOM_LABEL]: id, "pod-security.kubernetes.io/enforce": "restricted" },
      },
    },
  ]);
}

async function removeNamespace(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.kubectl.run(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"], {
    what: `remove namespace ${namespace}`,
  });
}

/** Of the service in its pod; no Service leads there. */
const ADMIN_PORT = 8081;

function roomOf(subject: Subject, { namespace, signal }: { namespace: string; signal: AbortSignal }): Room {
  const { cluster, image, chart } = subject;
  const inside = ["--namespace", namespace];
  const json = <T>(args: readonly string[]) => cluster.kubectl.json<T>([...args, ...inside], { signal });
  const pods = async (release: string) => {
    const { items } = await json<List<Pod>>(["get", "pods", "-l", `app.kubernetes.io/instance=${release}`]);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const onFaults = async (release: string, call: { method: "POST" | "DELETE"; body?: string }) => {
    for (const { metadata } of await pods(release)) {
      const at = `/api/v1/namespaces/${namespace}/pods/${metadata.name}:${ADMIN_PORT}/proxy/faults`;
      await cluster.kubectl.raw(at, { ...call, signal });
    }
  };
  return {
    ...subject,
    namespace,
    signal,
    async install({ release, values = {}, profile, wait = true }) {
      await upgradeRelease(cluster, {
        release,
        namespace,
        chart,
        values: { image, ...values },
        ...(profile === undefined ? {} : { valuesFiles: [path.join(chart, `values-${profile}.yaml`)] }),
        wait,
        timeoutSeconds: INSTALL_SECONDS,
        signal,
      });
      // A scaler raises a new release to its least after Helm has seen what it waits for.
      if (wait) await untilReleaseReady(cluster, { release, namespace, readyWithinSeconds: INSTALL_SECONDS, signal });
    },
    pods,
    async workers() {
      const { items } = await json<List<Node>>(["get", "nodes"]);
      return items.filter(
        ({ spec }) => !spec.unschedulable && !spec.taints?.some(({ effect }) => effect !== "PreferNoSchedule"),
      );
    },
    kubectl: (args) => cluster.kubectl.run([...args, ...inside], { signal }),
    json,
    apply: (...objects) => cluster.kubectl.apply(objects, { namespace, signal }),
    fault: (release, fault) => onFaults(release, { method: "POST", body: JSON.stringify(fault) }),
    clearFaults: (release) => onFaults(release, { method: "DELETE" }),
    waitFor: (args, opts) => waitFor(cluster.kubectl, { ...opts, args: [...args, ...inside], signal }),
  };
}
