/** Whether a request's spans and log lines tell one story. Pure. */
import type { StoredLine, StoredSpan } from "@holdfast/cluster";
import type { Sent } from "./client-pod.ts";
import { Broken } from "./judgement.ts";

export interface Stored {
  readonly spans: readonly StoredSpan[];
  readonly lines: readonly StoredLine[];
}

/** Which services a request meets, the one that the client asks first. */
const SERVICES = ["catalogue", "stock"] as const;

/**
 * The client's span, the catalogue's, its call, the stock's: each the child of the one before; and of each service a log line that leads
 * to its span, and back. @returns what was found. @throws Broken
 */
export function judgeJoined({ traceId, spanId }: Pick<Sent, "traceId" | "spanId">, { spans, lines }: Stored): string {
  let parent = spanId;
  for (const service of SERVICES) {
    const server = serverSpan(spans, service);
    if (!server) throw new Broken(`No span of ${service} is stored for trace ${traceId}; there are ${namesOf(spans)}.`);
    if (server.parentSpanId !== parent) {
      throw new Broken(
        `The span of ${service} is a child of ${server.parentSpanId ?? "nothing"}, not of ${parent}, which called it (trace ${traceId}).`,
      );
    }
    lineOf(lines, { service, traceId, span: server });
    if (service === SERVICES.at(-1)) break;
    const call = spans.find(({ kind, parentSpanId }) => kind === "client" && parentSpanId === server.spanId);
    if (!call)
      throw new Broken(`No span of ${service} tells of its call (trace ${traceId}); there are ${namesOf(spans)}.`);
    parent = call.spanId;
  }
  return `${spans.length} spans and ${lines.length} log lines`;
}

/** A failed request's own span, though its caller had said not to sample it. @throws Broken */
export function judgeLocalSpan(
  { traceId, spanId }: Pick<Sent, "traceId" | "spanId">,
  { service, spans, lines }: Stored & { service: string },
): string {
  const span = serverSpan(spans, service);
  if (!span) throw new Broken(`No span of ${service} is stored for trace ${traceId}, which was not sampled.`);
  if (span.parentSpanId !== spanId)
    throw new Broken(`Its span is a child of ${span.parentSpanId ?? "nothing"}, not of the client's ${spanId}.`);
  const line = lineOf(lines, { service, traceId, span });
  return `its span says ${span.error ? "error" : "no error"}, and its log line "${line.message}"`;
}

/** Of a service a span without any log line would be no use, nor the other way round. */
function lineOf(
  lines: readonly StoredLine[],
  { service, traceId, span }: { service: string; traceId: string; span: StoredSpan },
): StoredLine {
  const line = lines.find((each) => each.spanId === span.spanId);
  if (line) return line;
  const own = lines.filter((each) => each.service === service);
  const found =
    own.length === 0
      ? "it has no line of that trace"
      : `its lines name ${own.map((each) => each.spanId ?? "no span").join(", ")}`;
  throw new Broken(`No log line leads to the span ${span.spanId} of ${service} (trace ${traceId}): ${found}.`);
}

function serverSpan(spans: readonly StoredSpan[], service: string): StoredSpan | undefined {
  return spans.find((span) => span.kind === "server" && span.service === service);
}

function namesOf(spans: readonly StoredSpan[]): string {
  return spans.length === 0 ? "none" : spans.map(({ service, kind }) => `${service} (${kind})`).join(", ");
}
