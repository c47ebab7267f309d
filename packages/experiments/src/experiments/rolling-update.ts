import { experiment, type Lab } from "../experiment.ts";
import { ENDING, planned, STARTING } from "../pass.ts";

/** Due while some replica starts or ends; the design asks for this many. */
const MIN_SCHEDULED = 3000;
/**
 * A race that is lost about once in a drain (see the control announce-0) has to be run often enough to be lost at all:
 * nine drains leave it won every time once in 8 000 runs.
 */
const MIN_ROLLOUTS = 3;
/** In all, whatever the rate. */
const MIN_SENT = 10_000;
/** Where these do not bring enough evidence, more of the same would not either: the verdict is INVALID then. */
const MAX_ROLLOUTS = 5;
/**
 * Connections that each replica must hold before a rollout, or it is no victim. Its share of 100 is 33; about 10 more are
 * new ones at any time, most of them slow. So a dozen or more of these are kept alive, where the lab asks for 5.
 */
const MIN_CONNECTIONS = 26;
/** So old a kept-alive connection gets at most, so that after a rollout its replicas share the kept-alive clients again. */
const CONNECTION_MAX_AGE_SECONDS = 4;

/** In which every kept-alive connection has been used once, wherever it stands now. */
const SETTLED_SECONDS = 2;

/** E1. A new version replaces the old one, replica by replica, under load: no client notices. */
export const rollingUpdate = experiment({
  id: "E1",
  title: "Rolling update",
  targets: ["fleet", "kind"],
  hypothesis:
    "A rolling update loses no request: neither one that opens a connection, nor one on a kept-alive connection, nor one that takes 3 s and is under way when its replica is told to end.",
  load: { ratePerSecond: 300, persistentSockets: 100, slowShare: 0.05, slowMs: 3000 },
  on: {
    fleet: {
      system: { catalogue: { shutdown: { lagSeconds: 1.5 }, connectionMaxAgeSeconds: CONNECTION_MAX_AGE_SECONDS } },
    },
    // Four nodes, the platform and the client share the processors there, and a rollout takes half a minute.
    kind: {
      // The chart as it ships, but for shedding, which is another experiment's matter: a replica that gets no processor sheds.
      system: { catalogue: { shedAbove: 1 } },
      load: { ratePerSecond: 100, persistentSockets: 80 },
      methodWithinSeconds: 240,
    },
  },
  baselineSeconds: 5,
  methodWithinSeconds: 75,
  settleSeconds: 4,

  method: async (lab) => {
    for (let rollout = 1; rollout <= MAX_ROLLOUTS; rollout += 1) {
      await sharedConnections(lab);
      await lab.during(`rollout-${rollout}`, async () => {
        await lab.target.rollOut("catalogue", { version: `2.0.${rollout}`, signal: lab.signal });
        // A rollout's status is done when the new replicas are ready; the old ones still drain, and that is where requests are lost.
        await lab.target.settled("catalogue", { withinMs: 60_000, signal: lab.signal });
      });
      if (rollout >= MIN_ROLLOUTS && isEnough(lab)) return;
    }
  },

  pass: planned(({ load, timeoutMs }) => ({
    windows: [STARTING, ENDING],
    minScheduledInWindows: MIN_SCHEDULED,
    minSent: MIN_SENT,
    victims: ["replica.ending"],
    said: `0 failed, of at least ${MIN_SENT} requests and ${MIN_SCHEDULED} that are due while a replica starts or ends (${load.ratePerSecond} a second, half over new connections, half over ${load.persistentSockets} kept-alive ones, one in twenty takes ${load.slowMs / 1000} s); failed is whatever has no complete expected answer within ${timeoutMs / 1000} s`,
  })),

  // A rollout is complete or it is not: the lab's own repair and verification are all there is to undo.
  rollback: async ({ target, signal }) => target.settled("catalogue", { withinMs: 60_000, signal }),

  controls: [
    {
      name: "no-drain",
      because:
        "a replica that exits at SIGTERM drops the requests it is serving, and is still sent new ones until the balancer has heard of it",
      with: { catalogue: { shutdown: { enabled: false } } },
      predict: {
        fates: ["refused", "reset", "incomplete"],
        eachConnection: ["new", "persistent"],
        windows: ["ending"],
        // The process is gone at once; the endpoints' lag (1 s) is how long it is still sent new connections.
        slackMs: 1500,
        atLeast: 20,
      },
      // A pod's address goes with it, and what is still sent there is answered by nobody. On busy cores a node's kube-proxy
      // has been seen 4 s late: as late as the chart's preStop of 5 s allows for.
      // Of hundreds that are lost there, one or two may be lost elsewhere: others work on those cores too.
      predictOn: { kind: { fates: ["refused", "reset", "incomplete", "timeout"], slackMs: 5000, strays: 0.02 } },
    },
    {
      name: "announce-0",
      // A race of 20 ms, which a busy cluster may win every time.
      targets: ["fleet"],
      because:
        "kept-alive clients that were never told hold sockets which the replica closes under their next request; new connections are safe, since the lag has outlasted the endpoints",
      with: { catalogue: { shutdown: { announceSeconds: 0 } } },
      predict: {
        fates: ["reset", "incomplete"],
        connection: "persistent",
        windows: ["ending"],
        onVictims: true,
        // 150 persistent requests a second x 20 ms in which a request and a FIN can cross x a third of them x 9 drains = 9 expected.
        atLeast: 1,
      },
    },
  ],

  look: [
    "the lanes: each new replica is ready before an old one is told to end",
    "an ending replica's dots: they go on for the lag, thin out while it announces, and its 3 s requests come back last",
    "the failures' row is empty; in the control no-drain it is not, and says which moments lose what",
  ],
  hints: [
    "Kubernetes sends SIGTERM and removes the endpoint in parallel. Who is faster?",
    "A kept-alive connection was balanced once, when it was opened. What makes its client go elsewhere?",
    "How long is the longest request that is under way at SIGTERM, and what waits for it?",
  ],
  solution:
    "Wait first (a preStop sleep on Kubernetes, the lag here) until every balancer has forgotten the replica; then say `Connection: close` on every answer, so that kept-alive clients leave by themselves; only then stop listening, wait for what is under way at least as long as the longest allowed request, close dependencies, flush telemetry, exit 0. Each phase has a deadline, and the grace period is longer than their sum.",
});

/** The rule's numbers, with some to spare, since the ledger counts more exactly. */
function isEnough(lab: Lab): boolean {
  return lab.scheduledInWindows() > MIN_SCHEDULED * 1.05 && lab.stats().ended > MIN_SENT;
}

/** The replicas that were ready last got the fewest kept-alive clients; their age spreads these in time. */
async function sharedConnections(lab: Lab): Promise<void> {
  const replicas = await lab.target.replicas("catalogue");
  // Where nobody can tell, the ledger does: a victim that held too few makes the run INVALID.
  if (replicas.some(({ connections }) => connections === undefined)) return lab.pass({ seconds: SETTLED_SECONDS });
  await lab.until(`each replica to hold ${MIN_CONNECTIONS} connections`, {
    withinSeconds: 20,
    holds: async () =>
      (await lab.target.replicas("catalogue")).every(({ connections = 0 }) => connections >= MIN_CONNECTIONS),
  });
}
