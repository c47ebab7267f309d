/** The PrometheusRule: one alert, with what a Prometheus and an Alertmanager need of it. */
import { expect, test } from "vitest";

import { allOfKind, onlyOfKind, render } from "./render.ts";

const ruleOf = (errorRatio: object = {}, opts: object = {}) => {
  const values = { prometheusRule: { enabled: true, labels: { prometheus: "main" }, errorRatio } };
  return onlyOfKind(render({ release: "shop", namespace: "team-blue", values, ...opts }).objects, "PrometheusRule");
};

test("there is none unless it is asked for, nor one without a rule", () => {
  const rules = (prometheusRule: object) => allOfKind(render({ values: { prometheusRule } }).objects, "PrometheusRule");
  expect(rules({})).toEqual([]);
  expect(rules({ enabled: true, errorRatio: { enabled: false } })).toEqual([]);
});

test("it alerts on this release's pods, and says whose and how badly", () => {
  const { metadata, spec } = ruleOf();
  expect(metadata?.labels).toMatchObject({ prometheus: "main", "app.kubernetes.io/instance": "shop" });
  const selector = `namespace="team-blue",pod=~"shop-[a-z0-9]{1,10}-[a-z0-9]{5}"`;
  const count = "http_server_request_duration_seconds_count";
  expect(spec?.groups).toEqual([
    {
      name: "shop",
      rules: [
        {
          alert: "ServiceErrorRatioHigh",
          expr: [
            `sum(rate(${count}{${selector},http_response_status_code=~"5.."}[60s]))`,
            `  / sum(rate(${count}{${selector}}[60s]))`,
            "  > 0.05",
            `and sum(rate(${count}{${selector}}[60s])) >= 1`,
          ].join("\n"),
          for: "60s",
          labels: { release: "shop", namespace: "team-blue", severity: "page" },
          annotations: {
            summary: "shop fails too many requests",
            description: expect.stringContaining("{{ $value | humanizePercentage }} of the requests to shop") as string,
          },
        },
      ],
    },
  ]);
});

test("watches what the scaler counts", () => {
  const { objects } = render({ profile: "workshop", values: { prometheusRule: { enabled: true } } });
  const rule = JSON.stringify(onlyOfKind(objects, "PrometheusRule"));
  const [query] = (onlyOfKind(objects, "ScaledObject").spec["triggers"] as { metadata: { query: string } }[]).map(
    ({ metadata }) => metadata.query,
  );
  expect(query).toMatch(/^sum\(rate\(/);
  expect(rule).toContain(JSON.stringify(query).slice(1, -1));
});

test("every number and word of it is a value", () => {
  const annotations = { runbook_url: "https://example.org/runbook", summary: "mine" };
  const errorRatio = { threshold: 0.001, windowSeconds: 300, forSeconds: 0, minRequestsPerSecond: 0.5 };
  const [rule] = ruleOf({ ...errorRatio, severity: "ticket", annotations }).spec?.groups?.[0]?.rules ?? [];
  expect(rule).toMatchObject({ for: "0s", labels: { severity: "ticket" }, annotations });
  expect(rule?.expr).toMatch(/\[300s\]\)\)\n {2}> 0\.001\nand .*\[300s\]\)\) >= 0\.5$/);
});
