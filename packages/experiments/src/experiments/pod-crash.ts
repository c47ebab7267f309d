import { experiment, type Facts } from "../experiment.ts";
import { unplanned } from "../pass.ts";
import type { System } from "../system.ts";

/** A quick answer's share of what is in flight, ms: two link delays and the work. */
const QUICK_MS = 50;
/**
 * Most services take seconds to start. Ours takes a quarter of one, and a single replica would be back before the loss of
 * it all could be told from the loss of a third.
 */
const EXTRA_START_SECONDS = 2;
/**
 * On a cluster a connection that meets no replica is not refused but unanswered, and its client's system asks again after 1
 * and 3 s. Who is back within the client's patience of 5 s has hardly been away: a single replica must be longer.
 */
const EXTRA_START_ON_KIND_SECONDS = 6;
/**
 * Whoever dies right after one look at the containers is noticed at the next, the whole notice time later, and on a busy machine
 * whoever looks is some ms late. As late as the lab lets its own clients be; what may fail does not grow by it.
 */
const NOTICE_TELL_MS = 100;
/** What the start of a container or a process takes on two busy cores, with the first look of its probes. */
const START_MS = 4000;

/** E3. A replica dies without a word: it is restarted, and what is lost is bounded in number and in time. */
export const podCrash = experiment({
  id: "E3",
  title: "Pod crash",
  targets: ["fleet", "kind"],
  hypothesis:
    "Killing one of three replicas costs at most the requests that it was serving, and its share of the new connections until its death is noticed and the balancer has heard of it; it is restarted and ready again within seconds.",
  system: { catalogue: { extraStartSeconds: EXTRA_START_SECONDS } },
  load: { ratePerSecond: 100, persistentSockets: 90, slowShare: 0.05, slowMs: 3000 },
  on: {
    kind: {
      // As on the fleet: with the client and four nodes on two cores, others' work reads as overload.
      system: { catalogue: { shedAbove: 1, extraStartSeconds: EXTRA_START_ON_KIND_SECONDS } },
      // A slower readiness probe, and a kubelet: the configured times alone allow for more.
      methodWithinSeconds: 40,
    },
  },
  baselineSeconds: 5,
  methodWithinSeconds: 12,
  settleSeconds: 4,

  method: async (lab) => {
    const victim = await lab.anyReplica();
    const { readyWithinMs } = crashTimes(lab.system);
    await lab.during("crash", async () => {
      lab.mark("kill", { subject: victim.name });
      await lab.target.kill(victim);
      await lab.until(`${victim.name} to be restarted and ready`, {
        withinSeconds: readyWithinMs / 1000 + 1,
        holds: async () => {
          const now = (await lab.target.replicas("catalogue")).find(({ name }) => name === victim.name);
          return now !== undefined && now.ready && now.restarts === victim.restarts + 1;
        },
      });
      // The balancer has to hear of it too.
      await lab.target.settled("catalogue", { withinMs: 10_000, signal: lab.signal });
    });
  },

  pass: unplanned((facts) => {
    const { exitNoticeMs, endpointLagMs } = facts.system.platform;
    const { inFlight, perSecond, chance } = crashBounds(facts);
    const { blindMs, readyWithinMs } = crashTimes(facts.system);
    const atMost = Math.ceil(inFlight + perSecond * (endpointLagMs / 1000) + chance);
    return {
      windows: [
        { name: "crash", from: "replica.exited", to: ["replica.ready", "replica.ended"], unclosed: "until-end" },
      ],
      minScheduledInWindows: 30,
      // Its sockets fall at the kill, a moment before whoever killed it can say so.
      victims: ["kill"],
      failedAtMost: {
        atMost,
        plusPerSpan: [
          {
            name: "notice",
            from: "replica.exited",
            to: "replica.exit-noticed",
            perSecond,
            maxMs: exitNoticeMs,
          },
        ],
      },
      // After the blind time nothing is sent there any more; one look of a probe to spare.
      overWithinMs: blindMs + 1000,
      deadlines: [
        {
          name: "noticed",
          from: "replica.exited",
          to: "replica.exit-noticed",
          withinMs: exitNoticeMs + NOTICE_TELL_MS,
        },
        { name: "restarted", from: "replica.exited", to: "replica.restarted", withinMs: readyWithinMs },
        { name: "ready again", from: "replica.exited", to: "replica.ready", withinMs: readyWithinMs },
      ],
      said: `at most ${atMost} failed (${round(inFlight)} under way on the victim + ${round(perSecond * (endpointLagMs / 1000))} new connections sent to it in the ${endpointLagMs / 1000} s until the balancer has heard of its death + 3 standard deviations), and ${round(perSecond)} more for each second until its death was noticed, of which at most ${exitNoticeMs / 1000} count; the last of them within ${(blindMs + 1000) / 1000} s; restarted and ready within ${readyWithinMs / 1000} s`,
    };
  }),

  // What nobody has restarted by now is replaced.
  rollback: async ({ target, signal }) => target.repair({ signal }),

  controls: [
    {
      name: "one-replica",
      because: "there is no other replica to send to: every request fails until the only one is back",
      with: { catalogue: { replicas: 1 } },
      predict: {
        fates: ["refused", "reset", "incomplete", "timeout", "unsent"],
        eachConnection: ["new", "persistent"],
        when: { event: "crash.start", withinMs: 15_000 },
        atLeast: 60,
        codes: ["failures-over-bound", "failures-too-late"],
      },
    },
    {
      name: "no-self-healing",
      because: "nothing restarts the dead replica, and the balancer goes on sending every third new connection to it",
      targets: ["fleet"],
      with: { selfHealing: false },
      predict: {
        fates: ["refused", "reset", "incomplete"],
        // Kept-alive ones are hurt at the crash only, and few or none may be in flight then.
        eachConnection: ["new"],
        when: { event: "crash.start", withinMs: 60_000 },
        atLeast: 60,
        codes: ["failures-over-bound", "failures-too-late", "deadline-missed"],
      },
    },
  ],

  look: [
    "the gap in the victim's lane, and how long it is against the time in which requests fail",
    "which requests fail: new connections until the balancer knows, kept-alive ones at the very moment of the crash only",
    "the restarts of the victim: its name stays, since the container is restarted in its pod",
  ],
  hints: [
    "Who notices first: the kubelet, or whoever sends requests?",
    "Would a faster readiness probe have helped? Which component saw the exit?",
    "What would a client that retries once have seen?",
  ],
  solution:
    "Nothing can be drained in a crash, so the loss is bounded by numbers alone: more replicas make the share smaller, and the time until the balancer knows is the platform's. What the service can do is start fast, keep no state, and have clients that may retry what is idempotent.",
});

function crashBounds({ system, load }: Facts) {
  const { ratePerSecond, slowShare, slowMs } = load;
  const perReplica = ratePerSecond / system.catalogue.replicas;
  // Little's law: arrivals times how long each stays.
  const inFlight = perReplica * (slowShare * (slowMs / 1000) + (1 - slowShare) * (QUICK_MS / 1000));
  // Kept-alive connections fall at once; new ones go on being sent there.
  const perSecond = perReplica / 2;
  const mean = inFlight + perSecond * (crashTimes(system).blindMs / 1000);
  // All are counts of random arrivals; 3 standard deviations leave one run in a thousand above.
  return { inFlight, perSecond, chance: 3 * Math.sqrt(mean) };
}

function crashTimes({ platform, catalogue, probes }: System) {
  return {
    // Seen by the kubelet, then heard of by the balancer.
    blindMs: platform.exitNoticeMs + platform.endpointLagMs,
    readyWithinMs:
      platform.exitNoticeMs + START_MS + (catalogue.extraStartSeconds + probes.readiness.periodSeconds) * 1000,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
