/** One call of `up`: a cluster, its platform, the images of this checkout, the service, and the first answer. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  createCluster,
  ensureNamespace,
  installPlatform,
  readBundle,
  usualPorts,
  withClusterLock,
  type Cluster,
  type PublishedPortName,
  type Step,
} from "@holdfast/cluster";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { watchInterrupts } from "@holdfast/experiments/interrupt";
import { request } from "undici";
import { isOfAbort } from "./aborted.ts";
import {
  APP_NAMESPACE,
  ensureRelease,
  loadAlerts,
  PLATFORM_DIR,
  profileFile,
  type ReleaseOutcome,
  type Wanted,
} from "./app-releases.ts";
import { bundleDirOf } from "./bundle-dir.ts";
import { CliError, messageOf } from "./cli-error.ts";
import { clusterImage, type PushedImage } from "./cluster-images.ts";
import { clusterName, CLUSTERS_DIR, nameFlag } from "./cluster-name.ts";
import { bundleDirFor } from "./cluster-open.ts";
import { clusterSnapshot } from "./cluster-snapshot.ts";
import { clusterTools, dockerThatAnswers } from "./cluster-tools.ts";
import { REPO_ROOT } from "./repo.ts";
import { createStepView, type StepView } from "./step-view.ts";
import type { Terminal } from "./terminal.ts";
import { together } from "./together.ts";
import { upLines } from "./up-words.ts";
import { list } from "./words.ts";

export interface UpFlags {
  name?: string;
  bundle?: string;
  port?: number;
  labPort?: number;
  prometheusPort?: number;
  logsPort?: number;
  tracesPort?: number;
  registryPort?: number;
  freePorts?: true;
  kubernetes?: string;
  profile: string;
  output?: "json";
}

/** What `up` has done, beyond what is there now. */
export interface UpReport {
  /** From the call to the first answer through the cluster, in seconds. */
  seconds: number;
  releases: Record<"catalogue" | "stock", ReleaseOutcome>;
  image: string;
}

const SHAPE = path.join(REPO_ROOT, "k8s", "kind", "three-zones.yaml");

/** Returns the exit code. */
export async function up(flags: UpFlags, terminal: Terminal): Promise<number> {
  const name = clusterName(flags.name);
  const profile = await profileFile(flags.profile);
  const given = await bundleDirOf(flags.bundle);
  // Before any tool is brought; its files are verified when they are used.
  if (given !== undefined) await readBundle(given);
  // Nobody should fetch tools in order to hear that Docker does not run.
  await dockerThatAnswers();
  const bundleDir = await bundleDirFor(name, { flag: given });
  const abort = new AbortController();
  const view = createStepView(terminal);
  const interrupts = watchInterrupts((times) => {
    if (times === 1) view.interrupt("Stopping what is under way ...");
    if (times === 2) process.exit(EXIT.interrupted);
    abort.abort();
  });
  try {
    const { cluster, report } = await withClusterLock(
      { name, stateDir: CLUSTERS_DIR, progress: view.show, signal: abort.signal },
      () => makeAll({ name, profile, bundleDir, flags, view, signal: abort.signal }),
    );
    const snapshot = await clusterSnapshot(cluster);
    view.end();
    if (flags.output === "json") terminal.print(JSON.stringify({ ...snapshot, up: report }, undefined, 2));
    else for (const line of upLines(snapshot, { report, paint: terminal.paint })) terminal.print(line);
    return EXIT.done;
  } catch (error) {
    view.end();
    if (!abort.signal.aborted || !isOfAbort(error, abort.signal)) throw error;
    const flag = nameFlag(name);
    terminal.note(
      `Interrupted: \`./holdfast up${flag}\` completes the cluster, \`./holdfast down${flag}\` removes it.`,
    );
    return EXIT.interrupted;
  } finally {
    view.end();
    interrupts.dispose();
  }
}

interface Work {
  flags: UpFlags;
  view: StepView;
  signal: AbortSignal;
}

async function makeAll(
  opts: Work & { name: string; profile: string; bundleDir: string | undefined },
): Promise<{ cluster: Cluster; report: UpReport }> {
  const { view, signal } = opts;
  const startedMs = performance.now();
  const cluster = await makeNodes(opts);
  const { image, stock } = await makeGround(cluster, opts);
  const catalogue = await installCatalogue(cluster, { ...opts, image });
  await view.step({ id: "answer", title: "first answer", detail: (url) => url }, () => firstAnswer(cluster, signal));
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  return { cluster, report: { seconds, releases: { stock, catalogue }, image: image.reference } };
}

async function makeNodes(opts: Work & { name: string; bundleDir: string | undefined }): Promise<Cluster> {
  const { name, bundleDir, flags, view, signal } = opts;
  const tools = await view.step({ id: "tools", title: "tools" }, () =>
    clusterTools({ bundleDir, note: view.note, signal }),
  );
  return createCluster({
    name,
    stateDir: CLUSTERS_DIR,
    tools,
    shapeFile: SHAPE,
    bundleDir,
    ports: portsOf(flags),
    ...(flags.kubernetes === undefined ? {} : { kubernetes: flags.kubernetes }),
    progress: (step) => {
      if (!isOfUnasked(step, flags)) view.show(step);
    },
    signal,
  });
}

