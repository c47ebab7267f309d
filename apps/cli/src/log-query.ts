/** What `logs` asks VictoriaLogs for, in its own language. Pure. https://docs.victoriametrics.com/victorialogs/logsql/ */
import { usageError } from "./cli-error.ts";
import { traceIdOf } from "./trace-id.ts";

export interface LogChoice {
  traceId?: string | undefined;
  /** A pod, or what the names of several begin with. */
  pod?: string | undefined;
  /** Seconds back from now. */
  since?: number | undefined;
}

/** Without a trace there is no end of lines. */
const SINCE_SECONDS = 300;
/** What `up` and the experiments install into. */
const OUR_NAMESPACES = "holdfast.*";

/** The query. Throws a usage error for what cannot be a trace id or a pod's name. */
export function logQuery({ traceId, pod, since }: LogChoice): string {
  const seconds = since ?? (traceId === undefined ? SINCE_SECONDS : undefined);
  const streams =
    pod !== undefined
      ? `{"k8s.pod.name"=~"${podPattern(pod)}"}`
      : traceId === undefined
        ? `{"k8s.namespace.name"=~"${OUR_NAMESPACES}"}`
        : undefined;
  return [
    ...(seconds === undefined ? [] : [`_time:${seconds}s`]),
    ...(streams === undefined ? [] : [streams]),
    ...(traceId === undefined ? [] : [`trace_id:="${traceIdOf(traceId)}"`]),
  ].join(" ");
}

/** As a pattern that VictoriaLogs takes for the whole name. */
function podPattern(pod: string): string {
  if (/^[a-z\d]([a-z\d.-]{0,251}[a-z\d.-])?$/.test(pod)) return `${pod.replaceAll(".", "[.]")}.*`;
  throw usageError(
    `--pod takes the name of a pod, or what it begins with (small letters, digits, "-" and "."); "${pod}" is not that.`,
  );
}
