/** One call of `load`: a pod that sends, its ledger here, and the verdict. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "@holdfast/cluster";
import { loadAgentCommand, startLoadAgent } from "@holdfast/experiments";
import { EXIT, exitCodeOf } from "@holdfast/experiments/exit-codes";
import { watchInterrupts } from "@holdfast/experiments/interrupt";
import { judge, startLoad, type Ledger, type LoadPlan, type LoadRun, type PassRule } from "@holdfast/load";
import { request } from "undici";
import { aborted, isOfAbort } from "./aborted.ts";
import { APP_NAMESPACE } from "./app-releases.ts";
import { CliError, messageOf, usageError } from "./cli-error.ts";
import { clusterImage } from "./cluster-images.ts";
import { clusterName, nameFlag } from "./cluster-name.ts";
import { bundleDirFor, openNamedCluster } from "./cluster-open.ts";
import { firstAnswer } from "./first-answer.ts";
import { followLine, worthFollowing } from "./follow-words.ts";
import { createLoadView, type LoadView } from "./load-view.ts";
import { loadPlan, MACHINE_LIMITS } from "./session-load.ts";
import type { Terminal } from "./terminal.ts";
import { verdictLines } from "./verdict-words.ts";
import { count } from "./words.ts";

export interface ClusterLoadFlags {
  rate: number;
  /** Seconds. */
  for: number;
  connections?: number;
  /** 0..1 */
  slowShare: number;
  out: string;
  name?: string;
  output?: "json";
}

/** As the lab has at least. */
const FEWEST_SOCKETS = 50;
/** Longer than any answer takes by itself. */
const PROBE_DELAY_MS = 1_000;
const SLOW_MS = 3_000;
/** Sent beyond what was asked for: that nothing failed up to a moment can only be said after it. */
const AFTER_MS = 1_000;

/** Returns the exit code: that of the verdict. */
export async function sendClusterLoad(flags: ClusterLoadFlags, terminal: Terminal): Promise<number> {
  const name = clusterName(flags.name);
  refuseTooMany(flags);
  const ledgerFile = path.join(flags.out, "load.ledger.jsonl");
  const abort = new AbortController();
  const view = createLoadView(terminal);
  const interrupts = watchInterrupts((times) => {
    if (times === 1) view.note("Stopping ...");
    if (times === 2) process.exit(EXIT.interrupted);
    abort.abort();
  });
  try {
    const { signal } = abort;
    const cluster = await openNamedCluster(name, { note: view.note, signal });
    const bundleDir = await bundleDirFor(name, {});
    const agent = await clusterImage(cluster, "agent", { bundleDir, signal });
    const ledger = await underLoad(cluster, { flags, ledgerFile, image: agent.reference, view, signal });
    view.end();
    const verdict = judge(ledger);
    const again = `The same verdict from its raw records: ./holdfast verdict ${ledgerFile}`;
    const follow = worthFollowing(ledger.requests);
    const hints = [...(follow === undefined ? [] : [followLine(follow, name)]), again];
    if (flags.output === "json") {
      terminal.print(JSON.stringify({ file: ledgerFile, ...verdict, ...(follow && { follow }) }, undefined, 2));
      for (const hint of hints) terminal.note(hint);
    } else {
      const title = `${flags.rate} requests/s for ${flags.for} s, from inside the cluster`;
      const words = { ...verdict, reason: loadReason(verdict.reason) };
      const meanwhile = "while it was measured";
      for (const line of verdictLines(words, { paint: terminal.paint, width: terminal.width, title, meanwhile })) {
        terminal.print(line);
      }
      for (const hint of hints) terminal.print(hint);
    }
    return exitCodeOf(verdict.verdict);
  } catch (error) {
    view.end();
    if (!abort.signal.aborted || !isOfAbort(error, abort.signal)) throw error;
    terminal.note("Interrupted: the load has ended, and there is no verdict.");
    return EXIT.interrupted;
  } finally {
    view.end();
    interrupts.dispose();
  }
}

