import { expect, test } from "vitest";
import { missingOf, missingSentence } from "./trace-whole.ts";
import { sampleSpan, sampleTrace, SENDER_SPAN_ID } from "./trace.fixture.ts";

const sent = { spanId: SENDER_SPAN_ID, service: "catalogue" };
const { spans, lines } = sampleTrace();

test("a request is whole when each span that it must have is there, and each server's line", () => {
  expect(missingOf(sampleTrace(), sent)).toEqual([]);
});

test.for([
  [[], ["no span of catalogue"]],
  [["stock-server", "call"], ["no span of catalogue"]],
  [["catalogue-server"], ["no log line of catalogue"]],
  [["catalogue-server", "call"], ["no span of who answered catalogue's GET /api/stock/:id"]],
  [["catalogue-server", "stock-server"], ["no span of who asked stock for GET /api/stock/:id"]],
] as const)("with %j stored, %j", ([stored, missing]) => {
  const trace = sampleTrace({
    spans: spans.filter(({ spanId }) => (stored as readonly string[]).includes(spanId)),
    lines: [],
  });
  expect(missingOf(trace, sent)).toEqual(expect.arrayContaining([...missing]));
});

test("a line that is missing is said by its service", () => {
  expect(missingOf(sampleTrace({ lines: lines.slice(1) }), sent)).toEqual(["no log line of stock"]);
});

test("where the log cannot be read, no line is waited for", () => {
  expect(missingOf(sampleTrace({ lines: [] }), { ...sent, linesReadable: false })).toEqual([]);
  expect(missingOf(sampleTrace({ lines: [] }), sent)).toEqual(["no log line of stock", "no log line of catalogue"]);
});

test("of a call that failed nothing more is expected", () => {
  const call = sampleSpan({ spanId: "call", parentSpanId: "catalogue-server", kind: "client", error: true }, [3, 12]);
  const server = spans.filter(({ spanId }) => spanId === "catalogue-server");
  expect(missingOf(sampleTrace({ spans: [...server, call] }), sent)).toEqual([]);
});

test("what did not come is said with how long it was waited for", () => {
  expect(missingSentence(["no span of catalogue", "no log line of stock"], 10)).toBe(
    "After 10 s there is no span of catalogue and no log line of stock: `./holdfast status` says whether all of the platform is ready.",
  );
});
