/** What `trace` says. Pure. */
import type { StoredSpan } from "@holdfast/cluster";
import type { ClusterUrls } from "./cluster-urls.ts";
import { logLines } from "./log-words.ts";
import type { Paint } from "./paint.ts";
import type { SentRequest } from "./sampled-request.ts";
import { paragraph } from "./table.ts";
import { traceSummary, waterfallLines, type StoredTrace } from "./waterfall.ts";

export interface FoundTrace extends StoredTrace {
  /** Where its spans were found. */
  from?: "jaeger" | "file";
  /** Where it was sent by the command itself. */
  sent?: SentRequest;
  /** What had not come when the time was over. */
  missing?: string[];
}

const FROM = { jaeger: "Jaeger", file: "the collector's file" } as const;

export function traceLines(
  trace: FoundTrace,
  opts: { width: number; paint: Paint; urls: Partial<ClusterUrls>; nameFlag: string; nowMs?: number },
): string[] {
  const { paint, width } = opts;
  const { traceId, spans, from, sent } = trace;
  const shown: StoredTrace = sent === undefined ? trace : { ...trace, spans: [senderSpan(sent), ...spans] };
  const stored = from === undefined || spans.length === 0 ? "" : `, spans from ${FROM[from]}`;
  return [
    paint("title", `Trace ${traceId}`),
    `${traceSummary(trace)}${stored}`,
    "",
    ...(spans.length > 0 ? waterfallLines(shown, { width, paint }) : withoutSpans(trace, opts)),
    "",
    ...placesOf(trace, opts),
  ];
}

function withoutSpans(trace: FoundTrace, opts: { width: number; paint: Paint; nowMs?: number }): string[] {
  const { paint, width, nowMs = Date.now() } = opts;
  // Its lines say what its sender has decided.
  const sampled = trace.lines.some(({ fields }) => fields["trace_flags"] === "01");
  const why = sampled
    ? "It was sampled, and no span of it is stored: one is there some 2 s after its end, unless the trace gateway was away."
    : "It was not sampled, so no span of it is stored; had it failed, there would be one all the same. Its log lines are stored in any case:";
  return [...paragraph(why, { width, indent: 0 }), "", ...logLines(trace.lines, { paint, nowMs })];
}

/** Where more is to be seen. */
function placesOf({ traceId, spans }: FoundTrace, opts: { urls: Partial<ClusterUrls>; nameFlag: string }): string[] {
  const { urls, nameFlag } = opts;
  const query = encodeURIComponent(`trace_id:="${traceId}"`);
  return [
    `Its lines in full: ./holdfast logs${nameFlag} ${traceId}`,
    ...(urls.logs === undefined ? [] : [`In VictoriaLogs:   ${urls.logs}/#/?query=${query}`]),
    ...(urls.traces === undefined || spans.length === 0 ? [] : [`In Jaeger:         ${urls.traces}/trace/${traceId}`]),
  ];
}

/** The sender's own view, which nobody stores. */
function senderSpan({ traceId, spanId, method, url, startMs, durationMs, status }: SentRequest): StoredSpan {
  return {
    traceId,
    spanId,
    name: `${method} ${new URL(url).pathname}`,
    kind: "client",
    service: "(sender)",
    startMs,
    durationMs,
    error: status >= 500,
    attributes: { "http.response.status_code": status },
  };
}