/** Each request is a record that is held until the verdict, of some hundred bytes: beyond this the verdict would not fit into memory. */
const MOST_REQUESTS = 1_000_000;

/** Throws a usage error where rate and time together are more than a verdict can hold. */
export function refuseTooMany(flags: Pick<ClusterLoadFlags, "rate" | "for">): void {
  if (flags.rate * flags.for <= MOST_REQUESTS) return;
  throw usageError(
    `--rate ${flags.rate} for ${flags.for} s is ${count(flags.rate * flags.for)} requests, and a verdict is made of at most ${count(MOST_REQUESTS)}: at this rate --for takes up to ${Math.floor(MOST_REQUESTS / flags.rate)} s.`,
  );
}

/** The verdict's sentence where nothing was broken on purpose: the window of such a load is the time in which it was measured. */
export function loadReason(reason: string): string {
  return reason
    .replace(/ were sent during ([\d.]+ m?s) of fault in 1 window/, " were sent while it was measured, which was $1")
    .replaceAll("after a fault began", "after the measuring began")
    .replaceAll("after the fault began", "after the measuring began")
    .replaceAll("while the fault worked", "while it was measured")
    .replaceAll("While the fault worked", "While it was measured");
}

interface Sending {
  flags: ClusterLoadFlags;
  ledgerFile: string;
  image: string;
  view: LoadView;
  signal: AbortSignal;
}

async function underLoad(cluster: Cluster, opts: Sending): Promise<Ledger> {
  const { flags, ledgerFile, image, view, signal } = opts;
  const { kubectl } = cluster;
  const url = await serviceUrl(cluster, signal);
  const here = `http://localhost:${cluster.ports.app}`;
  const productIds = await firstAnswer(here, {
    hint: `\`kubectl --kubeconfig ${cluster.kubeconfig} get pods -n ${APP_NAMESPACE}\` shows its pods.`,
  });
  if (flags.slowShare > 0) await assertSlowOnDemand(here, signal);
  await using undo = new AsyncDisposableStack();
  await clearAgent(cluster, signal);
  let isOurs = true;
  undo.defer(() => (isOurs ? removeAgent(cluster) : undefined));
  await startLoadAgent(kubectl, { image, namespace: APP_NAMESPACE, signal }).catch((error: unknown) => {
    // Somebody else has begun since we looked.
    isOurs = !/AlreadyExists|already exists/.test(messageOf(error));
    throw isOurs ? error : loadRuns(cluster);
  });
  const startedMs = performance.now();
  const load = startLoad(clusterPlan(flags, { url, productIds }), {
    ledgerFile,
    rule: clusterLoadRule(flags),
    about: { target: "kind", cluster: cluster.name },
    command: loadAgentCommand(kubectl, { namespace: APP_NAMESPACE }),
    signal,
    onTick: (stats) => view.tick(stats, performance.now() - startedMs),
  });
  await Promise.race([load.ready, aborted(signal)]);
  view.note(`Sending ${flags.rate} requests a second to ${url} for ${flags.for} s ...`);
  await Promise.race([sleep(flags.for * 1_000, undefined, { signal }), brokenOf(load)]);
  load.mark("load.over");
  await sleep(AFTER_MS, undefined, { signal });
  return load.stop();
}

/** One agent of that name at a time. Whoever was killed has left one that ended with its input; one that runs is somebody's. */
async function clearAgent(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const phase = await cluster.kubectl.run(
    ["get", "pod", "load-agent", "-n", APP_NAMESPACE, "--ignore-not-found", "-o", "jsonpath={.status.phase}"],
    { what: "look for a load that is being sent", signal },
  );
  if (phase === "Running") {
    throw loadRuns(cluster);
  }
  if (phase !== "") await removeAgent(cluster);
}

