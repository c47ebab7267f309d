import { expect, test } from "vitest";
import type { MetricDefinition } from "./contract.ts";
import { chooseFormat, CONTENT_TYPES, writeExposition, type Family } from "./exposition.ts";

// What Prometheus sends, by version and configuration.
const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

test.for([
  [undefined, "text"],
  ["", "text"],
  ["*/*", "text"],
  ["text/plain", "text"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
  [PROMETHEUS_3, "openmetrics"],
  ["application/openmetrics-text", "openmetrics"],
  ["Application/OpenMetrics-Text; Version=1.0.0", "openmetrics"],
  ["text/plain;q=0.5,application/openmetrics-text;q=0.5", "openmetrics"],
  ["text/plain;q=0.9, application/openmetrics-text;q=0.1", "text"],
  ["application/openmetrics-text;q=0", "text"],
  ["application/openmetrics-text;q=0,text/plain;q=0", "text"],
  ["application/openmetrics-text;q=evil", "text"],
  ["application/openmetrics-textual", "text"],
  [`${"x,".repeat(5000)}application/openmetrics-text`, "text"],
] as const)("Accept %s is answered with %s", ([accept, format]) => {
  expect(chooseFormat(accept)).toBe(format);
});

test("each format has the Content-Type that Prometheus 3 demands", () => {
  expect(CONTENT_TYPES).toEqual({
    text: "text/plain; version=0.0.4; charset=utf-8",
    openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  });
});

const define = (definition: Partial<MetricDefinition> & { name: string }): MetricDefinition => ({
  kind: "gauge",
  unit: "1",
  help: "Help.",
  labels: [],
  stability: "stable",
  ...definition,
});

test("a counter keeps _total in the text format; OpenMetrics names its family without it", () => {
  const families: Family[] = [
    {
      definition: define({ name: "process_cpu_seconds_total", kind: "counter", unit: "seconds" }),
      samples: [{ labels: {}, value: 1.5 }],
    },
  ];
  expect(writeExposition(families, "text")).toBe(
    "# HELP process_cpu_seconds_total Help.\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n",
  );
  expect(writeExposition(families, "openmetrics")).toBe(
    "# HELP process_cpu_seconds Help.\n# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total 1.5\n# EOF\n",
  );
});

test("target_info is a gauge in the text format, and the info of target in OpenMetrics", () => {
  const families: Family[] = [
    { definition: define({ name: "target_info" }), samples: [{ labels: { service_name: "a" }, value: 1 }] },
  ];
  expect(writeExposition(families, "text")).toContain('# TYPE target_info gauge\ntarget_info{service_name="a"} 1\n');
  expect(writeExposition(families, "openmetrics")).toContain('# TYPE target info\ntarget_info{service_name="a"} 1\n');
});

test("only OpenMetrics ends with # EOF, and nothing comes after it", () => {
  expect(writeExposition([], "text")).toBe("");
  expect(writeExposition([], "openmetrics")).toBe("# EOF\n");
});

test("a unit is said only where the name ends in it", () => {
  const text = writeExposition(
    [
      { definition: define({ name: "nodejs_eventloop_utilization", unit: "ratio" }), samples: [] },
      { definition: define({ name: "heap_bytes", unit: "bytes" }), samples: [] },
    ],
    "openmetrics",
  );
  expect(text.match(/# UNIT .*/g)).toEqual(["# UNIT heap_bytes bytes"]);
});

test("label values and help are escaped, so that no value makes a line of its own", () => {
  const evil = 'a"} 1\nevil_total 99\\';
  const text = writeExposition(
    [
      {
        definition: define({ name: "queue_jobs", help: "One\ntwo \\ three." }),
        samples: [{ labels: { queue: evil }, value: 1 }],
      },
    ],
    "text",
  );
  expect(text).toBe(
    String.raw`# HELP queue_jobs One\ntwo \\ three.
# TYPE queue_jobs gauge
queue_jobs{queue="a\"} 1\nevil_total 99\\"} 1
`,
  );
});

test("values that are no finite numbers are written as Prometheus reads them", () => {
  const samples = [Infinity, -Infinity, Number.NaN, 1e21, 0.1 + 0.2].map((value) => ({ labels: {}, value }));
  const text = writeExposition([{ definition: define({ name: "queue_jobs" }), samples }], "text");
  expect(text.split("\n").slice(2, -1)).toEqual([
    "queue_jobs +Inf",
    "queue_jobs -Inf",
    "queue_jobs NaN",
    "queue_jobs 1e+21",
    "queue_jobs 0.30000000000000004",
  ]);
});

const histogram: Family = {
  definition: define({ name: "job_duration_seconds", kind: "histogram", unit: "seconds", buckets: [0.5, 1] }),
  series: [
    {
      labels: { queue: "mail" },
      counts: Float64Array.of(1, 2, 4),
      exemplars: [
        undefined,
        { traceId: "a".repeat(32), spanId: "b".repeat(16), value: 0.75, epochMs: 1_790_000_000_123 },
        undefined,
      ],
      sum: 9.25,
    },
  ],
};

test("a histogram is cumulated, and has no exemplars in the text format, which knows none", () => {
  expect(writeExposition([histogram], "text")).toBe(`# HELP job_duration_seconds Help.
# TYPE job_duration_seconds histogram
job_duration_seconds_bucket{queue="mail",le="0.5"} 1
job_duration_seconds_bucket{queue="mail",le="1"} 3
job_duration_seconds_bucket{queue="mail",le="+Inf"} 7
job_duration_seconds_sum{queue="mail"} 9.25
job_duration_seconds_count{queue="mail"} 7
`);
});

test("OpenMetrics has the exemplar at its bucket, and bounds as floats", () => {
  expect(writeExposition([histogram], "openmetrics")).toBe(`# HELP job_duration_seconds Help.
# TYPE job_duration_seconds histogram
# UNIT job_duration_seconds seconds
job_duration_seconds_bucket{queue="mail",le="0.5"} 1
job_duration_seconds_bucket{queue="mail",le="1.0"} 3 # {trace_id="${"a".repeat(32)}",span_id="${"b".repeat(16)}"} 0.75 1790000000.123
job_duration_seconds_bucket{queue="mail",le="+Inf"} 7
job_duration_seconds_sum{queue="mail"} 9.25
job_duration_seconds_count{queue="mail"} 7
# EOF
`);
});

test("a histogram without labels has le alone", () => {
  const { definition } = histogram;
  const series = [{ labels: {}, counts: Float64Array.of(0, 0, 0), exemplars: [], sum: 0 }];
  expect(writeExposition([{ definition, series }], "text")).toContain(
    'job_duration_seconds_bucket{le="0.5"} 0\njob_duration_seconds_bucket{le="1"} 0\njob_duration_seconds_bucket{le="+Inf"} 0\njob_duration_seconds_sum 0\njob_duration_seconds_count 0\n',
  );
});
