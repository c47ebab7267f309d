/** What a fault may do to the agents that read the nodes' logs. Each returns when it has happened. */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "./errors.ts";
import type { List, Pod } from "./kubernetes-types.ts";
import { isReady } from "./kubernetes-types.ts";
import type { Cluster } from "./open.ts";
import { CONTENT_ANNOTATION } from "./platform-manifests.ts";
import { untilRolledOut } from "./rollout.ts";

const agent = { namespace: "telemetry", name: "log-agent" } as const;
const selectorOf = (name: string) => `app.kubernetes.io/name=${name}`;
const WITHIN_SECONDS = 90;
const ASK_AGAIN_MS = 300;

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends each agent's process a SIGKILL from its node, one `apartMs` (default 0) after another, and waits until all are ready again. A killed one
 * stores nothing on its way out; a pod that is deleted by force would get a SIGTERM first.
 *
 * @throws ClusterError BAD_OPTIONS (there is none), TIMEOUT, TOOL_FAILED, ABORTED
 */
export async function killLogAgents(
  cluster: Pick<Cluster, "kubectl" | "killContainer">,
  opts: { apartMs?: number | undefined } & Options = {},
): Promise<void> {
  const { apartMs = 0, signal } = opts;
  const before = await readAgents(cluster, { signal });
  if (before.length === 0) throw new ClusterError("BAD_OPTIONS", "No log agent runs.");
  await Promise.all(
    before.map(async (pod, index) => {
      if (apartMs > 0) await sleep(index * apartMs, undefined, signal === undefined ? {} : { signal });
      await cluster.killContainer({ node: pod.spec.nodeName ?? "", containerId: idOf(pod) });
    }),
  );
  const old = new Set(before.map((pod) => idOf(pod)));
  const giveUpAt = Date.now() + WITHIN_SECONDS * 1000;
  for (;;) {
    const now = await readAgents(cluster, { signal });
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

async function readAgents({ kubectl }: Pick<Cluster, "kubectl">, { signal }: Options): Promise<Pod[]> {
  const args = ["get", "pods", "-n", agent.namespace, "-l", selectorOf(agent.name)];
  return (await kubectl.json<List<Pod>>(args, { what: "read the log agents", signal })).items;
}

function idOf(pod: Pod): string {
  return pod.status?.containerStatuses?.[0]?.containerID ?? "";
}
