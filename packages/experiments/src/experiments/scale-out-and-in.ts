import { experiment, type DefinedExperiment, type Facts, type Lab } from "../experiment.ts";
import { ENDING, planned, STARTING } from "../pass.ts";
import type { System } from "../system.ts";

/**
 * Requests a second for each replica that the scaler aims at, and the two rates, chosen so that the numbers leave no doubt. A
 * scaler does nothing within 10 % of its target. 118 a second are 18 % above what four replicas are to carry, so four do not
 * stay, and 6 % below what five are. 68 are 9 % below what the least of three are, so that nobody wants a fourth. More would tell
 * no more: two cores carry the client, four nodes and all replicas that start at once, and at 172 a second the client was late.
 */
const TARGET_PER_REPLICA = 25;
const LOW_PER_SECOND = 68;
const HIGH_PER_SECOND = 118;

const LEAST = 3;
const MOST = 7;
const SCALED_OUT_WITHIN_SECONDS = 90;
/** The scaler looks this often, whatever its metric's own pace: the controller manager's `--horizontal-pod-autoscaler-sync-period`. */
const LOOK_SECONDS = 15;
/**
 * A kept-alive connection stays with the replica that it was opened to until its age ends it. The chart's 60 s would do it too,
 * and take a minute longer; a much smaller age would leave fewer sockets on a replica that goes away than the lab asks for.
 */
const CONNECTION_MAX_AGE_SECONDS = 15;
/** The service's ages differ by up to a fifth, so that not all connections end at once. */
const AGE_SPREAD = 1.2;
/** How long the high rate is shared by all replicas before it goes: some 470 requests a replica. */
const HOLD_SECONDS = 20;
/** Until the kubelet's word of an end has come to whoever watches. */
const TELL_SECONDS = 3;
const ZONES_WITHIN_SECONDS = 10;
/** Two replicas start, often at once and within a second or two, and two end, one after the other, in some 8 s each. */
const MIN_SCHEDULED = 1000;
const MIN_SENT = 8000;

/** E8. The load rises by three quarters and falls again: replicas come and go after it, and no client notices. */
export const scaleOutAndIn = scalingExperiment({
  id: "E8",
  mode: "keda",
  title: "Scale out and in",
  scaler: "KEDA, which asks Prometheus for the requests a second of all replicas",
});

/** E8b. The same with Kubernetes' own scaler. */
export const scaleOutAndInByHpa = scalingExperiment({
  id: "E8b",
  mode: "hpa",
  title: "Scale out and in, by an HPA alone",
  scaler: "an HPA, which reads each pod's requests a second from custom.metrics.k8s.io",
});

