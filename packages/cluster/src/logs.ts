/** Log lines as VictoriaLogs has stored them. */
import type { Cluster } from "./open.ts";
import { askPlatform, oddAnswer } from "./platform-http.ts";

export interface StoredLine {
  /** RFC 3339: what the line says of itself, or when the container wrote it. */
  readonly time: string;
  readonly message: string;
  readonly pod: string;
  readonly namespace: string;
  readonly container: string;
  readonly node?: string;
  /** What the line names as its service, else its pod's release. */
  readonly service?: string;
  readonly level?: string;
  readonly traceId?: string;
  readonly spanId?: string;
  /** The line's number within its process. */
  readonly seq?: number;
  /** Everything that is stored of it, as text and under VictoriaLogs' own names. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Asks the cluster's VictoriaLogs, through its port on this machine. A line can be found within 2 s of being written: the agent reads
 * twice a second, the store shows what it took after a second.
 *
 * @param opts.query LogsQL: `trace_id:=4bf92f3577b34da6a3ce929d0e0e4736`. Without `_time:` in it all that is kept is searched.
 * @param opts.limit the newest so many; without it all of them
 * @returns by time, and where that is the same by number
 * @throws ClusterError PLATFORM_AWAY, BAD_OPTIONS (VictoriaLogs' words about the query), TOOL_FAILED, CLUSTER_DIFFERS, ABORTED
 */
export async function queryLogs(
  cluster: Pick<Cluster, "name" | "ports">,
  opts: { query: string; limit?: number | undefined; signal?: AbortSignal | undefined },
): Promise<StoredLine[]> {
  const { query, limit, signal } = opts;
  const lines: StoredLine[] = [];
  let rest = "";
  const asked = { port: "logs", program: "VictoriaLogs" } as const;
  await askPlatform(cluster, {
    ...asked,
    workload: "statefulset/victoria-logs",
    path: "/select/logsql/query",
    form: { query, ...(limit === undefined ? {} : { limit: String(limit) }) },
    signal,
    onText(text) {
      const parts = `${rest}${text}`.split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part !== "") lines.push(readStoredLine(part));
    },
  });
  try {
    if (rest !== "") lines.push(readStoredLine(rest));
  } catch (error) {
    throw oddAnswer(cluster, { ...asked, error });
  }
  return lines.sort(inOrder);
}

/** One line of VictoriaLogs' answer. */
export function readStoredLine(json: string): StoredLine {
  const fields = JSON.parse(json) as Record<string, string>;
  const text = (name: string) => fields[name] || undefined;
  const optional = {
    node: text("k8s.node.name"),
    service: text("service.name") ?? text("k8s.pod.label.instance"),
    // The store says "Unspecified" of a line that names none.
    level: text("level") ?? (fields["severity_number"] === "0" ? undefined : text("severity_text")),
    traceId: text("trace_id"),
    spanId: text("span_id"),
    seq: fields["seq"] !== undefined && /^\d+$/.test(fields["seq"]) ? Number(fields["seq"]) : undefined,
  };
  return {
    time: fields["_time"] ?? "",
    message: fields["_msg"] ?? "",
    pod: fields["k8s.pod.name"] ?? "",
    namespace: fields["k8s.namespace.name"] ?? "",
    container: fields["k8s.container.name"] ?? "",
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as {
      [name in keyof typeof optional]?: NonNullable<(typeof optional)[name]>;
    }),
    fields,
  };
}

/** VictoriaLogs writes as many digits of a second as there are; as text, `...05Z` would come after `...05.1Z`. */
function inOrder(a: StoredLine, b: StoredLine): number {
  return sortable(a.time).localeCompare(sortable(b.time), "en") || (a.seq ?? 0) - (b.seq ?? 0);
}

function sortable(time: string): string {
  const [seconds = "", fraction = ""] = time.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}
