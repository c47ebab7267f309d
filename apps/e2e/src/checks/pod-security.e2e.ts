import { ClusterError, type List } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Pod } from "../kubernetes.ts";
import { judgeExempt } from "../privileges.ts";
import { QUICK, type Room } from "../room.ts";

/**
 * Whose pods are ours, of the service and of the platform. Left out: kube-system (with metrics-server) and local-path-storage, which
 * hold what Kubernetes and kind bring.
 */
const OURS = ["holdfast", "monitoring", "keda"];

/** The one namespace that is privileged: its only program reads what the containers of a node have written. */
const EXEMPT = { namespace: "telemetry", program: "log-agent" };

/** Asks the API server whether this namespace, which enforces `restricted`, would take the pod. @returns why not */
async function refusalOf(room: Room, pod: Pod): Promise<string | undefined> {
  const { name, namespace } = pod.metadata;
  try {
    await room.cluster.kubectl.run(["create", "--dry-run=server", "-f", "-"], {
      input: JSON.stringify(asNew(pod, room.namespace)),
      signal: room.signal,
      what: `try pod ${name} of namespace ${namespace}`,
    });
    return undefined;
  } catch (error) {
    const violation = error instanceof ClusterError && /violates PodSecurity[^\n]*/.exec(error.message);
    if (!violation) throw error;
    return violation[0];
  }
}

/** @throws Broken where one of them would not be admitted */
async function judge(room: Room, pods: readonly Pod[]): Promise<string> {
  if (pods.length === 0) throw new TooLittle("There is no pod of ours to look at.");
  for (const pod of pods) {
    const refusal = await refusalOf(room, pod);
    if (refusal !== undefined) throw new Broken(`${pod.metadata.namespace}/${pod.metadata.name} ${refusal}`);
  }
  const byNamespace = Map.groupBy(pods, ({ metadata }) => metadata.namespace);
  return `All pods would be admitted: ${[...byNamespace].map(([name, all]) => `${all.length} of ${name}`).join(", ")}.`;
}

/** What was decided when the pod was made: these would be refused a second time, and none of them is about security. */
const DECIDED = new Set([
  "nodeName",
  "priority",
  "serviceAccountName",
  "serviceAccount",
  "topologySpreadConstraints",
  "affinity",
]);

/** The pod once more, in this namespace and by an account that it has. */
function asNew({ metadata, spec }: Pod, namespace: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `try-${metadata.uid}`, namespace, labels: metadata.labels },
    spec: Object.fromEntries(Object.entries(spec).filter(([name]) => !DECIDED.has(name))),
  };
}

/** @throws Broken where anything else runs in the exempt namespace, or what runs there takes more than it needs */
async function judgeException(room: Room): Promise<string> {
  const { namespace, program } = EXEMPT;
  const { items } = await room.cluster.kubectl.json<List<Pod>>(["get", "pods", "-n", namespace], {
    signal: room.signal,
  });
  const [one] = items;
  if (!one) throw new TooLittle(`There is no pod in ${namespace}, so nobody has looked there.`);
  const stranger = items.find(({ metadata }) => metadata.labels?.["app.kubernetes.io/name"] !== program);
  if (stranger)
    throw new Broken(
      `${namespace}/${stranger.metadata.name} is no ${program}, for which alone ${namespace} is exempt.`,
    );
  return judgeExempt(program, await refusalOf(room, one));
}

check("pod-security", {
  async claim(room) {
    const { kubectl } = room.cluster;
    const lists = await Promise.all(
      OURS.map((namespace) => kubectl.json<List<Pod>>(["get", "pods", "-n", namespace], { signal: room.signal })),
    );
    const empty = OURS.filter((_, index) => lists[index]?.items.length === 0);
    if (empty.length > 0) throw new TooLittle(`There is no pod in ${empty.join(" and ")}, so nobody has looked there.`);

    // Its namespace enforces it, so that it starts there at all, `helm test` included, is the proof.
    await room.install({ release: "stock", values: { ...QUICK, role: "stock", replicas: 1 } });
    await room.cluster.helm.test("stock", room.namespace, { timeoutSeconds: 120, signal: room.signal });
    const own = await room.pods("stock");
    const admitted = await judge(room, [...lists.flatMap(({ items }) => items), ...own]);
    return `${admitted} In ${EXEMPT.namespace} ${await judgeException(room)}.`;
  },

  control: (room) =>
    mustBreak(/violates PodSecurity "restricted.*privileged/, () => {
      const privileged = {
        metadata: { name: "privileged", namespace: room.namespace, uid: "privileged" },
        spec: {
          containers: [
            {
              name: "all",
              image: `${room.image.repository}:${room.image.tag}`,
              securityContext: { privileged: true },
            },
          ],
        },
        status: { phase: "Pending" },
      };
      return judge(room, [privileged]);
    }),
});
