/** What a fault may do to the store of the logs and to the agents that feed it. Each returns when it has happened. */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "./errors.ts";
import type { List, Pod } from "./kubernetes-types.ts";
import { isReady } from "./kubernetes-types.ts";
import type { Cluster } from "./open.ts";
import { CONTENT_ANNOTATION } from "./platform-manifests.ts";
import { untilRolledOut } from "./rollout.ts";

const store = { namespace: "monitoring", name: "victoria-logs" } as const;
const agent = { namespace: "telemetry", name: "log-agent" } as const;
const selectorOf = (name: string) => `app.kubernetes.io/name=${name}`;
/** VictoriaLogs was gone 2 s after it was told, and ready again 5 s after its start. */
const WITHIN_SECONDS = 90;
const ASK_AGAIN_MS = 300;

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** Scales VictoriaLogs to nothing and waits until its pod is gone. What it has stored stays on its volume. */
export async function stopLogStore({ kubectl }: Pick<Cluster, "kubectl">, opts: Options = {}): Promise<void> {
  const { signal } = opts;
  const what = "stop VictoriaLogs";
  await kubectl.run(["scale", `statefulset/${store.name}`, "-n", store.namespace, "--replicas=0"], { what, signal });
  await kubectl.run(
    [
      "wait",
      "pods",
      "-n",
      store.namespace,
      "-l",
      selectorOf(store.name),
      "--for=delete",
      `--timeout=${WITHIN_SECONDS}s`,
    ],
    { what, timeoutMs: (WITHIN_SECONDS + 10) * 1000, signal },
  );
}

/** Starts VictoriaLogs again, and waits until it answers; where it runs, that is at once. */
export async function startLogStore({ kubectl }: Pick<Cluster, "kubectl">, opts: Options = {}): Promise<void> {
  const { signal } = opts;
  await kubectl.run(["scale", `statefulset/${store.name}`, "-n", store.namespace, "--replicas=1"], {
    what: "start VictoriaLogs",
    signal,
  });
  await untilRolledOut(kubectl, {
    namespace: store.namespace,
    what: "VictoriaLogs",
    kinds: ["StatefulSet"],
    selector: selectorOf(store.name),
    atLeast: 1,
    timeoutSeconds: WITHIN_SECONDS,
    signal,
  });
}

/**
 * Ends the agent of one node, or of all, and waits until new ones are ready. Told to end, it stores its offsets; with `force` its process gets a
 * SIGKILL from its node, which stores nothing, one node's `apartMs` (default 0) after another's. (A forced deletion of the pod would send it a
 * SIGTERM first.)
 */
export async function restartLogAgent(
  cluster: Pick<Cluster, "kubectl" | "killContainer">,
  opts: { node?: string | undefined; force?: boolean | undefined; apartMs?: number | undefined } & Options = {},
): Promise<void> {
  const { node, force = false, apartMs = 0, signal } = opts;
  const { kubectl } = cluster;
  const before = await readAgents(cluster, { node, signal });
  if (before.length === 0) {
    throw new ClusterError("BAD_OPTIONS", `No log agent runs${node === undefined ? "" : ` on node ${node}`}.`);
  }
  if (force) {
    await Promise.all(
      before.map(async (pod, index) => {
        if (apartMs > 0) await sleep(index * apartMs, undefined, signal === undefined ? {} : { signal });
        await cluster.killContainer({ node: pod.spec.nodeName ?? "", containerId: idOf(pod) });
      }),
    );
  } else {
    await kubectl.run(
      ["delete", "pods", "-n", agent.namespace, "--wait=false", ...before.map(({ metadata }) => metadata.name)],
      { what: "end the log agents", signal },
    );
  }
  const old = new Set(before.map((pod) => idOf(pod)));
  const giveUpAt = Date.now() + WITHIN_SECONDS * 1000;
  for (;;) {
    const now = await readAgents(cluster, { node, signal });
    const renewed = now.filter((pod) => isReady(pod) && !old.has(idOf(pod)));
    if (renewed.length >= before.length && renewed.length === now.length) return;
    if (Date.now() > giveUpAt) {
      throw new ClusterError(
        "TIMEOUT",
        `Waited ${WITHIN_SECONDS} s for the log agents to be ready again; ${renewed.length} of ${before.length} are.`,
      );
    }
    await sleep(ASK_AGAIN_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Where the agents keep what the store has not taken yet: on the node's disk, or in memory alone. Waits until all agents are of that kind. */
export async function setLogAgentQueue(
  { kubectl }: Pick<Cluster, "kubectl">,
  storage: "disk" | "memory",
  opts: Options = {},
): Promise<void> {
  const { signal } = opts;
  const what = `let the log agents queue ${storage === "disk" ? "on disk" : "in memory"}`;
  const env = [{ name: "QUEUE_STORAGE", value: storage === "disk" ? "file_storage" : "" }];
  const patch = {
    // Without it the next `up` takes the agent for changed and puts it back, should nobody do so before.
    metadata: { annotations: { [CONTENT_ANNOTATION]: null } },
    spec: { template: { spec: { containers: [{ name: agent.name, env }] } } },
  };
  await kubectl.run(
    ["patch", "daemonset", agent.name, "-n", agent.namespace, "--type=strategic", "-p", JSON.stringify(patch)],
    { what, signal },
  );
  await untilRolledOut(kubectl, {
    namespace: agent.namespace,
    what: "the log agents",
    kinds: ["DaemonSet"],
    selector: selectorOf(agent.name),
    timeoutSeconds: WITHIN_SECONDS,
    signal,
  });
}

async function readAgents(
  { kubectl }: Pick<Cluster, "kubectl">,
  opts: { node: string | undefined } & Options,
): Promise<Pod[]> {
  const onNode = opts.node === undefined ? [] : [`--field-selector=spec.nodeName=${opts.node}`];
  const args = ["get", "pods", "-n", agent.namespace, "-l", selectorOf(agent.name), ...onNode];
  return (await kubectl.json<List<Pod>>(args, { what: "read the log agents", signal: opts.signal })).items;
}

function idOf(pod: Pod): string {
  return pod.status?.containerStatuses?.[0]?.containerID ?? "";
}
