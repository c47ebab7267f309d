import { nowMs } from "../clock.ts";
import { ExperimentError, sentenceOf } from "../errors.ts";
import { experiment, type DefinedExperiment, type Lab } from "../experiment.ts";
import { countLogLedger, isComplete, logLedgerWords, replicasUntil, type LogLedger } from "../log-ledger/log-ledger.ts";
import { formatLogLines, LOG_FIELDS, logLineOf, STORED_FILE, type LogLine } from "../log-ledger/log-line.ts";
import { LOGS_COMPLETE, LOGS_DUE, LOGS_INCOMPLETE } from "../log-ledger/recount.ts";
import { planned } from "../pass.ts";
import type { System, SystemChange } from "../system.ts";
import type { TargetPlatform } from "../target-platform.ts";

/** The first so many answered requests are looked for. */
const REQUESTS = 10_000;
/** The store is away for so long, and away for less would be no outage to speak of. */
const AWAY_SECONDS = 30;
const MIN_AWAY_SECONDS = 25;
/** From when everything has been written. Who ships lines tries again every few seconds, and has half a minute to catch up with. */
const STORED_WITHIN_MS = 90_000;
/** At the rate below they take 111 s. */
const ANSWERED_WITHIN_SECONDS = 150;
const STORED = "every line stored";
const CAUGHT_UP = "what waited for the store stored";
/** The store shows what it took after a second. */
const LOOK_EVERY_SECONDS = 2;
/** Grace, and a replacement that is ready. */
const ENDED_WITHIN_MS = 60_000;
/** A container that dies for the third time within ten minutes is restarted after 20 s; sidecars are killed one after the other. */
const RESTARTED_WITHIN_MS = 90_000;
/** Pods begin to write before the load does. */
const BEFORE_LOAD_MS = 600_000;

/** One moment from which on every line that was written until then must be stored. */
const WRITTEN = { due: LOGS_DUE, complete: LOGS_COMPLETE, incomplete: LOGS_INCOMPLETE };
const WAITING = { due: "backlog.due", complete: "backlog.complete", incomplete: "backlog.incomplete" };

interface Mode {
  readonly id: string;
  readonly title: string;
  readonly shipping: System["catalogue"]["logShipping"];
  readonly system?: SystemChange;
  /** A pod may end while the store is away: what it wrote waits elsewhere than in the pod. */
  readonly endsWhileAway: boolean;
  readonly hypothesis: string;
  readonly because: string;
  readonly solution: string;
}

/** E15a. Logs by way of the nodes: every line arrives, whatever happens to those who carry it. */
export const logLedger = logLedgerExperiment({
  id: "E15a",
  title: "Log ledger",
  shipping: "node",
  endsWhileAway: true,
  hypothesis:
    "Every line that a process wrote before its orderly end is stored, though meanwhile the log store was away for half a minute, a pod ended and every log agent was killed: each answered request has its line of each service that it met, and no process's numbers have a hole.",
  because:
    "an agent that is killed takes along what waits in its memory, and whoever comes after it goes on reading behind that",
  solution:
    "Whoever reads a line and has not delivered it yet must write it down before it moves on: offsets on the disk say where reading goes on, and a queue on the disk holds what was read and is not stored. A queue in memory is as good, until somebody is killed while the store is away. A number in each line, and a last line that names the last number, is what makes a loss visible at all.",
});

/** E15b. The same with a sidecar in each pod, whose volume goes with the pod. */
export const logLedgerBySidecar = logLedgerExperiment({
  id: "E15b",
  title: "Log ledger, sidecars",
  shipping: "sidecar",
  // The service waits so much longer for its sidecar, and the chart adds it up.
  system: { terminationGraceSeconds: 28 },
  // Its queue is on a volume that dies with it, so what waits there at its end is lost. docs say so.
  endsWhileAway: false,
  hypothesis:
    "Where each pod ships its own lines, every line that a process wrote before its orderly end is stored too, though the log store was away for half a minute and every sidecar was killed meanwhile, as long as the store answers while a pod ends.",
  because: "a sidecar that is killed takes along what waits in its memory, and goes on reading behind that",
  solution:
    "Offsets and queue lie on a volume of the pod's own, which outlives its containers. It does not outlive the pod: so the service waits after its last line, and a store that is away at that very moment costs what the sidecar could not deliver. Where that matters, ship by the node.",
});

