/** What the platform's programs answer through their node ports on this machine. */
import { ClusterError } from "./errors.ts";
import { commandFor } from "./names.ts";
import type { NodePortName } from "./names.ts";
import type { Cluster } from "./open.ts";

export interface Question {
  readonly port: NodePortName;
  /** As a person knows it: `VictoriaLogs`. */
  readonly program: string;
  /** Its workload in namespace monitoring, for the sentence that says where to look. */
  readonly workload: string;
  readonly path: string;
  /** Sent as a form by POST, since a query may be longer than an address. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds until the whole answer must be there; default 60 000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeoutMs = 60_000;
/** What these programs say of a question that they do not take. Anything else (a 403 of somebody's proxy) is not theirs. */
const ABOUT_THE_QUESTION = new Set([400, 404, 413, 414, 422]);

/**
 * Asks, and hands on the answer's text piece by piece, so that a long one never stands in memory twice.
 *
 * @throws ClusterError PLATFORM_AWAY, BAD_OPTIONS (the program's own words about what was asked), TOOL_FAILED (no answer of that program),
 *   CLUSTER_DIFFERS, ABORTED
 */
export async function askPlatform(
  cluster: Pick<Cluster, "name" | "ports">,
  opts: Question & { onText: (text: string) => void },
): Promise<void> {
  const { program, form, signal } = opts;
  const port = cluster.ports[opts.port];
  if (port === 0) {
    throw new ClusterError(
      "CLUSTER_DIFFERS",
      `The cluster "${cluster.name}" does not publish the port of ${program}: it was made before there was one. \`${commandFor("down", cluster.name)}\`, then \`${commandFor("up", cluster.name)}\` makes it anew.`,
    );
  }
  const timeout = AbortSignal.timeout(opts.timeoutMs ?? defaultTimeoutMs);
  let response: Response;
  try {
    response = await fetch(`http://127.0.0.1:${port}${opts.path}`, {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });
    if (response.ok && response.body !== null) {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) opts.onText(text);
      return;
    }
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    if (error instanceof SyntaxError) throw oddAnswer(cluster, { ...opts, error });
    if (signal?.aborted) throw new ClusterError("ABORTED", `Stopped while asking ${program}.`, { cause: error });
    throw away(cluster, { ...opts, reason: reasonOf(error) });
  }
  const said = (await response.text().catch(() => "")).trim().slice(0, 500);
  if (ABOUT_THE_QUESTION.has(response.status)) {
    throw new ClusterError("BAD_OPTIONS", `${program} refused what it was asked (HTTP ${response.status}): ${said}`);
  }
  throw away(cluster, { ...opts, reason: `HTTP ${response.status} ${said}`.trim() });
}

/** As askPlatform(), for an answer that is one JSON document. */
export async function askPlatformJson<T>(cluster: Pick<Cluster, "name" | "ports">, opts: Question): Promise<T> {
  let text = "";
  await askPlatform(cluster, { ...opts, onText: (more) => (text += more) });
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw oddAnswer(cluster, { ...opts, error });
  }
}

/** For an answer that is none of that program. */
export function oddAnswer(
  cluster: Pick<Cluster, "name" | "ports">,
  { program, port, error }: Pick<Question, "program" | "port"> & { error: unknown },
): ClusterError {
  return new ClusterError(
    "TOOL_FAILED",
    `What answers for ${program} of cluster "${cluster.name}" on 127.0.0.1:${cluster.ports[port]} does not speak as it does (${reasonOf(error)}). See whether something else has that port.`,
    { cause: error },
  );
}

function away(cluster: Pick<Cluster, "name" | "ports">, opts: Question & { reason: string }): ClusterError {
  const { program, workload, reason } = opts;
  return new ClusterError(
    "PLATFORM_AWAY",
    `${program} of cluster "${cluster.name}" does not answer on 127.0.0.1:${cluster.ports[opts.port]} (${reason}). ${whereToLook(cluster.name, workload)}`,
  );
}

/** For what is away: a sentence that says how to see why, and what to do. */
export function whereToLook(cluster: string, workload: string): string {
  return `See how it is with \`./holdfast status\` or \`kubectl -n monitoring describe ${workload}\`; \`${commandFor("up", cluster)}\` puts back what is missing.`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
