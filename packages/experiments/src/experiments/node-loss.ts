import { experiment, type Facts, type Lab } from "../experiment.ts";
import { unplanned } from "../pass.ts";
import type { TargetNode } from "../target.ts";

const TOLERATION_SECONDS = 30;
/**
 * The toleration, and what comes before and after it: the loss has to be noticed, and a pod has to be scheduled, pulled,
 * started and be ready. The deadline is the experiment's: a control that tolerates more gets no more time.
 */
const REPLACED_WITHIN_MS = TOLERATION_SECONDS * 1000 + 90_000;
/** A node that comes back has heard of nothing: it must report, and end what was replaced meanwhile, with its full drain. */
const CLEAN_WITHIN_MS = 50_000;

/** E5. A node is gone without a word, with all that runs on it, and comes back later. */
export const nodeLoss = experiment({
  id: "E5",
  title: "Node loss",
  targets: ["kind"],
  hypothesis:
    "Losing one of three nodes costs at most one request on each kept-alive connection to it and its share of the new connections until the control plane notices; then a replacement is ready elsewhere, and the node comes back clean.",
  system: {
    tolerationSeconds: TOLERATION_SECONDS,
    // Two replicas carry three's load here, and shedding is another experiment's matter.
    catalogue: { shedAbove: 1 },
  },
  // A third of the new connections is lost for most of a minute: few enough to leave the client room, enough to see when it ends.
  load: { ratePerSecond: 60, persistentSockets: 50 },
  baselineSeconds: 5,
  methodWithinSeconds: 210,
  settleSeconds: 4,

  method: async (lab) => {
    const victim = await victimNode(lab);
    await lab.during("node-loss", async () => {
      for (const { name } of await replicasOn(lab, victim.name)) lab.mark("lost", { subject: name });
      await lab.target.loseNode(victim.name);
      await lab.until(`all replicas to be ready on other nodes than ${victim.name}`, {
        withinSeconds: REPLACED_WITHIN_MS / 1000,
        holds: async () => {
          const replicas = await lab.target.replicas("catalogue");
          const elsewhere = replicas.filter(({ ready, node }) => ready && node !== victim.name);
          return elsewhere.length >= lab.system.catalogue.replicas;
        },
      });
      lab.mark("replacement.ready", { subject: victim.name });
    });
    await lab.during("node-return", async () => {
      await lab.target.returnNode(victim.name);
      await lab.until(`${victim.name} to be ready and to have ended what it ran`, {
        withinSeconds: CLEAN_WITHIN_MS / 1000,
        holds: async () => {
          const node = (await lab.target.nodes()).find(({ name }) => name === victim.name);
          return node?.ready === true && (await replicasOn(lab, victim.name)).length === 0;
        },
      });
      lab.mark("return.clean", { subject: victim.name });
    });
    await lab.during("rollout-1", async () => {
      // Nothing moves a pod back by itself; the next rollout spreads them again.
      await lab.target.rollOut("catalogue", { version: "1.0.1", signal: lab.signal });
      await lab.target.settled("catalogue", { withinMs: 60_000, signal: lab.signal });
      await lab.until("the replicas to stand in as many zones as before", {
        withinSeconds: 1,
        holds: async () => (await zonesOf(lab)).size === Math.min(3, lab.system.catalogue.replicas),
      });
    });
  },

  pass: unplanned((facts) => {
    const { nodeNoticeMs, endpointLagMs } = facts.system.platform;
    const { onSockets, perSecond, atMost } = lossBounds(facts);
    const overWithinMs = nodeNoticeMs + endpointLagMs + 1000;
    return {
      windows: [{ name: "loss", from: "node.paused", to: "node.ready" }],
      minScheduledInWindows: 2000,
      victims: ["lost"],
      failedAtMost: {
        atMost,
        plusPerSpan: [{ name: "notice", from: "node.paused", to: "node.not-ready", perSecond, maxMs: nodeNoticeMs }],
      },
      overWithinMs,
      deadlines: [
        { name: "noticed", from: "node.paused", to: "node.not-ready", withinMs: nodeNoticeMs },
        { name: "replaced", from: "node.paused", to: "replacement.ready", withinMs: REPLACED_WITHIN_MS },
        // From when the method returns it: what the rollback returns has nobody to say that it is clean.
        {
          name: "returned clean",
          from: "node-return.start",
          to: "return.clean",
          withinMs: CLEAN_WITHIN_MS,
          sameSubject: false,
        },
      ],
      said: `at most ${atMost} failed (one on each of ${round(onSockets)} kept-alive connections to the node + ${round(perSecond * (endpointLagMs / 1000))} new ones until the balancer has heard of it + 3 standard deviations), and ${round(perSecond)} more for each second until the node is not ready, of which at most ${nodeNoticeMs / 1000} count; the last of them within ${overWithinMs / 1000} s; all replicas ready elsewhere within ${REPLACED_WITHIN_MS / 1000} s (toleration + 90 s); the node back and clean within ${CLEAN_WITHIN_MS / 1000} s; a rollout then spreads them again and loses nothing`,
    };
  }),

  rollback: async ({ target }) => {
    for (const { name, paused } of await target.nodes()) if (paused) await target.returnNode(name);
  },

  controls: [
    {
      name: "default-tolerations",
      because:
        "Kubernetes leaves the pods of a lost node bound to it for 300 s: two of three replicas carry everything for minutes, and no replacement comes in time",
      with: { tolerationSeconds: 300 },
      predict: {
        fates: ["timeout", "reset", "incomplete", "refused"],
        eachConnection: ["new"],
        // The requests that the loss costs with or without a replacement: what fails here is the time until it is there.
        when: { event: "node.paused", withinMs: 62_000 },
        atLeast: 60,
        codes: ["deadline-missed"],
        deadlines: ["replaced"],
      },
    },
  ],

  look: [
    "a third of the new connections times out until the node is not ready: it takes Kubernetes 40 to 50 s to say so",
    "kept-alive connections to the node: each is lost once, and its client goes elsewhere",
    "the replacement: it begins when the toleration is over, not when the node is lost",
  ],
  hints: [
    "Who could have known earlier than the control plane that the node is gone?",
    "Why does the lost pod's object stay, although a replacement runs?",
    "What would a client with a connect timeout of 300 ms and one retry have seen?",
  ],
  solution:
    "Nobody in the cluster can tell a lost node from a slow one for most of a minute, so the loss is bounded by the client: short connect timeouts and one retry of what is idempotent. Spread replicas over nodes and zones, so that one node is a third and not all; short tolerations for not-ready and unreachable nodes bring the replacement in a minute instead of five; and a later rollout, not the return of the node, spreads the replicas again.",
});

