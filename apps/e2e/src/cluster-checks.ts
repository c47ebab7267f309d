/** What is checked of a cluster that was brought up for this run: a second `up` changes nothing, and after `down` nothing is left. */
import { dockerMark, kindClusterLabel, networkName, run, stateOf, type Cluster, type List } from "@holdfast/cluster";
import { existsSync } from "node:fs";
import { sentenceOf } from "./e2e-error.ts";
import type { CheckItem } from "./items.ts";
import { Broken, mustBreak, TooLittle } from "./judgement.ts";
import type { Pod } from "./kubernetes.ts";
import { checkResult, type CheckResult, type Half } from "./result.ts";
import { askUp, STATE_DIR, takeDown, type ClusterFlags } from "./subject-cluster.ts";

export const UP_TWICE: CheckItem = {
  kind: "check",
  id: "up-twice",
  title: "A second `up` changes nothing",
  claims:
    "`./holdfast up` on a cluster that is whole makes no container, no revision and no pod of the platform, and says so",
};

export const DOWN: CheckItem = {
  kind: "check",
  id: "down",
  title: "`down` leaves nothing",
  claims: "after `./holdfast down` no container, no volume, no kubeconfig and no network is left that `up` has made",
  control: "the same look before it",
};

const PLATFORM_NAMESPACES = ["monitoring", "telemetry", "keda"] as const;

/** What a second `up` could have changed. */
export interface Made {
  /** Ids of all containers of the cluster. */
  readonly containers: readonly string[];
  /** `catalogue 1`: each release with its revision. */
  readonly revisions: readonly string[];
  /** `monitoring/prometheus-6f5 (uid)`: what the platform runs. */
  readonly pods: readonly string[];
}

/** What `up -o json` says, as far as it is looked at. */
interface Said {
  readonly up?: { readonly image?: string; readonly releases?: Readonly<Record<string, string>> };
}

/** @throws Broken when anything was made, or said to be */
export function judgeUnchanged(said: Said, { before, after }: { before: Made; after: Made }): string {
  const outcomes = Object.entries(said.up?.releases ?? {});
  if (outcomes.length === 0) throw new TooLittle("`up -o json` names no release.");
  const changed = outcomes.filter(([, outcome]) => outcome !== "unchanged");
  if (changed.length > 0) throw new Broken(`It says ${changed.map((pair) => pair.join(": ")).join(", ")}.`);
  for (const what of ["containers", "revisions", "pods"] as const) {
    const added = after[what].filter((one) => !before[what].includes(one));
    const gone = before[what].filter((one) => !after[what].includes(one));
    if (added.length + gone.length > 0)
      throw new Broken(
        `Its ${what} are others: ${[...gone.map((one) => `-${one}`), ...added.map((one) => `+${one}`)].join(", ")}.`,
      );
  }
  return `${outcomes.map(([name]) => name).join(" and ")} are unchanged; the same ${before.containers.length} containers and ${before.pods.length} pods of the platform, and ${before.revisions.join(", ")} as before`;
}

/** @returns the verdict, and the image that the cluster has, where `up` named it */
export async function checkUpTwice(
  flags: ClusterFlags,
  { cluster, namespace, signal }: { cluster: Cluster; namespace: string; signal: AbortSignal },
): Promise<{ result: CheckResult; image?: { repository: string; tag: string } }> {
  let said: Said = {};
  const { half, ...times } = await timed(async () => {
    const before = await readMade(cluster, namespace);
    const { code, stdout } = await askUp(flags, signal);
    signal.throwIfAborted();
    if (code !== 0) throw new Broken(`It ended with exit code ${code}; what is wrong stands above.`);
    said = JSON.parse(stdout.slice(stdout.indexOf("{"))) as Said;
    return judgeUnchanged(said, { before, after: await readMade(cluster, namespace) });
  });
  const image = imageOf(said.up?.image);
  return { result: checkResult(UP_TWICE, { claim: half, ...times }), ...(image ? { image } : {}) };
}

/** `localhost:5001/holdfast/service:tag`, in two. */
export function imageOf(reference: string | undefined): { repository: string; tag: string } | undefined {
  const [, repository, tag] = /^(.+):([^:/]+)$/.exec(reference ?? "") ?? [];
  return repository && tag ? { repository, tag } : undefined;
}

