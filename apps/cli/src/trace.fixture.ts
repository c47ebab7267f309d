/** A request as it is stored: asked of the catalogue, which asks stock. */
import type { StoredLine, StoredSpan } from "@holdfast/cluster";
import type { StoredTrace } from "./waterfall.ts";

export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
/** Of whoever sent it: stored nowhere. */
export const SENDER_SPAN_ID = "00f067aa0ba902b7";
const START_MS = Date.parse("2026-11-24T14:20:42.100Z");

export function sampleTrace(change: Partial<StoredTrace> = {}): StoredTrace {
  return {
    traceId: TRACE_ID,
    spans: [
      sampleSpan(
        { spanId: "stock-server", parentSpanId: "call", service: "stock", name: "GET /api/stock/:id" },
        [5, 8],
      ),
      sampleSpan({ spanId: "catalogue-server", parentSpanId: SENDER_SPAN_ID, name: "GET /api/products/:id" }, [0, 20]),
      sampleSpan(
        { spanId: "call", parentSpanId: "catalogue-server", kind: "client", name: "GET /api/stock/:id" },
        [3, 12],
      ),
    ],
    lines: [accessLine("stock", "stock-server", 13), accessLine("catalogue", "catalogue-server", 20)],
    ...change,
  };
}

/** `[startMs, durationMs]`, the start from that of the trace. */
export function sampleSpan(change: Partial<StoredSpan>, [startMs, durationMs]: readonly [number, number]): StoredSpan {
  return {
    traceId: TRACE_ID,
    spanId: "span",
    name: "GET /",
    kind: "server",
    service: "catalogue",
    startMs: START_MS + startMs,
    durationMs,
    error: false,
    attributes: { "http.response.status_code": 200 },
    ...change,
  };
}

/** `atMs` from the trace's start. */
export function sampleLine(change: Partial<StoredLine>, atMs: number): StoredLine {
  return {
    time: new Date(START_MS + atMs).toISOString(),
    message: "request",
    pod: "catalogue-77c898d564-9k4vt",
    namespace: "holdfast",
    container: "service",
    node: "holdfast-worker",
    service: "catalogue",
    level: "info",
    traceId: TRACE_ID,
    seq: 17,
    fields: {},
    ...change,
  };
}

function accessLine(service: "catalogue" | "stock", spanId: string, atMs: number): StoredLine {
  const route = service === "catalogue" ? "/api/products/:id" : "/api/stock/:id";
  return sampleLine(
    {
      service,
      spanId,
      pod: service === "catalogue" ? "catalogue-77c898d564-9k4vt" : "stock-5d978fb958-tv6zh",
      // As VictoriaLogs gave them for such a line.
      fields: {
        _msg: "request",
        _stream: '{k8s.container.name="service",k8s.namespace.name="holdfast",k8s.pod.name="x"}',
        _stream_id: "0000000000000000fbec51e671cb6ab484e83a0f5212e487",
        _time: "2026-11-24T14:20:42.212223714Z",
        "client.address": "10.244.3.8",
        "holdfast.log_shipping": "node",
        "http.request.method": "GET",
        "http.response.status_code": "200",
        "http.route": route,
        "http.server.request.duration_ms": service === "catalogue" ? "20" : "8",
        "k8s.container.name": "service",
        "k8s.container.restart_count": "0",
        "k8s.namespace.name": "holdfast",
        "k8s.node.name": "holdfast-worker",
        "k8s.pod.label.instance": service,
        "k8s.pod.name": "x",
        "k8s.pod.uid": "1072709e-1598-4282-8a0a-7d4360b2d05a",
        level: "info",
        "log.file.path": "/var/log/pods/holdfast_x_1072709e-1598-4282-8a0a-7d4360b2d05a/service/0.log",
        "log.iostream": "stdout",
        logtag: "F",
        "network.protocol.version": "1.1",
        "process.creation.time": "2026-11-24T14:20:30.849Z",
        "scope.name": "unknown",
        "scope.version": "unknown",
        seq: "17",
        "service.instance.id": "x",
        "service.name": service,
        "service.version": "0.1.0",
        severity_number: "9",
        severity_text: "info",
        span_id: spanId,
        time: "2026-11-24T14:20:42.210Z",
        trace_flags: "01",
        trace_id: TRACE_ID,
        "url.path": route.replace(":id", "walnut-desk"),
        "user_agent.original": "node",
      },
    },
    atMs,
  );
}