function loadRuns({ name }: Cluster): CliError {
  return new CliError(`A load is being sent to the cluster "${name}" already: wait until it is over.`, {
    code: "LOAD_RUNS",
  });
}

async function removeAgent({ kubectl }: Cluster): Promise<void> {
  await kubectl.run(["delete", "pod", "load-agent", "-n", APP_NAMESPACE, "--ignore-not-found"], {
    what: "remove the load's pod",
  });
}

/** A service without faults takes no wish for a delay, and a load that was to hold slow requests would hold none. */
async function assertSlowOnDemand(url: string, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const { body } = await request(`${url}/api/products?limit=1`, {
    headers: { "x-fault-delay-ms": String(PROBE_DELAY_MS) },
    signal,
  });
  await body.dump();
  if (performance.now() - startedMs >= PROBE_DELAY_MS) return;
  throw new CliError(
    "--slow-share asks the catalogue for slow answers, and it gives none: install it with faults.enabled and faults.acceptRisk, or leave --slow-share out.",
    { code: "NO_SLOW_ANSWERS" },
  );
}

/** Rejects when the load breaks; it ends well only when it is told to. */
async function brokenOf(load: LoadRun): Promise<void> {
  await load.ended;
}

/** By address, not by name: what is measured is the service, not the cluster's DNS. */
async function serviceUrl(cluster: Cluster, signal: AbortSignal): Promise<string> {
  const what = `find the Service of the catalogue in the namespace ${APP_NAMESPACE}`;
  const service = await cluster.kubectl
    .json<{ spec: { clusterIP: string; ports: { port: number }[] } }>(
      ["get", "service", "catalogue", "-n", APP_NAMESPACE],
      {
        what,
        signal,
      },
    )
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw new CliError(
        `There is no catalogue on the cluster "${cluster.name}" to send load to: \`./holdfast up${nameFlag(cluster.name)}\` installs it.`,
        { code: "NO_CATALOGUE", cause: error },
      );
    });
  return `http://${service.spec.clusterIP}:${service.spec.ports[0]?.port ?? 80}`;
}

/** What `start` asks for, at this rate, and where it is wanted a share that takes its time. */
export function clusterPlan(
  flags: Pick<ClusterLoadFlags, "rate" | "connections" | "slowShare">,
  target: { url: string; productIds: readonly string[] },
): LoadPlan {
  const { rate, connections, slowShare } = flags;
  const plan = loadPlan({
    ...target,
    ratePerSecond: rate,
    persistentSockets: connections ?? Math.max(FEWEST_SOCKETS, Math.ceil(rate / 2)),
  });
  if (slowShare === 0) return plan;
  // Weights are whole numbers: quick ones in all weigh as many per mille as the slow ones leave.
  const quick = plan.requests.reduce((sum, { weight }) => sum + weight, 0);
  const slowWeight = Math.max(1, Math.round((slowShare / (1 - slowShare)) * quick * 20));
  return {
    ...plan,
    requests: [
      ...plan.requests.map((kind) => Object.assign({}, kind, { weight: kind.weight * 20 })),
      {
        name: "slow",
        path: "/api/products?limit=10",
        headers: { "x-fault-delay-ms": String(SLOW_MS) },
        weight: slowWeight,
        takesMs: SLOW_MS,
        slow: true,
      },
    ],
  };
}

/** No request may fail while it lasts, whatever is done to the service. */
export function clusterLoadRule(flags: Pick<ClusterLoadFlags, "rate" | "for">): PassRule {
  return {
    kind: "planned",
    windows: [{ name: "load", from: "load.ready", to: "load.over", sameSubject: false }],
    // Nine in ten of what a constant rate sends; fewer, and it was not that load.
    minScheduledInWindows: Math.floor(flags.rate * flags.for * 0.9),
    baseline: { minMs: 0, minSent: 0 },
    minAfterMs: AFTER_MS / 2,
    degraded: { allowed: "anywhere" },
    ...MACHINE_LIMITS,
  };
}
