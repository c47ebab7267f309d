import { expect, test } from "vitest";
import { parseMetrics } from "./metrics-text.ts";

test("samples are read with their labels and values", () => {
  const text = [
    "# HELP circuit_breaker_state State of the breaker.",
    "# TYPE circuit_breaker_state gauge",
    'circuit_breaker_state{upstream="stock",state="open"} 1',
    'circuit_breaker_state{upstream="stock",state="closed"} 0',
    "process_start_time_seconds 1.79e9",
    'odd{path="a\\"b,c}d\\\\",line="x\\ny"} +Inf 1790000000',
    'bucket_total{le="0.1"} 3 # {trace_id="abc"} 0.05 1790000000.0',
    "# EOF",
  ].join("\n");
  expect(parseMetrics(text)).toEqual([
    { name: "circuit_breaker_state", labels: { upstream: "stock", state: "open" }, value: 1 },
    { name: "circuit_breaker_state", labels: { upstream: "stock", state: "closed" }, value: 0 },
    { name: "process_start_time_seconds", labels: {}, value: 1.79e9 },
    { name: "odd", labels: { path: 'a"b,c}d\\', line: "x\ny" }, value: Number.POSITIVE_INFINITY },
    { name: "bucket_total", labels: { le: "0.1" }, value: 3 },
  ]);
});
