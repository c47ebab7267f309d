import { ClusterError } from "@holdfast/cluster";
import { check } from "../check.ts";
import { DRAINED_LABEL } from "../cordons.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import { isReady, type Pod } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

/** On the pods that a drain is about: it takes a node's pods of everybody else, too, and those are not ours to move. */
const GROUP_LABEL = "holdfast/e2e-drain";

const valuesOf = (group: string, opts: { node: string; replicas: number }) => ({
  ...QUICK,
  role: "stock",
  replicas: opts.replicas,
  podLabels: { [GROUP_LABEL]: group },
  // A drained node counts as no host (the chart says Honor), so that replacements find a place.
  spread: { zone: "off", host: "hard" },
  // So that every release has a pod on the node that is drained.
  nodeAffinity: {
    preferred: [
      {
        weight: 100,
        preference: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [opts.node] }] },
      },
    ],
  },
});

interface Drained {
  readonly node: string;
  readonly group: string;
  readonly releases: readonly string[];
  readonly withinSeconds: number;
}

/** Drains the node of this group's pods, and takes the node back. @throws Broken when a budget does not let it */
async function judge(room: Room, { node, group, releases, withinSeconds }: Drained): Promise<string> {
  const { kubectl } = room.cluster;
  const before = await Promise.all(releases.map((release) => room.pods(release)));
  const there = before.map((pods) => pods.filter(({ spec }) => spec.nodeName === node));
  const absent = releases.filter((_, index) => there[index]?.length === 0);
  if (absent.length > 0) throw new TooLittle(`${absent.join(", ")} had no pod on ${node}, so the drain shows nothing.`);

  await kubectl.run(["label", "node", node, `${DRAINED_LABEL}=true`, "--overwrite"], { signal: room.signal });
  try {
    const startedMs = performance.now();
    await kubectl.run(
      [
        "drain",
        node,
        `--pod-selector=${GROUP_LABEL}=${group}`,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        `--timeout=${withinSeconds}s`,
      ],
      { signal: room.signal, what: `drain ${node}` },
    );
    const seconds = (performance.now() - startedMs) / 1000;
    await room.waitFor<Pod, true>(["pods", "-l", `${GROUP_LABEL}=${group}`], {
      until: (pods) => {
        const ready = pods.filter((pod) => isReady(pod) && pod.spec.nodeName !== node);
        return ready.length === before.flat().length ? true : undefined;
      },
      withinSeconds: 60,
      otherwise: (pods) =>
        new Broken(
          `Not every pod is Ready elsewhere within 60 s: ${pods.filter(isReady).length} of ${before.flat().length}.`,
        ),
    });
    return `${node} was drained of one pod each of ${releases.join(", ")} in ${seconds.toFixed(1)} s, and all are Ready elsewhere.`;
  } catch (error) {
    if (!(error instanceof ClusterError && /disruption budget/.test(error.message))) throw error;
    throw new Broken(
      `The drain did not end within ${withinSeconds} s: it would violate the disruption budget of ${releases.join(", ")}.`,
    );
  } finally {
    // Without the signal: a node that stays cordoned would be somebody else's riddle.
    await kubectl.run(["uncordon", node]);
    await kubectl.run(["label", "node", node, `${DRAINED_LABEL}-`]);
  }
}

async function firstWorker(room: Room): Promise<string> {
  const [node] = await room.workers();
  if (!node) throw new TooLittle("There is no node that takes pods.");
  return node.metadata.name;
}

check("pdb", {
  async claim(room) {
    const node = await firstWorker(room);
    const group = "claim";
    const counts = [1, 2, 3];
    await Promise.all(
      counts.map((replicas) =>
        room.install({ release: `replicas-${replicas}`, values: valuesOf(group, { node, replicas }) }),
      ),
    );
    return judge(room, { node, group, releases: counts.map((replicas) => `replicas-${replicas}`), withinSeconds: 60 });
  },

  async control(room) {
    const node = await firstWorker(room);
    const group = "control";
    const replicas = 2;
    // The chart itself renders no such budget, hence one beside it.
    await room.install({
      release: "blocked",
      values: { ...valuesOf(group, { node, replicas }), pdb: { enabled: false } },
    });
    await room.apply({
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "blocks" },
      spec: { minAvailable: replicas, selector: { matchLabels: { [GROUP_LABEL]: group } } },
    });
    // Until its controller has counted, it lets nothing go at any rate: only then is it the budget that refuses.
    await room.kubectl(["wait", "pdb/blocks", "--for=jsonpath={.status.currentHealthy}=2", "--timeout=30s"]);
    return mustBreak(/would violate the disruption budget/, () =>
      judge(room, { node, group, releases: ["blocked"], withinSeconds: 8 }),
    );
  },
});