async function readMade(cluster: Cluster, namespace: string): Promise<Made> {
  const [{ containers }, releases, ...lists] = await Promise.all([
    readTraces({ name: cluster.name, docker: cluster.tools.docker }),
    cluster.helm.list(namespace),
    ...PLATFORM_NAMESPACES.map((each) => cluster.kubectl.json<List<Pod>>(["get", "pods", "-n", each])),
  ]);
  return {
    containers,
    revisions: releases.map(({ name, revision }) => `${name} ${revision}`).toSorted(),
    pods: lists
      .flatMap(({ items }) => items)
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name} (${metadata.uid})`)
      .toSorted(),
  };
}

/** What there is of a cluster, beside what Kubernetes knows. */
export interface Traces {
  /** Ids. */
  readonly containers: readonly string[];
  readonly volumes: readonly string[];
  /** The directory that holds its kubeconfig, where there is one. */
  readonly directory?: string;
  /** The network that all kind clusters share. */
  readonly network?: {
    readonly id: string;
    /** `up` has made it, so the last `down` takes it away. */
    readonly ours: boolean;
    /** Containers of anybody hang on it. */
    readonly used: boolean;
  };
}

export async function readTraces({ name, docker }: { name: string; docker: string }): Promise<Traces> {
  const lines = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await run(docker, args, { what: "see what there is of the cluster", timeoutMs: 30_000 });
    return stdout.split("\n").filter((line) => line !== "");
  };
  const labelled = (label: string) =>
    lines("ps", "--all", "--quiet", "--no-trunc", "--filter", `label=${label}=${name}`);
  const networks = (...filter: string[]) =>
    lines("network", "ls", "--quiet", "--no-trunc", "--filter", `name=^${networkName}$`, ...filter);
  const [ours, kinds, volumes, [id], marked, users] = await Promise.all([
    labelled(dockerMark),
    labelled(kindClusterLabel),
    lines("volume", "ls", "--quiet", "--filter", `label=${dockerMark}=${name}`),
    networks(),
    networks("--filter", `label=${dockerMark}`),
    lines("ps", "--all", "--quiet", "--filter", `network=${networkName}`),
  ]);
  const { directory } = stateOf({ stateDir: STATE_DIR, name });
  return {
    containers: [...new Set([...ours, ...kinds])].toSorted(),
    volumes,
    ...(existsSync(directory) ? { directory } : {}),
    ...(id === undefined ? {} : { network: { id, ours: marked.includes(id), used: users.length > 0 } }),
  };
}

/** @throws Broken when anything of the cluster is there, or the network is another than before */
export function judgeGone(now: Traces, { before }: { before: Traces }): string {
  const left = [
    now.containers.length > 0 ? `${now.containers.length} containers` : "",
    now.volumes.length > 0 ? `the volumes ${now.volumes.join(", ")}` : "",
    now.directory ?? "",
  ].filter(Boolean);
  if (left.length > 0) throw new Broken(`Left behind: ${left.join(", ")}.`);
  // Ours goes with the last cluster of anybody; a stranger's stays as it was.
  if (!before.network && now.network && !now.network.used) throw new Broken(`Left behind: the network ${networkName}.`);
  if (before.network && !before.network.ours && now.network?.id !== before.network.id)
    throw new Broken(`The network ${networkName}, which was there before, is gone.`);
  return `no container, no volume and no kubeconfig of it is left, and the network ${networkName} is ${now.network ? "what it was, or in use" : "gone"}`;
}

/** Takes the cluster down, whatever happened to it. `before`: what there was before it was made. */
export async function checkDown({
  name,
  docker,
  before,
}: {
  name: string;
  docker: string;
  before: Traces;
}): Promise<CheckResult> {
  const look = () => readTraces({ name, docker });
  const control = await timed(async () =>
    mustBreak(/^Left behind: \d+ containers/, async () => judgeGone(await look(), { before })),
  );
  const { half, ...times } = await timed(async () => {
    const code = await takeDown(name);
    if (code !== 0)
      throw new Broken(`\`./holdfast down --name ${name}\` ended with exit code ${code}; what is wrong stands above.`);
    return judgeGone(await look(), { before });
  });
  // Where `up` failed before it made anything there is nothing to see either.
  const { control: change, ...item } = DOWN;
  return control.half.state === "held"
    ? checkResult(
        { ...item, ...(change === undefined ? {} : { control: change }) },
        { claim: half, control: { ...control.half, state: "broken" }, ...times },
      )
    : checkResult(item, { claim: half, ...times });
}

/** One half of a check, outside of vitest. */
async function timed(work: () => Promise<string>): Promise<{ half: Half; seconds: number; startedAt: string }> {
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const seconds = () => Math.round(performance.now() - startedMs) / 1000;
  try {
    const reason = await work();
    return { half: { state: "held", reason, seconds: seconds() }, seconds: seconds(), startedAt };
  } catch (error) {
    const state = error instanceof Broken ? "broken" : error instanceof TooLittle ? "invalid" : "error";
    return { half: { state, reason: sentenceOf(error), seconds: seconds() }, seconds: seconds(), startedAt };
  }
}
