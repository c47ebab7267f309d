/** The rendered rule in Prometheus' own hands: `promtool check rules`, and `promtool test rules` on series of ours. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { expect, test, type TestContext } from "vitest";

import { onlyOfKind, render, type RenderOptions } from "./render.ts";

const bundle = process.env["HOLDFAST_BUNDLE"];
const promtool = [
  ...(process.env["PATH"] ?? "").split(delimiter),
  ...(bundle === undefined ? [] : [join(bundle, "bin")]),
]
  .map((directory) => join(directory, "promtool"))
  .find((file) => existsSync(file));

/** A bundle has promtool; without one it is said beside the results that this showed nothing. */
function needsPromtool(context: TestContext): void {
  if (promtool !== undefined || bundle !== undefined) return;
  const reason = "There is no promtool on PATH, and HOLDFAST_BUNDLE names no bundle that has one.";
  process.stderr.write(`NOT RUN: "${context.task.name}" asks promtool. ${reason}\n`);
  context.skip(reason);
}

/** promtool's exit code and words, in a directory with these files. */
function run(args: readonly string[], files: Readonly<Record<string, object>>): { status: number; said: string } {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-rules-"));
  try {
    // JSON is YAML.
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), JSON.stringify(content));
    const { error, status, stdout, stderr } = spawnSync(promtool ?? "promtool", args, { cwd: dir, encoding: "utf8" });
    if (error !== undefined) throw new Error(`promtool could not be started: ${error.message}`);
    return { status: status ?? -1, said: stdout + stderr };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** As a Prometheus without the operator loads it. */
function rulesOf(opts: RenderOptions = {}): { groups: readonly object[] } {
  const values = { ...opts.values, prometheusRule: { enabled: true } };
  const { objects, error } = render({ namespace: "shop", ...opts, values });
  expect(error).toBe("");
  const { spec } = onlyOfKind(objects, "PrometheusRule");
  return { groups: spec?.groups ?? [] };
}

interface Traffic {
  /** Requests in each 5 s with this status, of one pod. */
  perScrape: Readonly<Record<string, number>>;
  pod?: string;
  namespace?: string;
}

const SERIES = "http_server_request_duration_seconds_count";
const POD = "catalogue-5969c96cd9-77sml";

/** Whether the alert of the default values is silent, pending or firing after so many seconds of this traffic. */
function stateAfter(seconds: number, traffic: Traffic, opts: RenderOptions = {}): "silent" | "pending" | "firing" {
  const { perScrape, pod = POD, namespace = "shop" } = traffic;
  const series = Object.entries(perScrape).map(([status, count]) => ({
    series: `${SERIES}{namespace="${namespace}",pod="${pod}",http_request_method="GET",http_route="/api/products",http_response_status_code="${status}"}`,
    values: `0+${count}x60`,
  }));
  for (const state of ["pending", "firing"] as const) {
    const labels = `ALERTS{alertname="ServiceErrorRatioHigh",alertstate="${state}",namespace="shop",release="catalogue",severity="page"}`;
    const tests = [
      {
        interval: "5s",
        input_series: series,
        promql_expr_test: [{ expr: "ALERTS", eval_time: `${seconds}s`, exp_samples: [{ labels, value: 1 }] }],
      },
    ];
    const test = { rule_files: ["rules.json"], evaluation_interval: "5s", tests };
    const { status, said } = run(["test", "rules", "test.json"], { "rules.json": rulesOf(opts), "test.json": test });
    if (status === 0) return state;
    expect(said).toMatch(/FAILED[\s\S]*got:/);
    if (/got:\s*nil/.test(said)) return "silent";
  }
  throw new Error("promtool found an alert that is neither pending nor firing.");
}

test("promtool takes the rules of every profile", (context) => {
  needsPromtool(context);
  for (const profile of [undefined, "dev", "ha", "workshop"] as const) {
    const { status, said } = run(["check", "rules", "--lint-fatal", "rules.json"], {
      "rules.json": rulesOf(profile === undefined ? {} : { profile }),
    });
    expect([status, said]).toEqual([0, expect.stringContaining("SUCCESS: 1 rules found")]);
  }
});

test("promtool refuses a rule that is none, so its yes says something", (context) => {
  needsPromtool(context);
  const text = JSON.stringify(rulesOf()).replaceAll("sum(rate(", "sum(rat(");
  expect(run(["check", "rules", "rules.json"], { "rules.json": JSON.parse(text) as object }).status).not.toBe(0);
});

test("10 % of 5xx: pending at once, firing after the time that it must last", (context) => {
  needsPromtool(context);
  const traffic = { perScrape: { "200": 90, "500": 10 } };
  expect(stateAfter(30, traffic)).toBe("pending");
  expect(stateAfter(120, traffic)).toBe("firing");
});

test("shed requests count as failed", (context) => {
  needsPromtool(context);
  expect(stateAfter(120, { perScrape: { "200": 90, "503": 10 } })).toBe("firing");
});

test("1 % of 5xx: silent, as are clients' own mistakes and clients that went away", (context) => {
  needsPromtool(context);
  expect(stateAfter(120, { perScrape: { "200": 99, "500": 1 } })).toBe("silent");
  expect(stateAfter(120, { perScrape: { "200": 50, "404": 40, _ABORTED: 10 } })).toBe("silent");
});

test("too few requests to say: silent", (context) => {
  needsPromtool(context);
  // 0.8 a second, half of which fail.
  expect(stateAfter(120, { perScrape: { "200": 2, "500": 2 } })).toBe("silent");
});

test("series whose labels do not match: silent, which is why the names are tested", (context) => {
  needsPromtool(context);
  const perScrape = { "200": 50, "500": 50 };
  expect(stateAfter(120, { perScrape, namespace: "other" })).toBe("silent");
  expect(stateAfter(120, { perScrape, pod: "catalogue-b-5969c96cd9-77sml" })).toBe("silent");
  expect(stateAfter(120, { perScrape }, { release: "nobody" })).toBe("silent");
});

test("what it says names the share, the release and where to look", (context) => {
  needsPromtool(context);
  const series = (status: string, count: number) => ({
    series: `${SERIES}{namespace="shop",pod="${POD}",http_response_status_code="${status}"}`,
    values: `0+${count}x60`,
  });
  const wrong = { exp_labels: { release: "none" }, exp_annotations: {} };
  const alerts = [{ eval_time: "120s", alertname: "ServiceErrorRatioHigh", exp_alerts: [wrong] }];
  const test = {
    rule_files: ["rules.json"],
    evaluation_interval: "5s",
    tests: [{ interval: "5s", input_series: [series("200", 90), series("500", 10)], alert_rule_test: alerts }],
  };
  // It says what it got instead.
  const { said } = run(["test", "rules", "test.json"], { "rules.json": rulesOf(), "test.json": test });
  expect(said).toContain("10% of the requests to catalogue in namespace shop failed with 5xx in the last 60 s.");
  expect(said).toContain("catalogue fails too many requests");
});
