import type { StoredLine, StoredSpan } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { Broken } from "./judgement.ts";
import { judgeJoined, judgeLocalSpan } from "./joined-trace.ts";

const request = { traceId: "t", spanId: "client" };
const span = (more: Pick<StoredSpan, "spanId" | "kind" | "service"> & { parentSpanId?: string }): StoredSpan => ({
  traceId: "t",
  name: "GET",
  startMs: 0,
  durationMs: 1,
  error: false,
  attributes: {},
  ...more,
});
const line = (service: string, spanId: string): StoredLine => ({
  time: "",
  message: "request",
  pod: "p",
  namespace: "n",
  container: "service",
  service,
  traceId: "t",
  spanId,
  fields: {},
});
const catalogue = span({ spanId: "a", parentSpanId: "client", kind: "server", service: "catalogue" });
const call = span({ spanId: "b", parentSpanId: "a", kind: "client", service: "catalogue" });
const stock = span({ spanId: "c", parentSpanId: "b", kind: "server", service: "stock" });
const lines = [line("catalogue", "a"), line("stock", "c")];
const whole = { spans: [stock, catalogue, call], lines };

test("client, catalogue, its call and stock, each below the one before, with a log line of each, are one trace", () => {
  expect(judgeJoined(request, whole)).toBe("3 spans and 2 log lines");
});

test.each([
  [
    "the stock's span is missing",
    { spans: [catalogue, call], lines },
    /No span of stock .* there are catalogue \(server\), catalogue \(client\)/,
  ],
  ["the catalogue's is", { spans: [], lines }, /No span of catalogue .* there are none/],
  ["the call's is", { spans: [catalogue, stock], lines }, /No span of catalogue tells of its call/],
  [
    "the trace begins anew",
    { spans: [span({ spanId: "a", kind: "server", service: "catalogue" }), call, stock], lines },
    /child of nothing, not of client/,
  ],
  [
    "the stock hangs on the wrong span",
    { spans: [catalogue, call, { ...stock, parentSpanId: "a" }], lines },
    /span of stock is a child of a, not of b/,
  ],
  [
    "no line leads to a span",
    { ...whole, lines: [line("catalogue", "a")] },
    /No log line leads to the span c of stock .* no line of that trace/,
  ],
  ["a line names another span", { ...whole, lines: [line("catalogue", "x"), line("stock", "c")] }, /its lines name x/],
] as const)("it is called wrong when %s", (_what, stored, sentence) => {
  expect(() => judgeJoined(request, stored)).toThrow(Broken);
  expect(() => judgeJoined(request, stored)).toThrow(sentence);
});

test("a local span is the failed service's own, below the client's, with its log line", () => {
  const own = span({ spanId: "c", parentSpanId: "client", kind: "server", service: "stock" });
  const judge = (spans: StoredSpan[], some: StoredLine[]) =>
    judgeLocalSpan(request, { service: "stock", spans, lines: some });
  expect(judge([{ ...own, error: true }], [line("stock", "c")])).toBe(
    'its span says error, and its log line "request"',
  );
  expect(() => judge([], [line("stock", "c")])).toThrow(
    /No span of stock is stored for trace t, which was not sampled/,
  );
  expect(() => judge([{ ...own, parentSpanId: "x" }], [line("stock", "c")])).toThrow(/child of x, not of the client's/);
  expect(() => judge([own], [])).toThrow(/No log line leads to the span c/);
});