function logLedgerExperiment(mode: Mode): DefinedExperiment {
  const { id, title, shipping, endsWhileAway, hypothesis } = mode;
  return experiment({
    id,
    title,
    targets: ["kind"],
    hypothesis,
    // What is shed has its line too, but shedding is another experiment's matter.
    system: { ...mode.system, catalogue: { logShipping: shipping, shedAbove: 1 } },
    load: { ratePerSecond: 90, persistentSockets: 60, mix: { list: 0.4, product: 0.4, order: 0.2 } },
    baselineSeconds: 5,
    methodWithinSeconds: 360,
    settleSeconds: 4,

    method: async (lab) => {
      const platform = platformOf(lab);
      if (!endsWhileAway) await endOne(lab);
      await lab.during("outage", async () => {
        await platform.stopLogStore();
        lab.mark("store.away");
        const untilMs = nowMs() + AWAY_SECONDS * 1000;
        // Before the agents are killed: a pod's files go with it, and what nobody has read by then nobody will.
        if (endsWhileAway) await endOne(lab);
        await lab.during("shippers-killed", () => platform.killLogShippers());
        await lab.pass({ seconds: Math.max(0, untilMs - nowMs()) / 1000 });
        await platform.startLogStore();
        lab.mark("store.back");
      });
      await lab.until(`${REQUESTS} requests to be answered`, {
        withinSeconds: ANSWERED_WITHIN_SECONDS,
        holds: () => lab.stats().answered + lab.stats().degraded >= REQUESTS,
      });
      // What waits in a pod must be gone before the pod is.
      if (!endsWhileAway && !(await untilStored(lab, { platform, marks: WAITING }))) return;
      await lab.during("rollout", () => replaceAll(lab));
      await untilStored(lab, { platform, marks: WRITTEN });
    },

    pass: planned(({ load }) => ({
      windows: [{ name: "store away", from: "store.away", to: "store.back" }],
      minScheduledInWindows: MIN_AWAY_SECONDS * load.ratePerSecond,
      minSent: REQUESTS,
      victims: ["replica.ending"],
      deadlines: [
        {
          name: "pod ended",
          from: "pod-end.start",
          to: "replica.ended",
          withinMs: ENDED_WITHIN_MS,
          sameSubject: false,
        },
        {
          name: "shippers restarted",
          from: "shippers-killed.start",
          to: "shippers-killed.end",
          withinMs: RESTARTED_WITHIN_MS,
        },
        ...(endsWhileAway ? [] : [storedBy(CAUGHT_UP, WAITING)]),
        storedBy(STORED, WRITTEN),
      ],
      said: `0 failed; the log store away for at least ${MIN_AWAY_SECONDS} s, a pod ended ${endsWhileAway ? "and" : "before it, and"} whoever ships lines killed meanwhile; then, at most ${STORED_WITHIN_MS / 1000} s after the last of the processes has ended, each of the first ${REQUESTS} answered requests has its line of each service that it met, and of each process every line up to its last is stored`,
    })),

    // What is away is brought back by the lab's own repair, and looked at.
    rollback: async ({ target, signal }) => target.settled("catalogue", { withinMs: 60_000, signal }),

    controls: [
      {
        name: "memory-queue",
        because: mode.because,
        with: { platform: { logQueue: "memory" } },
        predict: { codes: ["deadline-missed"], deadlines: [endsWhileAway ? STORED : CAUGHT_UP] },
      },
    ],

    look: [
      "the marks of the store: away, back, and how long afterwards every line was there",
      "`logs.complete` in the ledger: how many lines, of how many processes, how many of them twice",
      "`./holdfast logs` with any trace id of the ledger: the lines of both services",
    ],
    hints: [
      "Who holds a line between the process that wrote it and the store that has it, and what happens when that one is killed?",
      "How would you know that a line is missing, if nobody told you how many there were?",
      "A line that arrives twice is a nuisance. Why is it not a failure?",
    ],
    solution: mode.solution,
  });
}

