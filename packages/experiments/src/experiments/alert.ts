import type { AlertView } from "@holdfast/cluster";
import { nowMs } from "../clock.ts";
import { ExperimentError } from "../errors.ts";
import { experiment, type Facts, type Lab } from "../experiment.ts";
import { unplanned } from "../pass.ts";
import type { System } from "../system.ts";
import type { TargetPlatform } from "../target-platform.ts";

/** Of the chart's PrometheusRule. */
const ALERT = "ServiceErrorRatioHigh";
/** Twice the alert's own threshold: what half of a window holds is enough, and chance does not hide it. */
const ERROR_RATIO = 0.1;
/** 3.5 standard deviations of so many requests to either side. Further off, another fault than this one has worked. */
const NEAR_THAT = { min: 0.08, max: 0.12 };
/** How often the alert is looked at, which is how late its changes are marked. */
const LOOK_EVERY_MS = 500;
/** A scrape, a rule and a look each take their time on two busy cores. */
const SPARE_SECONDS = 4;
/** Switching a fault on or off goes through the API server, on all replicas at once. */
const SWITCH_SECONDS = 3;
/** Prometheus takes new pods up every 5 s, and asks each for the first time within another 5. */
const SEEN_WITHIN_MS = 15_000;
/** Prometheus restarts within that, at most; longer, and nobody has looked. */
const BLIND_AT_MOST_MS = 5000;

/** E15c. A tenth of the answers fails: the alert that the chart ships says so, and later that it is over. */
export const alert = experiment({
  id: "E15c",
  title: "The alert fires",
  targets: ["kind"],
  hypothesis:
    "When a tenth of the answers is made to fail, the error-ratio alert that the chart renders and Prometheus loads fires within its window and its wait, and is resolved within its window after the last failure.",
  system: {
    catalogue: {
      alertRelease: "catalogue",
      // Four scrapes, as the scaler has it, and two evaluations: what is looked at is whether it fires, not how patient a pager is.
      errorAlert: { windowSeconds: 20, forSeconds: 10 },
      // What is shed fails too, and is another experiment's matter.
      shedAbove: 1,
    },
  },
  load: { ratePerSecond: 60, persistentSockets: 60 },
  baselineSeconds: 5,
  methodWithinSeconds: 110,
  settleSeconds: 4,

  method: async (lab) => {
    const watch = watchAlert(lab);
    await needScrapes(lab, watch.platform);
    await watch.look();
    lab.need(watch.state() === "silent", `The alert ${ALERT} was ${watch.state()} before anything was made to fail.`);
    const { firesWithinSeconds, resolvesWithinSeconds } = alertTimes(lab.system);

    await lab.during("errors", async () => {
      const untilMs = nowMs() + firesWithinSeconds * 1000;
      try {
        await onEach(lab, (replica) =>
          lab.target.fault(replica, {
            fault: "error-rate",
            ratio: ERROR_RATIO,
            ttlSeconds: firesWithinSeconds + SWITCH_SECONDS,
          }),
        );
        // As long as it was said, whenever it fires: what may fail is computed from that.
        await watch.follow({ untilMs });
      } finally {
        await onEach(lab, (replica) => lab.target.clearFaults(replica));
      }
    });
    // One that has not fired has nothing to be resolved, and the rule knows by now.
    if (watch.state() !== "firing") return;
    await watch.follow({ untilMs: nowMs() + resolvesWithinSeconds * 1000, stopAt: "silent" });
  },

  pass: unplanned((facts) => {
    const { firesWithinSeconds, resolvesWithinSeconds } = alertTimes(facts.system);
    const { scheduled, mean, chance } = errorBounds(facts);
    const atMost = Math.ceil(mean + chance);
    return {
      windows: [{ name: "errors", from: "errors.start", to: "errors.end" }],
      minScheduledInWindows: Math.floor(facts.load.ratePerSecond * firesWithinSeconds * 0.95),
      failedShare: NEAR_THAT,
      failedOnlyInWindows: true,
      failedAtMost: atMost,
      overWithinMs: (firesWithinSeconds + SWITCH_SECONDS) * 1000,
      deadlines: [
        { name: "alert fires", from: "errors.start", to: "alert.firing", withinMs: firesWithinSeconds * 1000 },
        { name: "alert resolves", from: "errors.end", to: "alert.resolved", withinMs: resolvesWithinSeconds * 1000 },
      ],
      said: `${ERROR_RATIO * 100} % of the answers are made to fail for ${firesWithinSeconds} s: at most ${atMost} of ${scheduled} (${ERROR_RATIO * 100} % + 3 standard deviations), and none before or after it; the alert, silent before, fires within ${firesWithinSeconds} s (scrape + window + wait + 2 evaluations + ${SPARE_SECONDS} s) and is resolved within ${resolvesWithinSeconds} s after it (scrape + window + evaluation + ${SPARE_SECONDS} s)`,
    };
  }),

  rollback: async ({ target }) => {
    for (const replica of await target.replicas("catalogue")) await target.clearFaults(replica);
  },

  controls: [
    {
      name: "other-labels",
      because:
        "the rule looks at a release that does not exist: none of the series has its labels, so it stays silent, whatever fails",
      with: { catalogue: { alertRelease: "nobody" } },
      predict: {
        fates: ["status"],
        eachConnection: ["new", "persistent"],
        windows: ["errors"],
        atLeast: 100,
        codes: ["deadline-missed"],
        deadlines: ["alert fires"],
      },
    },
  ],

  look: [
    "alert.pending, alert.firing, alert.resolved: each lags what it tells of by a scrape, a part of the window and an evaluation",
    "that the failures begin and end at once, and the alert does not",
    "in the control: Prometheus has loaded the rule, and says nothing",
  ],
  hints: [
    "Which part of the time until it fires is the window's, and which is `for`'s?",
    "Why does it need less than its window to become pending, and is it the same for a fault of 6 %?",
    "What does a rule say whose labels match nothing? How would you notice?",
  ],
  solution:
    "An alert that never fired is a guess. A rule whose selector matches no series is no error to Prometheus: it is silent, as one that has nothing to say. So the rule is rendered by the chart that names the pods, loaded by the Prometheus that scrapes them, and made to fire once, in a test.",
});