function scalingExperiment(own: {
  id: string;
  mode: "keda" | "hpa";
  title: string;
  scaler: string;
}): DefinedExperiment {
  return experiment({
    id: own.id,
    title: own.title,
    targets: ["kind"],
    hypothesis: `When the load goes from ${LOW_PER_SECOND} to ${HIGH_PER_SECOND} requests a second, ${expectedReplicas()} replicas are ready within ${SCALED_OUT_WITHIN_SECONDS} s; when it goes back, so do they, to ${LEAST}, with one in every zone. Neither way loses a request. The scaler is ${own.scaler}.`,
    system: {
      catalogue: {
        // Shedding is another experiment's matter; on processors that others use too it would read their work as overload.
        shedAbove: 1,
        connectionMaxAgeSeconds: CONNECTION_MAX_AGE_SECONDS,
        autoscaling: {
          mode: own.mode,
          minReplicas: LEAST,
          maxReplicas: MOST,
          requestsPerSecondTarget: TARGET_PER_REPLICA,
        },
      },
    },
    // One in five takes 3 s, so that whoever goes away is serving some over both kinds of connection.
    load: { ratePerSecond: LOW_PER_SECOND, persistentSockets: 60, slowShare: 0.2, slowMs: 3000 },
    baselineSeconds: 10,
    // Both deadlines below, the hold between them and the look at the zones.
    methodWithinSeconds: 330,
    settleSeconds: 4,

    method: async (lab) => {
      const expected = expectedReplicas();
      await lab.during("step-up", async () => {
        lab.setRate(HIGH_PER_SECOND);
        await lab.until(`${expected} replicas to be ready`, {
          withinSeconds: SCALED_OUT_WITHIN_SECONDS,
          holds: async () => (await readyReplicas(lab)).length >= expected,
        });
        lab.mark("scaled-out");
      });
      await lab.pass({ seconds: CONNECTION_MAX_AGE_SECONDS * AGE_SPREAD });
      await measureShare(lab);
      await lab.during("step-down", async () => {
        lab.setRate(LOW_PER_SECOND);
        await lab.until(`all but ${LEAST} replicas to end`, {
          withinSeconds: scaledInWithinSeconds(lab.system),
          holds: async () => {
            const replicas = await lab.target.replicas("catalogue");
            return replicas.length === LEAST && replicas.every(({ ready }) => ready);
          },
        });
        lab.mark("scaled-in");
        await lab.until("a ready replica in every zone", {
          withinSeconds: ZONES_WITHIN_SECONDS,
          holds: async () => (await emptyZones(lab)).length === 0,
        });
      });
    },

    pass: planned((facts) => ({
      windows: [STARTING, ENDING],
      minScheduledInWindows: MIN_SCHEDULED,
      minSent: MIN_SENT,
      victims: ["replica.ending"],
      deadlines: [
        {
          name: "scaled out",
          from: "step-up.start",
          to: "scaled-out",
          withinMs: SCALED_OUT_WITHIN_SECONDS * 1000,
        },
        {
          name: "scaled in",
          from: "step-down.start",
          to: "scaled-in",
          withinMs: scaledInWithinSeconds(facts.system) * 1000,
        },
      ],
      said: saidBefore(facts),
    })),

    // The load goes back by itself, and the replicas after it.
    rollback: async ({ target, signal }) => target.settled("catalogue", { withinMs: 60_000, signal }),

    controls: [
      {
        name: "no-drain",
        because:
          "a replica that exits at SIGTERM drops what it is serving, and is still sent new connections until the balancer has heard of it: out is harmless, in is not",
        with: { catalogue: { shutdown: { enabled: false } } },
        predict: {
          // As in E1 on a cluster: an address that nobody answers any more, and a kube-proxy that may be 4 s late.
          fates: ["refused", "reset", "incomplete", "timeout"],
          eachConnection: ["new", "persistent"],
          windows: ["ending"],
          slackMs: 5000,
          // 34 new connections a second, of which a fifth and a fourth go to one that is gone, for a second each; and what is under way:
          // on each of the two some eight that take 3 s, half of them kept-alive.
          atLeast: 10,
          strays: 0.02,
        },
      },
    ],

    look: [
      "the lanes: how long after the step the first new replica is ready, and which of that time is the metric's, the scaler's and the start",
      "the new replicas' dots: new connections at once, kept-alive ones only as the old connections come of age",
      "on the way in one replica at a time goes, and each drains as in a rollout; in the control no-drain these are the moments that lose requests",
    ],
    hints: [
      "Which clients never notice that there are more replicas, and who makes them?",
      "Why does the scaler wait before it takes one away, and why only one at a time?",
      "What would it do on a metric that says nothing, when Prometheus is away?",
    ],
    solution:
      "Scale on what clients ask for (served and shed), not on what replicas manage; out at once, in slowly: a window in which nothing may ask for more, then one replica a period, or a step could empty a zone. A replica that goes drains as in any rollout. Kept-alive connections must come of age, or the new replicas get none of them.",
  });
}

/** As the scaler computes it: what is offered over what each is to carry, rounded up. */
function expectedReplicas(): number {
  return Math.ceil(HIGH_PER_SECOND / TARGET_PER_REPLICA);
}

/**
 * From the step down to the end of the last replica too many, at most. Had the scaler gone to its most, all of these have to go.
 */
