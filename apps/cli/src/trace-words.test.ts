import { expect, test } from "vitest";
import { unpainted } from "./paint.ts";
import { sampleLine, sampleTrace, SENDER_SPAN_ID, TRACE_ID } from "./trace.fixture.ts";
import { traceLines } from "./trace-words.ts";

const opts = { width: 100, paint: unpainted, urls: {}, nameFlag: "", nowMs: Date.parse("2026-11-24T20:00:00Z") };

test("a trace: its id, what it is made of and where it was found, the picture, and where more is to be seen", () => {
  const lines = traceLines({ ...sampleTrace(), from: "file" }, { ...opts, nameFlag: " --name second" });
  expect(lines.slice(0, 5)).toEqual([
    `Trace ${TRACE_ID}`,
    "catalogue and stock: 3 spans, 2 log lines, 20 ms, spans from the collector's file",
    "",
    "SERVICE    SPAN                          START   TOOK",
    expect.stringMatching(/^catalogue {2}GET \/api\/products\/:id 200 .*█$/),
  ]);
  expect(lines.slice(-2)).toEqual(["", `Its lines in full: ./holdfast logs --name second ${TRACE_ID}`]);
});

test("what has a web page is linked", () => {
  const urls = { logs: "http://localhost:30428/select/vmui", traces: "http://localhost:30686" };
  const lines = traceLines({ ...sampleTrace(), from: "jaeger" }, { ...opts, urls });
  expect(lines[1]).toMatch(/, spans from Jaeger$/);
  expect(lines.at(-2)).toContain(`http://localhost:30428/select/vmui/#/?query=trace_id%3A%3D%22${TRACE_ID}%22`);
  expect(lines.at(-1)).toContain(`http://localhost:30686/trace/${TRACE_ID}`);
});

test("a request that the command has sent begins with the sender's own view", () => {
  const sent = {
    traceId: TRACE_ID,
    spanId: SENDER_SPAN_ID,
    method: "GET" as const,
    url: "http://localhost:30080/api/products/walnut-desk",
    startMs: Date.parse("2026-11-24T14:20:42.095Z"),
    durationMs: 30,
    status: 200,
  };
  const lines = traceLines({ ...sampleTrace(), from: "file", sent }, opts);
  expect(lines[1]).toMatch(/^catalogue and stock: 3 spans/);
  expect(lines.slice(4, 6)).toEqual([
    expect.stringMatching(/^\(sender\) {3}GET \/api\/products\/walnut-desk 200 +0 ms +30 ms {2}█+$/),
    expect.stringMatching(/^catalogue {4}GET \/api\/products\/:id 200 +5 ms +20 ms {2} +█+$/),
  ]);
});

test("without a span its lines are shown, with why there may be none", () => {
  const lines = traceLines({ ...sampleTrace({ spans: [] }), from: "file" }, opts);
  expect(lines[1]).toBe("stock and catalogue: 0 spans, 2 log lines, 7 ms");
  expect(lines.join(" ")).toContain("It was sampled, and no span of it is stored: one is there some 2 s after its end");
  const unsampled = [sampleLine({ fields: { trace_flags: "00" } }, 0)];
  expect(traceLines(sampleTrace({ spans: [], lines: unsampled }), opts).join(" ")).toContain(
    "It was not sampled, so no span of it is stored; had it failed, there would be one all the same.",
  );
  expect(lines).toContain(
    "14:20:42.113   stock       stock-5d978fb958-tv6zh       info    request GET /api/stock/:id 200 8 ms",
  );
});