type AlertState = AlertView["state"] | "silent";

/** Asks Prometheus how the alert is; every change of it stands in the ledger. */
function watchAlert(lab: Lab) {
  const { platform } = lab;
  if (platform === undefined) throw new ExperimentError("TARGET_UNSUITED", "There is no Prometheus that could alert.");
  let state: AlertState = "silent";
  let seenMs = nowMs();

  async function look(): Promise<void> {
    const found = await platform?.readAlerts().catch((error: unknown) => {
      if (nowMs() - seenMs > BLIND_AT_MOST_MS) throw error;
      return undefined;
    });
    if (found === undefined) return;
    seenMs = nowMs();
    const own = found.filter(({ name }) => name === ALERT);
    const now = own.find((one) => one.state === "firing") ?? own[0];
    const before = state;
    state = now?.state ?? "silent";
    if (state === before) return;
    const name = now !== undefined ? now.state : before === "firing" ? "resolved" : "cleared";
    lab.mark(`alert.${name}`, now === undefined ? {} : { detail: { activeAt: now.activeAt, labels: now.labels } });
  }

  /** Until then, or until it is so. */
  async function follow({ untilMs, stopAt }: { untilMs: number; stopAt?: AlertState }): Promise<void> {
    for (;;) {
      await look();
      const leftMs = untilMs - nowMs();
      if (state === stopAt || leftMs <= 0) return;
      await lab.pass({ seconds: Math.min(LOOK_EVERY_MS, leftMs) / 1000 });
    }
  }

  return { platform, look, follow, state: () => state };
}

/** Whoever is not scraped can fail unseen, and a silent alert says nothing. */
async function needScrapes(lab: Lab, platform: TargetPlatform): Promise<void> {
  const untilMs = nowMs() + SEEN_WITHIN_MS;
  for (;;) {
    const scraped = new Set(await platform.scrapedPods());
    const names = (await lab.target.replicas("catalogue")).map(({ name }) => name);
    const unseen = names.filter((name) => !scraped.has(name));
    if (unseen.length === 0) return;
    lab.need(nowMs() < untilMs, `Prometheus does not scrape ${unseen.join(", ")}, so no alert could see it fail.`);
    await lab.pass({ seconds: LOOK_EVERY_MS / 1000 });
  }
}

async function onEach(lab: Lab, work: (replica: Awaited<ReturnType<Lab["anyReplica"]>>) => Promise<void>) {
  await Promise.all((await lab.target.replicas("catalogue")).map(work));
}

function errorBounds({ system, load }: Facts) {
  const scheduled = load.ratePerSecond * (alertTimes(system).firesWithinSeconds + SWITCH_SECONDS);
  const mean = scheduled * ERROR_RATIO;
  // Each fails or not by itself; 3 standard deviations leave one run in a thousand above.
  return { scheduled, mean, chance: 3 * Math.sqrt(mean * (1 - ERROR_RATIO)) };
}

function alertTimes({ catalogue, platform }: System) {
  const { windowSeconds, forSeconds } = catalogue.errorAlert;
  const { scrapeSeconds, evaluationSeconds } = platform;
  // At the latest when the whole window holds nothing else, seen by a scrape and then by an evaluation.
  const seen = scrapeSeconds + windowSeconds + evaluationSeconds + SPARE_SECONDS;
  return {
    // The wait is over at an evaluation too.
    firesWithinSeconds: seen + forSeconds + evaluationSeconds,
    resolvesWithinSeconds: seen,
  };
}
