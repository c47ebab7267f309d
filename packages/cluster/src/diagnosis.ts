import { condition, isTrue } from "./kubernetes-types.ts";
import type { ContainerStatus, KubernetesEvent, List, Pod } from "./kubernetes-types.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Workload } from "./workloads.ts";

/** As much of a log as shows the last error. */
const LOG_LINES = 8;
const EVENTS = 3;
/** Of three pods that fail in the same way, two are enough. */
const PODS = 2;

export interface PullFailure {
  image: string;
  node: string;
  /** containerd's sentence. */
  message: string;
}

/** What keeps workloads from being ready, as lines for a person: each pod's state, its last events, the last lines of its log. */
export async function diagnose(
  kubectl: Kubectl,
  found: { namespace: string; workloads: readonly Workload[]; pods: readonly Pod[] },
): Promise<string[]> {
  const { namespace, workloads } = found;
  const pods = found.pods.filter((pod) => !isTrue(pod, "Ready") && pod.metadata.deletionTimestamp === undefined);
  const lines = workloads.flatMap((workload) => workloadLines(workload));
  for (const pod of pods.slice(0, PODS)) {
    lines.push(`pod ${namespace}/${pod.metadata.name}: ${describePod(pod)}`);
    lines.push(...(await eventLines(kubectl, pod)), ...(await logLines(kubectl, pod)));
  }
  if (pods.length > PODS) lines.push(`and ${pods.length - PODS} more pods that are not ready`);
  return lines;
}

/** Only what its pods do not tell: that there are none, and why. */
function workloadLines(workload: Workload): string[] {
  const refused = condition(workload, "ReplicaFailure");
  return refused?.status === "True"
    ? [`${workload.metadata.name} cannot make its pods: ${refused.message ?? refused.reason}`]
    : [];
}

/** One line: where the pod stands and what it waits for. */
export function describePod(pod: Pod): string {
  const scheduled = condition(pod, "PodScheduled");
  if (scheduled?.status === "False") return `waits for a node: ${scheduled.message ?? scheduled.reason}`;
  const place = `on ${pod.spec.nodeName ?? "no node"}`;
  const reasons = containerStatuses(pod).flatMap((status) => describeContainer(status) ?? []);
  if (reasons.length > 0) return `${place}, ${reasons.join("; ")}`;
  return `${place}, ${pod.status?.reason ?? pod.status?.phase ?? "unknown"}`;
}

function describeContainer(status: ContainerStatus): string | undefined {
  const { waiting, terminated } = status.state ?? {};
  const last = status.lastState?.terminated;
  const ended =
    last === undefined
      ? ""
      : `, ended before with ${last.reason ?? "Error"} (exit code ${last.exitCode}), ${status.restartCount} restarts`;
  if (waiting !== undefined) {
    const message = waiting.message === undefined ? "" : `: ${waiting.message}`;
    return `container ${status.name} is ${waiting.reason ?? "waiting"}${message}${ended}`;
  }
  if (terminated !== undefined) {
    // An init container that has done its work.
    if (terminated.exitCode === 0) return undefined;
    return `container ${status.name} ended with ${terminated.reason ?? "Error"} (exit code ${terminated.exitCode})`;
  }
  return status.ready ? undefined : `container ${status.name} runs and is not ready${ended}`;
}

/** The images that could not be pulled, one entry each. */
export function pullFailures(pods: readonly Pod[]): PullFailure[] {
  const failures = new Map<string, PullFailure>();
  for (const pod of pods) {
    for (const { state, image, name } of containerStatuses(pod)) {
      const { reason = "", message = "" } = state?.waiting ?? {};
      if (!PULL_FAILED.has(reason)) continue;
      const asked = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
        (one) => one.name === name,
      )?.image;
      failures.set(asked ?? image, { image: asked ?? image, node: pod.spec.nodeName ?? "a node", message });
    }
  }
  return [...failures.values()];
}

/** A program that waits for another one at its start may fail once or twice; KEDA's does. */
const HOPELESS_RESTARTS = 4;

/** Whether one of the pods fails again and again, so that waiting longer is of no use. */
export function keepsCrashing(pods: readonly Pod[]): boolean {
  return pods.some((pod) =>
    containerStatuses(pod).some(
      ({ state, restartCount }) => state?.waiting?.reason === "CrashLoopBackOff" && restartCount >= HOPELESS_RESTARTS,
    ),
  );
}

const PULL_FAILED = new Set(["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]);

function containerStatuses({ status }: Pod): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

async function eventLines(kubectl: Kubectl, pod: Pod): Promise<string[]> {
  const { name, namespace = "default" } = pod.metadata;
  try {
    const { items } = await kubectl.json<List<KubernetesEvent>>([
      "get",
      "events",
      `--namespace=${namespace}`,
      `--field-selector=involvedObject.kind=Pod,involvedObject.name=${name}`,
    ]);
    return items
      .sort((a, b) => eventTime(a).localeCompare(eventTime(b)))
      .slice(-EVENTS)
      .map(({ reason, message }) => `  event ${reason}: ${message}`);
  } catch {
    // The reason for the failure counts; a second failure while telling it must not hide it.
    return [];
  }
}

function eventTime(event: KubernetesEvent): string {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
}

async function logLines(kubectl: Kubectl, pod: Pod): Promise<string[]> {
  const { name, namespace = "default" } = pod.metadata;
  const lines: string[] = [];
  for (const status of containerStatuses(pod)) {
    if (status.ready || status.containerID === undefined) continue;
    // Once it has restarted, the log of the run that failed says more than that of the one that has just begun.
    const previous = status.restartCount > 0 && status.lastState?.terminated !== undefined ? ["--previous"] : [];
    const log = await kubectl
      .run(["logs", name, "-n", namespace, "-c", status.name, `--tail=${LOG_LINES}`, ...previous])
      .catch(() => "");
    for (const line of log.split("\n").filter((line) => line.trim() !== "")) {
      lines.push(`  log of ${status.name}: ${line.slice(0, 300)}`);
    }
  }
  return lines;
}