/**
 * The first node by name that carries the catalogue and none of what it depends on. With the only stock replica on it,
 * answers would be degraded for another reason than the loss of the catalogue's own replica, which E11 is about.
 */
async function victimNode(lab: Lab): Promise<TargetNode> {
  const busy = new Set((await lab.target.replicas("stock")).map(({ node }) => node));
  const carrying = new Set((await lab.target.replicas("catalogue")).map(({ node }) => node));
  const nodes = (await lab.target.nodes()).toSorted((a, b) => a.name.localeCompare(b.name));
  const victim = nodes.find(({ name }) => carrying.has(name) && !busy.has(name));
  if (!victim) throw new Error("every node with a catalogue replica carries stock too, so none can be lost alone");
  return victim;
}

async function replicasOn({ target }: Lab, node: string) {
  return (await target.replicas("catalogue")).filter((replica) => replica.node === node);
}

async function zonesOf({ target }: Lab): Promise<Set<string | undefined>> {
  return new Set((await target.replicas("catalogue")).map(({ zone }) => zone));
}

function lossBounds({ system, load }: Facts) {
  const { platform, catalogue } = system;
  const onSockets = load.persistentSockets / catalogue.replicas;
  const perSecond = load.ratePerSecond / 2 / catalogue.replicas;
  const afterNotice = perSecond * (platform.endpointLagMs / 1000);
  const mean = onSockets + afterNotice + perSecond * (platform.nodeNoticeMs / 1000);
  // Which replica a connection comes to is drawn by kube-proxy; 3 standard deviations leave one run in a thousand above.
  return { onSockets, perSecond, atMost: Math.ceil(onSockets + afterNotice + 3 * Math.sqrt(mean)) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
