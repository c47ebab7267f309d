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
export async function stopPlatformWorkload(
  { kubectl }: Reached,
  workload: PlatformWorkload,
  { signal }: Options = {},
): Promise<void> {
  const [, name = ""] = workload.split("/");
  const what = `take ${name} away`;
  await kubectl.run(["scale", workload, "-n", PLATFORM_NAMESPACE, "--replicas=0"], { what, signal });
  const pods = ["pods", "-n", PLATFORM_NAMESPACE, "-l", `app.kubernetes.io/name=${name}`];
  await kubectl.run(["wait", ...pods, "--for=delete", `--timeout=${WITHIN_SECONDS}s`], {
    what,
    timeoutMs: (WITHIN_SECONDS + 10) * 1000,
    signal,
  });
}

/**
 * Starts it again and waits until it is ready; where it runs, that is at once.
 *
 * @throws ClusterError TOOL_FAILED, ABORTED
 */
export async function startPlatformWorkload(
  { kubectl }: Reached,
  workload: PlatformWorkload,
  { signal }: Options = {},
): Promise<void> {
  const [, name = ""] = workload.split("/");
  const what = `bring ${name} back`;
  await kubectl.run(["scale", workload, "-n", PLATFORM_NAMESPACE, "--replicas=1"], { what, signal });
  const status = ["rollout", "status", workload, "-n", PLATFORM_NAMESPACE, `--timeout=${WITHIN_SECONDS}s`];
  await kubectl.run(status, { what, timeoutMs: (WITHIN_SECONDS + 10) * 1000, signal });
}