function storedBy(name: string, { due, complete, incomplete }: typeof WRITTEN) {
  return { name, from: due, to: complete, otherwise: incomplete, withinMs: STORED_WITHIN_MS };
}

function platformOf({ platform }: Lab): TargetPlatform {
  if (platform) return platform;
  throw new ExperimentError("TARGET_UNSUITED", "Processes on one machine have no log store that could be taken away.");
}

/** One replica ends as it should, and another takes its place. */
async function endOne(lab: Lab): Promise<void> {
  await lab.during("pod-end", async () => {
    const victim = await lab.anyReplica();
    await lab.target.end(victim);
    await lab.until(`${victim.name} to end`, {
      withinSeconds: ENDED_WITHIN_MS / 1000,
      holds: async () => !(await lab.target.replicas("catalogue")).some(({ name }) => name === victim.name),
    });
    await lab.target.settled("catalogue", { withinMs: ENDED_WITHIN_MS, signal: lab.signal });
  });
}

/** So that each process that has served has written its last line, which says how many there are. */
async function replaceAll({ target, signal }: Lab): Promise<void> {
  await Promise.all(
    (["catalogue", "stock"] as const).map(async (service) => {
      await target.rollOut(service, { version: "1.0.1", signal });
      await target.settled(service, { withinMs: 60_000, signal });
    }),
  );
}

/** Asks the store until all is there, or time is up. Either is marked, with what was counted. */
async function untilStored(
  lab: Lab,
  { platform, marks }: { platform: TargetPlatform; marks: typeof WRITTEN },
): Promise<boolean> {
  lab.mark(marks.due);
  const giveUpMs = nowMs() + STORED_WITHIN_MS;
  const count = await counterOf(lab, { platform, due: marks.due });
  for (;;) {
    const found = await count().catch((error: unknown) => ({ away: sentenceOf(error) }));
    const isLast = nowMs() >= giveUpMs;
    if ("away" in found) {
      // That nobody could look is not that something was missing.
      lab.need(!isLast, `The stored lines could not be read: ${found.away}`);
    } else {
      const { logs, lines } = found;
      const stored = isComplete(logs);
      if (stored || isLast) {
        await lab.keep(STORED_FILE, formatLogLines(lines));
        const figures = { requests: REQUESTS, ...logs };
        // On the way there is nothing to tell, unless it fails.
        if (stored && marks !== WRITTEN) lab.mark(marks.complete, { detail: figures });
        else lab.measured(stored ? marks.complete : marks.incomplete, { said: logLedgerWords(logs), ...figures });
      }
      if (stored) return true;
    }
    if (isLast) return false;
    await lab.pass({ seconds: LOOK_EVERY_SECONDS });
  }
}

/** Everything that can be known of the ledger is known by then; what is asked for again and again is the store. */
async function counterOf(lab: Lab, { platform, due }: { platform: TargetPlatform; due: string }) {
  let ledger = await lab.ledgerSoFar();
  const dueMs = () => ledger.events.findLast(({ name }) => name === due)?.atMs;
  while (dueMs() === undefined) {
    await lab.pass({ seconds: 0.1 });
    ledger = await lab.ledgerSoFar();
  }
  const untilMs = dueMs() ?? 0;
  const from = new Date(ledger.header.epochMs - BEFORE_LOAD_MS).toISOString();
  const pods = [...replicasUntil(ledger.events, untilMs).keys()].map((pod) => JSON.stringify(pod));

  return async function count(): Promise<{ logs: LogLedger; lines: LogLine[] }> {
    const stored = await platform.queryLogs({
      filter: `_time:>=${from} "k8s.pod.name":in(${pods.join(", ")})`,
      fields: LOG_FIELDS,
      signal: lab.signal,
    });
    const lines = stored.flatMap((line) => logLineOf(line) ?? []);
    return { logs: countLogLedger(ledger, { lines, untilMs, requests: REQUESTS }), lines };
  };
}
