import { experiment, type Facts, type Lab } from "../experiment.ts";
import { planned } from "../pass.ts";

/** Each state of the dependency lasts so long: more than twice the time in which the breaker must have opened. */
const STATE_SECONDS = 6;
/** Far beyond every limit: the attempt's, and the client's. */
const SLOW_MS = 6000;
/** How often the breakers are looked at; a deadline allows for one look. */
const LOOK_EVERY_MS = 200;
/** Two busy cores. */
const SPARE_MS = 1000;

/** E11. What the catalogue depends on becomes slow, then is gone, then comes back. */
export const dependency = experiment({
  id: "E11",
  title: "Dependency slow, gone, back",
  targets: ["fleet"],
  hypothesis:
    "When stock is slow or gone the catalogue answers every request in time: those about a product degraded and saying so, all others in full. Its breakers open, and close again when stock is back.",
  load: { ratePerSecond: 100, persistentSockets: 120, mix: { list: 0.35, product: 0.5, order: 0.15 } },
  watch: [
    { service: "catalogue", metric: "circuit_breaker_state", label: "state", event: "breaker", everyMs: LOOK_EVERY_MS },
  ],
  baselineSeconds: 5,
  methodWithinSeconds: 60,
  settleSeconds: 4,

  method: async (lab) => {
    await lab.during("dependency", async () => {
      await lab.during("slow", async () => {
        for (const replica of await lab.target.replicas("stock")) {
          await lab.target.fault(replica, { fault: "latency", delayMs: SLOW_MS, ttlSeconds: 60 });
        }
        await markEach(lab, "stock.slow");
        await lab.pass({ seconds: STATE_SECONDS });
      });
      await lab.during("gone", async () => {
        await lab.target.scale("stock", 0);
        await lab.until("the last of stock to end", {
          withinSeconds: 20,
          holds: async () => (await lab.target.replicas("stock")).length === 0,
        });
        await lab.pass({ seconds: STATE_SECONDS });
      });
      await lab.during("back", async () => {
        const scaled = lab.target.scale("stock", lab.system.stock.replicas);
        // Ready is before the balancer knows, so no breaker can have closed yet.
        await Promise.all([
          scaled,
          lab
            .until("stock to be ready", { withinSeconds: 15, holds: async () => isReady(lab) })
            .then(() => markEach(lab, "stock.back")),
        ]);
        await lab.pass({ seconds: STATE_SECONDS });
      });
    });
  },

  pass: planned((facts) => {
    const { opensWithinMs, closesWithinMs } = breakerBounds(facts);
    return {
      windows: [
        { name: "dependency", from: "dependency.start", to: "dependency.end" },
        // A slow replica of stock is slow until it has ended.
        { name: "slow", from: "slow.start", to: "stock.replica.ended", sameSubject: false },
      ],
      minScheduledInWindows: 1500,
      degraded: { allowed: "in-windows", windows: ["dependency"], graceMs: facts.timeoutMs, atLeast: 300 },
      deadlines: [
        { name: "breaker opens", from: "stock.slow", to: "breaker.open", withinMs: opensWithinMs },
        { name: "breaker closes", from: "stock.back", to: "breaker.closed", withinMs: closesWithinMs },
      ],
      said: `0 failed; degraded answers only while stock is slow, gone or coming back; each replica's breaker open within ${opensWithinMs / 1000} s after stock became slow, and closed within ${closesWithinMs / 1000} s after it was ready again`,
    };
  }),

  rollback: async ({ target, system, signal }) => {
    for (const replica of await target.replicas("stock")) await target.clearFaults(replica);
    await target.scale("stock", system.stock.replicas);
    await target.settled("stock", { withinMs: 30_000, signal });
  },

  controls: [
    {
      name: "no-deadline",
      because:
        "an attempt may take longer than any client waits, so requests about a product hang with the dependency instead of being answered without it",
      with: { catalogue: { stockClient: { attemptTimeoutMs: 9000 } } },
      predict: {
        fates: ["timeout"],
        eachConnection: ["new", "persistent"],
        requests: ["product"],
        windows: ["slow"],
        // A call that began before its end is still waited for.
        slackMs: 3000,
        atLeast: 50,
      },
    },
  ],

  look: [
    "degraded answers begin with the first time-outs and become quick when the breaker opens",
    "requests that need no stock: their latency does not change",
    "after `back` the breakers close one by one, each at its own next try",
  ],
  hints: [
    "Slow is worse than gone. Why?",
    "What does a breaker save: the answer, or the time?",
    "Why does readiness not fail, although a dependency is gone?",
  ],
  solution:
    "Every call has a deadline below its caller's, retries come out of a budget, a breaker stops asking what does not answer, and there is something to answer without it: the last known stock, or that it is unknown, said in the answer. Readiness knows nothing of it, since a shared dependency would make every replica unready at once.",
});

/** One event about each catalogue replica, so that each one's breaker has a deadline of its own. */
async function markEach(lab: Lab, name: string): Promise<void> {
  for (const replica of await lab.target.replicas("catalogue")) lab.mark(name, { subject: replica.name });
}

async function isReady({ target, system }: Lab): Promise<boolean> {
  return (await target.replicas("stock")).filter(({ ready }) => ready).length === system.stock.replicas;
}

function breakerBounds({ system, load }: Facts) {
  const { stockClient, replicas } = system.catalogue;
  const asked = load.ratePerSecond * (load.mix.product ?? 0);
  // So many failures in a row must gather on each replica; arrivals are random, so three times their mean distance.
  const gatheringMs = ((stockClient.breakerFailures * replicas) / asked) * 3 * 1000;
  return {
    opensWithinMs: Math.ceil((stockClient.attemptTimeoutMs + gatheringMs + LOOK_EVERY_MS + SPARE_MS) / 100) * 100,
    // The balancer hears of it, the breaker's wait ends at worst just after that, and its next request is the probe.
    closesWithinMs:
      system.platform.endpointLagMs +
      stockClient.breakerOpenSeconds * 1000 +
      stockClient.attemptTimeoutMs +
      LOOK_EVERY_MS +
      SPARE_MS,
  };
}
