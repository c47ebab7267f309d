import { diagnose, keepsCrashing, pullFailures } from "./diagnosis.ts";
import type { PullFailure } from "./diagnosis.ts";
import { ClusterError } from "./errors.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Pod } from "./kubernetes-types.ts";
import { availableOf, isRolledOut, workloadKinds } from "./workloads.ts";
import type { Workload, WorkloadKind } from "./workloads.ts";

export interface RolloutOptions {
  namespace: string;
  /** What is waited for, for the error's first words: `KEDA`, `release catalogue`. */
  what: string;
  /** What of is waited for; default: Deployments. */
  kinds?: readonly WorkloadKind[] | undefined;
  /** Labels of the workloads and of their pods: `app.kubernetes.io/instance=catalogue`; all of the namespace without it. */
  selector?: string | undefined;
  /** Only these count, by their names. */
  workloads?: readonly string[] | undefined;
  /** Replicas that each must have, where a scaler has yet to raise a new one to its least. */
  atLeast?: number | undefined;
  timeoutSeconds: number;
  signal?: AbortSignal | undefined;
  /** Adds to the error about an image that could not be pulled, such as whether the bundle lists it. */
  onMissingImage?: ((image: string) => string) | undefined;
}

/**
 * How long a failed pull may still be a slow network: containerd asks a mirror and then upstream, and without internet both have answered
 * within a few seconds.
 */
const PULL_GRACE_MS = 15_000;

/**
 * Waits, by watching, until Deployments, StatefulSets or DaemonSets have rolled out: all pods of the newest form, all available, none of an older form left.
 *
 * @throws ClusterError IMAGE_MISSING as soon as an image is not to be had; TIMEOUT with each unready pod's state, events and log, sooner when one keeps crashing; ABORTED
 */
export async function untilRolledOut(kubectl: Kubectl, opts: RolloutOptions): Promise<void> {
  const { namespace, what, signal, timeoutSeconds } = opts;
  const selector = opts.selector === undefined ? [] : ["-l", opts.selector];
  const { kinds = ["Deployment"] } = opts;
  const workloads = new Map<string, Workload>();
  const pods = new Map<string, Pod>();
  const outcome = Promise.withResolvers<"ready" | "late" | "crashing" | "aborted" | readonly PullFailure[]>();
  let pullFailedAt: number | undefined;

  function wanted(): Workload[] {
    const all = [...workloads.values()];
    return opts.workloads === undefined ? all : all.filter(({ metadata }) => opts.workloads?.includes(metadata.name));
  }

  function isThere(workload: Workload): boolean {
    return isRolledOut(workload) && availableOf(workload) >= (opts.atLeast ?? 0);
  }

  function judge(): void {
    const found = wanted();
    if (found.length >= (opts.workloads?.length ?? 1) && found.every((workload) => isThere(workload))) {
      outcome.resolve("ready");
      return;
    }
    const lasting = [...pods.values()].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (keepsCrashing(lasting)) outcome.resolve("crashing");
    const failures = pullFailures(lasting);
    if (failures.length === 0) pullFailedAt = undefined;
    else pullFailedAt ??= Date.now();
    if (pullFailedAt !== undefined && Date.now() - pullFailedAt >= PULL_GRACE_MS) outcome.resolve(failures);
  }

  function follow<T extends Workload | Pod>(resource: string, into: Map<string, T>) {
    return kubectl.watch<T>([resource, "-n", namespace, ...selector], {
      onEvent({ type, object }) {
        if (type === "DELETED") into.delete(object.metadata.uid);
        else into.set(object.metadata.uid, object);
        judge();
      },
      onEnd(error) {
        if (error !== undefined) outcome.reject(error);
      },
    });
  }

  signal?.addEventListener("abort", onAbort, { once: true });
  function onAbort(): void {
    outcome.resolve("aborted");
  }
  if (signal?.aborted) onAbort();
  const watches = [...kinds.map((kind) => follow(workloadKinds[kind], workloads)), follow("pods", pods)];
  const deadline = setTimeout(() => outcome.resolve("late"), timeoutSeconds * 1000);
  // A back-off sends no events for a while: its grace is measured by the clock.
  const clock = setInterval(judge, 1000);
  try {
    const result = await outcome.promise;
    if (result === "ready") return;
    if (result === "aborted") throw new ClusterError("ABORTED", `Stopped while waiting for ${what}.`);
    if (result !== "late" && result !== "crashing") throw missingImage(opts, result);
    const late = wanted().filter((workload) => !isThere(workload));
    const lines = await diagnose(kubectl, { namespace, workloads: late, pods: [...pods.values()] });
    const waited =
      result === "late"
        ? `Waited ${timeoutSeconds} s for ${what} to become ready.`
        : `A program of ${what} keeps crashing.`;
    const names = late.map(({ metadata }) => metadata.name).join(", ");
    throw new ClusterError(
      "TIMEOUT",
      [
        `${waited} ${names === "" ? `There is no ${kinds.join(" or ")} of it in namespace ${namespace}` : `Not ready: ${names}`}.`,
        ...lines,
      ].join("\n  "),
    );
  } finally {
    clearTimeout(deadline);
    clearInterval(clock);
    signal?.removeEventListener("abort", onAbort);
    await Promise.all(watches.map((watch) => watch.stop()));
  }
}

function missingImage(opts: RolloutOptions, failures: readonly PullFailure[]): ClusterError {
  const lines = failures.map(({ image, node, message }) =>
    [
      `${node} could not pull ${image}.`,
      opts.onMissingImage?.(image),
      message === "" ? undefined : `It said: ${message}`,
    ]
      .filter((sentence) => sentence !== undefined)
      .join(" "),
  );
  return new ClusterError("IMAGE_MISSING", [`An image of ${opts.what} is not to be had:`, ...lines].join("\n  "));
}
