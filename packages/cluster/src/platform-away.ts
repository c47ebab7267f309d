/** Takes a program of the platform away for a while, and brings it back. Each returns when it has happened. */
import type { Kubectl } from "./kubectl.ts";

/** What a fault may take away, as kubectl names it. */
export const platformWorkloads = {
  traceGateway: "deployment/trace-gateway",
  victoriaLogs: "statefulset/victoria-logs",
  prometheus: "deployment/prometheus",
} as const;
export type PlatformWorkload = (typeof platformWorkloads)[keyof typeof platformWorkloads];

/** Where they all run. */
export const PLATFORM_NAMESPACE = "monitoring";
/** VictoriaLogs was gone 2 s after it was told, and ready again 5 s after its start. */
const WITHIN_SECONDS = 120;

interface Options {
  readonly signal?: AbortSignal | undefined;
}
type Reached = { readonly kubectl: Pick<Kubectl, "run"> };

/**
 * Scales it to nothing and waits until its pod is gone. What it keeps on a volume stays there.
 *
 * @throws ClusterError TOOL_FAILED, ABORTED
 */
export function stopPlatformWorkload(cluster: Reached, workload: PlatformWorkload, opts: Options = {}): Promise<void> {
  const name = nameOf(workload);
  const gone = ["wait", "pods", ...INSIDE, "-l", `app.kubernetes.io/name=${name}`, "--for=delete"];
  return scale(cluster, workload, { replicas: 0, until: gone, what: `take ${name} away`, ...opts });
}

/**
 * Starts it again and waits until it is ready; where it runs, that is at once.
 *
 * @throws ClusterError TOOL_FAILED, ABORTED
 */
export function startPlatformWorkload(cluster: Reached, workload: PlatformWorkload, opts: Options = {}): Promise<void> {
  const back = ["rollout", "status", workload, ...INSIDE];
  return scale(cluster, workload, { replicas: 1, until: back, what: `bring ${nameOf(workload)} back`, ...opts });
}

const INSIDE = ["-n", PLATFORM_NAMESPACE];

function nameOf(workload: PlatformWorkload): string {
  return workload.slice(workload.indexOf("/") + 1);
}

/** `until`: kubectl's arguments of a wait. */
async function scale(
  { kubectl }: Reached,
  workload: PlatformWorkload,
  opts: Options & { replicas: 0 | 1; until: readonly string[]; what: string },
): Promise<void> {
  const { replicas, until, what, signal } = opts;
  await kubectl.run(["scale", workload, ...INSIDE, `--replicas=${replicas}`], { what, signal });
  await kubectl.run([...until, `--timeout=${WITHIN_SECONDS}s`], {
    what,
    timeoutMs: (WITHIN_SECONDS + 10) * 1000,
    signal,
  });
}
