/** A request's spans: out of Jaeger where it is installed, else out of the files that the trace gateway writes. */
import { z } from "zod";
import { ClusterError } from "./errors.ts";
import type { Cluster } from "./open.ts";
import { askPlatformJson, whereToLook } from "./platform-http.ts";

export interface StoredSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: "server" | "client" | "internal" | "producer" | "consumer";
  readonly service: string;
  /** Which replica, by the resource's service.instance.id. */
  readonly instance?: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly error: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** For a grep through at most 128 MB on a busy node. */
const readTimeoutMs = 30_000;

/**
 * The spans of one trace that have arrived, by their start. A span is handed on up to 1 s after its end by the service and written within
 * 1 s by the gateway; what the sampler left out is not there.
 *
 * @throws ClusterError BAD_OPTIONS (no trace id), PLATFORM_AWAY, TOOL_FAILED, TIMEOUT, ABORTED
 */
export async function readTrace(
  cluster: Pick<Cluster, "name" | "ports" | "kubectl">,
  opts: { traceId: string; signal?: AbortSignal | undefined },
): Promise<{ spans: StoredSpan[]; from: "jaeger" | "file" }> {
  const traceId = opts.traceId.toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(traceId)) {
    throw new ClusterError("BAD_OPTIONS", `"${opts.traceId}" is no trace id: that has 32 hexadecimal digits.`);
  }
  const stored = await readJaeger(cluster, { traceId, signal: opts.signal });
  if (stored !== undefined && stored.length > 0) return { spans: stored, from: "jaeger" };
  return { spans: await readFiles(cluster, { traceId, signal: opts.signal }), from: "file" };
}

type Wanted = { traceId: string; signal?: AbortSignal | undefined };

/** Nothing where there is no Jaeger: its node port leads nowhere then. */
async function readJaeger(
  cluster: Pick<Cluster, "name" | "ports">,
  { traceId, signal }: Wanted,
): Promise<StoredSpan[] | undefined> {
  if (cluster.ports.traces === 0) return undefined;
  try {
    const { result } = await askPlatformJson<{ result?: unknown }>(cluster, {
      port: "traces",
      program: "Jaeger",
      workload: "deployment/jaeger",
      path: `/api/v3/traces/${traceId}`,
      timeoutMs: 10_000,
      signal,
    });
    return readSpans(result, traceId);
  } catch (error) {
    // It is not installed, or it does not know the trace (404): the files do, or nobody.
    if (error instanceof ClusterError && (error.code === "PLATFORM_AWAY" || error.code === "BAD_OPTIONS")) {
      return undefined;
    }
    throw error;
  }
}

async function readFiles(cluster: Pick<Cluster, "name" | "kubectl">, wanted: Wanted): Promise<StoredSpan[]> {
  const { traceId, signal } = wanted;
  // Before the first span there is no file, which is no error; nor is a trace that nobody knows.
  const search = `cat /spans/*.jsonl 2>/dev/null | grep -F ${traceId} || true`;
  // Where there is no gateway, that is known at once: kubectl would wait a minute for one.
  const place = ["--pod-running-timeout=2s", "-n", "monitoring", "deployment/trace-gateway", "-c", "reader"];
  const text = await cluster.kubectl
    .run(["exec", ...place, "--", "sh", "-c", search], {
      what: "read spans from the trace gateway",
      timeoutMs: readTimeoutMs,
      signal,
    })
    .catch((error: unknown) => {
      throw gatewayAway(cluster.name, error);
    });
  const spans = text
    .split("\n")
    .filter((line) => line !== "")
    // A line that is just being written has no end yet.
    .flatMap((line) => readSpans(parsed(line), traceId));
  return unique(spans);
}

function gatewayAway(name: string, error: unknown): unknown {
  if (!(error instanceof ClusterError) || error.code !== "TOOL_FAILED") return error;
  return new ClusterError(
    "PLATFORM_AWAY",
    `The trace gateway of cluster "${name}", which keeps the spans, cannot be read (${error.message}). ${whereToLook(name, "deployment/trace-gateway")}`,
    { cause: error },
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const value = z.object({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: z.union([z.string(), z.number()]).optional(),
  doubleValue: z.number().optional(),
});
const attributes = z.array(z.object({ key: z.string(), value: value.loose().optional() })).default([]);
/** Of 64 bits, hence mostly as text. */
const nanoseconds = z.union([z.string().regex(/^\d+$/), z.number()]).default("0");
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(""),
  name: z.string().default(""),
  kind: z.union([z.number(), z.string()]).default(0),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes,
  status: z.object({ code: z.union([z.number(), z.string()]).optional() }).default({}),
});
/** OTLP's JSON (opentelemetry-proto, trace/v1), which Jaeger's API v3 and the collector's files both speak. */
const traces = z.object({
  resourceSpans: z
    .array(
      z.object({
        resource: z.object({ attributes }).default({ attributes: [] }),
        scopeSpans: z.array(z.object({ spans: z.array(spanSchema).default([]) })).default([]),
      }),
    )
    .default([]),
});

/** The spans of one trace out of a document of OTLP's JSON. What is no such document has none. */
export function readSpans(document: unknown, traceId: string): StoredSpan[] {
  const read = traces.safeParse(document);
  if (!read.success) return [];
  const spans = read.data.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const of = flat(resource.attributes);
    return scopeSpans.flatMap((scope) => scope.spans).map((span) => viewSpan(span, of));
  });
  return unique(spans.filter((span) => span.traceId === traceId));
}

function viewSpan(span: z.infer<typeof spanSchema>, resource: StoredSpan["attributes"]): StoredSpan {
  const startNs = BigInt(span.startTimeUnixNano);
  const parent = hex(span.parentSpanId);
  const instance = resource["service.instance.id"];
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    ...(/^0*$/.test(parent) ? {} : { parentSpanId: parent }),
    name: span.name,
    kind: kindOf(span.kind),
    service: String(resource["service.name"] ?? "unknown"),
    ...(instance === undefined ? {} : { instance: String(instance) }),
    startMs: Number(startNs / 1000n) / 1000,
    durationMs: Number(BigInt(span.endTimeUnixNano) - startNs) / 1e6,
    error: span.status.code === 2 || span.status.code === "STATUS_CODE_ERROR",
    attributes: flat(span.attributes),
  };
}

/** By start; a span that was sent twice, because its first answer got lost, is one. */
function unique(spans: readonly StoredSpan[]): StoredSpan[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  return [...byId.values()].sort((a, b) => a.startMs - b.startMs);
}

const kinds = ["internal", "internal", "server", "client", "producer", "consumer"] as const;

/** By number, or by the name of protobuf's enumeration. */
function kindOf(kind: number | string): StoredSpan["kind"] {
  if (typeof kind === "number") return kinds[kind] ?? "internal";
  const name = kind.replace("SPAN_KIND_", "").toLowerCase();
  return kinds.find((known) => known === name) ?? "internal";
}

/** Ids are hex by OTLP's rule; protobuf's own JSON has bytes as base64. */
function hex(id: string): string {
  return /^([0-9a-f]{16}|[0-9a-f]{32}|)$/i.test(id) ? id.toLowerCase() : Buffer.from(id, "base64").toString("hex");
}

function flat(list: z.infer<typeof attributes>): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value: { stringValue, boolValue, intValue, doubleValue, ...other } = {} }) => [
      key,
      stringValue ??
        boolValue ??
        (intValue === undefined ? undefined : Number(intValue)) ??
        doubleValue ??
        JSON.stringify(other),
    ]),
  );
}