type Ports = Record<PublishedPortName, number>;

export function portsOf(flags: Omit<UpFlags, "profile">): Ports {
  const { app, lab, prometheus, logs, traces, registry } = flags.freePorts
    ? { app: 0, lab: 0, prometheus: 0, logs: 0, traces: 0, registry: 0 }
    : usualPorts;
  return {
    app: flags.port ?? app,
    lab: flags.labPort ?? lab,
    prometheus: flags.prometheusPort ?? prometheus,
    logs: flags.logsPort ?? logs,
    traces: flags.tracesPort ?? traces,
    registry: flags.registryPort ?? registry,
  };
}

/** That a port is not the usual one is no news to somebody who named none. */
function isOfUnasked({ id }: Step, flags: UpFlags): boolean {
  const given = {
    app: flags.port,
    lab: flags.labPort,
    prometheus: flags.prometheusPort,
    logs: flags.logsPort,
    traces: flags.tracesPort,
    registry: flags.registryPort,
  };
  return Object.entries(given).some(([name, port]) => id === `port-${name}` && port === undefined);
}

interface AppWork extends Work {
  profile: string;
  bundleDir: string | undefined;
}

/** What the catalogue stands on: the platform and, beside it, since its pods need nothing of that, the upstream. */
async function makeGround(cluster: Cluster, opts: AppWork): Promise<{ image: PushedImage; stock: ReleaseOutcome }> {
  const { bundleDir, view, signal } = opts;
  const platform = (either: AbortSignal): Promise<void> =>
    installPlatform(cluster, { dir: PLATFORM_DIR, bundleDir, progress: view.show, signal: either });
  const upstream = async (either: AbortSignal): Promise<{ image: PushedImage; stock: ReleaseOutcome }> => {
    const image = await view.step(
      { id: "push", title: "image of this checkout", detail: ({ reference }) => reference },
      () => clusterImage(cluster, "service", { bundleDir, signal: either }),
    );
    await ensureNamespace(cluster, { name: APP_NAMESPACE, podSecurity: "restricted", signal: either });
    return { image, stock: await installOne(cluster, "stock", { ...opts, title: "stock", image, signal: either }) };
  };
  const [, made] = await together(signal, [platform, upstream]);
  return made;
}

/** Its scaler needs KEDA. Beside it, what only `load` and Prometheus wait for. */
async function installCatalogue(cluster: Cluster, opts: AppWork & { image: PushedImage }): Promise<ReleaseOutcome> {
  const { flags, bundleDir, view, signal } = opts;
  const catalogue = (either: AbortSignal): Promise<ReleaseOutcome> =>
    installOne(cluster, "catalogue", { ...opts, title: `catalogue (profile ${flags.profile})`, signal: either });
  // What `load` and the experiments send from; nobody should wait for it then.
  const agent = (either: AbortSignal): Promise<PushedImage> =>
    view.step({ id: "agent", title: "image of the load agent" }, () =>
      clusterImage(cluster, "agent", { bundleDir, signal: either }),
    );
  // Prometheus reads them while pods start.
  const alerts = (either: AbortSignal): Promise<string[]> =>
    view.step({ id: "alerts", title: "alerts", detail: (rules) => list(rules) || "none" }, () =>
      loadAlerts(cluster, { ...wanted(opts), signal: either }),
    );
  const rest = (either: AbortSignal): Promise<[PushedImage, string[]]> => together(either, [agent, alerts]);
  const [outcome] = await together(signal, [catalogue, rest]);
  return outcome;
}

function installOne(
  cluster: Cluster,
  release: "catalogue" | "stock",
  opts: AppWork & { image: PushedImage; title: string },
): Promise<ReleaseOutcome> {
  const { view, title, signal } = opts;
  return view.step({ id: release, title, detail: (outcome) => outcome }, () =>
    ensureRelease(cluster, release, { ...wanted(opts), signal }),
  );
}

function wanted({ flags, profile, image }: Pick<AppWork, "flags" | "profile"> & { image: PushedImage }): Wanted {
  return { profile: flags.profile, profileFile: profile, image };
}

/** Ready pods answer within a second or two, when kube-proxy has heard of them. */
const ANSWER_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 200;

async function firstAnswer(cluster: Cluster, signal: AbortSignal): Promise<string> {
  const url = `http://localhost:${cluster.ports.app}/api/products?limit=1`;
  const endMs = performance.now() + ANSWER_WITHIN_MS;
  let found = "nothing";
  while (performance.now() < endMs) {
    try {
      const { statusCode, body } = await request(url, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]),
        reset: true,
      });
      await body.dump();
      if (statusCode === 200) return url;
      found = `it answered ${statusCode}`;
    } catch (error) {
      signal.throwIfAborted();
      found = messageOf(error);
    }
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
  throw new CliError(
    `The service is installed and ${url} does not answer (${found}): \`kubectl --kubeconfig ${cluster.kubeconfig} get pods -n ${APP_NAMESPACE}\` shows its pods.`,
    { code: "NO_FIRST_ANSWER" },
  );
}
