import { expect, test } from "vitest";
import { unpainted, type Paint } from "./paint.ts";
import { sampleLine, sampleSpan, sampleTrace } from "./trace.fixture.ts";
import { traceSummary, waterfallLines } from "./waterfall.ts";

const wide = { width: 120, paint: unpainted };

test("a tree of spans with a bar each, and the log lines where they were written", () => {
  expect(waterfallLines(sampleTrace(), { width: 100, paint: unpainted })).toEqual([
    "SERVICE    SPAN                          START   TOOK",
    "catalogue  GET /api/products/:id 200      0 ms  20 ms  █████████████████████████████████████████████",
    "catalogue    GET /api/stock/:id 200       3 ms  12 ms        ████████████████████████████",
    "stock          GET /api/stock/:id 200     5 ms   8 ms             ██████████████████",
    "stock            info: request 200 8 ms  13 ms                                      •",
    "catalogue    info: request 200 20 ms     20 ms                                                     •",
  ]);
});

test.for([40, 60, 80, 100, 132, 200])("at %d columns no line is wider", (width) => {
  const lines = waterfallLines(sampleTrace(), { width, paint: unpainted });
  expect(lines).toHaveLength(6);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  for (const line of lines.slice(1)) expect(line).toMatch(/[█•]$/);
});

test("where there is little room, starts are left out and names are cut", () => {
  expect(waterfallLines(sampleTrace(), { width: 60, paint: unpainted })).toEqual([
    "SERVICE    SPAN                       TOOK",
    "catalogue  GET /api/products/:id 2…  20 ms  ████████████████",
    "catalogue    GET /api/stock/:id 200  12 ms    ██████████",
    "stock          GET /api/stock/:id …   8 ms      ██████",
    "stock            info: request 200…                   •",
    "catalogue    info: request 200 20 …                        •",
  ]);
});

test("where nobody has columns nothing is cut", () => {
  const lines = waterfallLines(sampleTrace(), { width: Number.POSITIVE_INFINITY, paint: unpainted });
  expect(lines.join("\n")).toContain("info: request 200 20 ms");
  expect(lines.join("\n")).not.toContain("…");
});

test("what failed says so without colours, and has the colour of trouble where there are some", () => {
  const spans = [
    sampleSpan(
      { spanId: "a", error: true, attributes: { "http.response.status_code": 503, "error.type": "503" } },
      [0, 9],
    ),
    sampleSpan(
      { spanId: "b", parentSpanId: "a", kind: "client", error: true, attributes: { "error.type": "ECONNREFUSED" } },
      [1, 2],
    ),
    sampleSpan({ spanId: "c", parentSpanId: "a", error: true, attributes: {} }, [4, 0]),
  ];
  const trace = sampleTrace({ spans, lines: [] });
  const texts = waterfallLines(trace, wide).map((line) => line.slice(11, 40).trimEnd());
  expect(texts).toEqual(["SPAN", "GET / FAILED (503)", "  GET / FAILED (ECONNREFUSED)", "  GET / FAILED"]);
  const paint: Paint = (tone, text) => (tone === "bad" ? text.replaceAll("█", "X") : text);
  expect(waterfallLines(trace, { ...wide, paint })[1]).toMatch(/ X+$/);
});

test("lines of warnings and errors have their tone, the others are quiet", () => {
  const lines = ["info", "warn", "error"].map((level, index) => sampleLine({ level, spanId: "a" }, index));
  const trace = sampleTrace({ spans: [sampleSpan({ spanId: "a" }, [0, 9])], lines });
  const tones: string[] = [];
  const paint: Paint = (tone, text) => {
    if (text.includes("•")) tones.push(tone);
    return text;
  };
  waterfallLines(trace, { ...wide, paint });
  expect(tones).toEqual(["quiet", "warn", "bad"]);
});

test("what belongs to no span that is stored stands at the root, in its time", () => {
  const stray = sampleLine({ service: "stock", spanId: "never-stored", message: "stray" }, 5);
  const trace = sampleTrace({ spans: [sampleSpan({ spanId: "a", parentSpanId: "gone" }, [0, 9])], lines: [stray] });
  expect(waterfallLines(trace, wide).map((line) => line.slice(0, 30).trimEnd())).toEqual([
    "SERVICE    SPAN         START",
    "catalogue  GET / 200     0 ms",
    "stock      info: stray   5 ms",
  ]);
});

test("spans that name one another as parents are shown once each", () => {
  const spans = [
    sampleSpan({ spanId: "a", parentSpanId: "b", name: "A" }, [0, 2]),
    sampleSpan({ spanId: "b", parentSpanId: "a", name: "B" }, [1, 2]),
    sampleSpan({ spanId: "c", parentSpanId: "c", name: "C" }, [2, 2]),
  ];
  const names = waterfallLines(sampleTrace({ spans, lines: [] }), wide)
    .slice(1)
    .map((line) => line.slice(11).trim().charAt(0));
  expect(names).toEqual(["A", "B", "C"]);
});

test("a bar begins and ends where its span does", () => {
  const spans = [
    sampleSpan({ spanId: "a" }, [0, 100]),
    sampleSpan({ spanId: "b", parentSpanId: "a" }, [50, 50]),
    sampleSpan({ spanId: "c", parentSpanId: "a" }, [99.99, 0.001]),
  ];
  const bars = waterfallLines(sampleTrace({ spans, lines: [] }), { width: Number.POSITIVE_INFINITY, paint: unpainted })
    .slice(1)
    .map((line) => line.slice(line.length - 40));
  expect(bars).toEqual(["█".repeat(40), `${" ".repeat(20)}${"█".repeat(20)}`, `${" ".repeat(39)}█`]);
});

test("a summary: who took part, how much there is, how long it took", () => {
  expect(traceSummary(sampleTrace())).toBe("catalogue and stock: 3 spans, 2 log lines, 20 ms");
  const failed = sampleTrace({ spans: [sampleSpan({ error: true }, [0, 3])], lines: [] });
  expect(traceSummary(failed)).toBe("catalogue: 1 span, 0 log lines, 3 ms, 1 failed");
});

test("nothing stored is no picture", () => {
  expect(waterfallLines(sampleTrace({ spans: [], lines: [] }), wide)).toEqual([]);
});