function scaledInWithinSeconds({ catalogue, terminationGraceSeconds, platform }: System): number {
  const { minReplicas, maxReplicas, windowSeconds, scaleDownWindowSeconds, scaleDownPodsPeriodSeconds } =
    catalogue.autoscaling;
  // Until no second of the high rate is in the metric's window any more, and that has been scraped.
  const metric = windowSeconds + platform.scrapeSeconds;
  // Seen at the next look; then nothing within the window may ask for more, which the look after it finds.
  const decided = LOOK_SECONDS + scaleDownWindowSeconds + LOOK_SECONDS;
  // A look that comes some ms before the period is over finds that it is not.
  const each = scaleDownPodsPeriodSeconds + LOOK_SECONDS;
  return metric + decided + (maxReplicas - minReplicas - 1) * each + terminationGraceSeconds + TELL_SECONDS;
}

function saidBefore({ system, load, timeoutMs }: Facts): string {
  const { minReplicas, windowSeconds, scaleDownWindowSeconds, scaleDownPodsPeriodSeconds } =
    system.catalogue.autoscaling;
  return `0 failed, of at least ${MIN_SENT} requests and ${MIN_SCHEDULED} that are due while a replica starts or ends (half over new connections, half over ${load.persistentSockets} kept-alive ones, one in five takes ${load.slowMs / 1000} s; failed is whatever has no complete expected answer within ${timeoutMs / 1000} s); ${expectedReplicas()} replicas ready within ${SCALED_OUT_WITHIN_SECONDS} s of the step from ${load.ratePerSecond} to ${HIGH_PER_SECOND} requests a second at ${TARGET_PER_REPLICA} a replica; back at ${minReplicas} within ${scaledInWithinSeconds(system)} s of the step back (${windowSeconds} s of metric, ${scaleDownWindowSeconds} s in which nothing may ask for more, one replica in ${scaleDownPodsPeriodSeconds} s, the scaler's looks of ${LOOK_SECONDS} s and the last one's grace of ${system.terminationGraceSeconds} s); then a ready replica in every zone`;
}

async function readyReplicas({ target }: Lab) {
  return (await target.replicas("catalogue")).filter(({ ready }) => ready);
}

async function emptyZones(lab: Lab): Promise<string[]> {
  const taken = new Set((await readyReplicas(lab)).map(({ zone }) => zone));
  const zones = new Set((await lab.target.nodes()).flatMap(({ zone }) => zone ?? []));
  return [...zones].filter((zone) => !taken.has(zone));
}

/** How evenly all replicas are used, once the kept-alive clients have come of age. */
async function measureShare(lab: Lab): Promise<void> {
  const names = (await readyReplicas(lab)).map(({ name }) => name);
  const before = lab.stats().servedBy;
  await lab.pass({ seconds: HOLD_SECONDS });
  const after = lab.stats().servedBy;
  lab.measured("share", shareOf(names.map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)])));
}

/** Of the requests that these replicas answered: the busiest one's part, the idlest one's, and how many times as much the former is. */
export function shareOf(answered: readonly (readonly [name: string, count: number])[]) {
  const sum = answered.reduce((total, [, count]) => total + count, 0);
  const shares = Object.fromEntries(answered.map(([name, count]) => [name, sum === 0 ? 0 : round(count / sum, 4)]));
  const counts = answered.map(([, count]) => count);
  const [busiest, idlest] = [Math.max(...counts), Math.min(...counts)];
  const percent = (count: number) => `${round((100 * count) / Math.max(1, sum), 1)} %`;
  const ratio = idlest === 0 ? undefined : round(busiest / idlest, 2);
  return {
    said: `while ${answered.length} replicas shared the load, the busiest answered ${percent(busiest)} of it and the idlest ${percent(idlest)}${ratio === undefined ? "" : ` (${ratio} to 1)`}`,
    shares,
    ...(ratio === undefined ? {} : { ratio }),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
