import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { nodePorts } from "./names.ts";
import { queryPrometheus, readAlerts, readSamples, readTargets } from "./prometheus.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A Prometheus that answers each path with what one of version 3.14 answered. */
async function prometheus(answers: Record<string, string>, status = 200) {
  server = createServer((request, response) => {
    response.statusCode = status;
    response.end(answers[request.url ?? ""] ?? "{}");
  });
  await new Promise<void>((resolve) => void server?.listen(0, "127.0.0.1", resolve));
  return { name: "holdfast", ports: { ...nodePorts, prometheus: (server.address() as AddressInfo).port } };
}

test("an instant query's samples, with the numbers that JSON has not", async () => {
  const cluster = await prometheus({
    "/api/v1/query":
      '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"a"},"value":[1764000000.123,"0.25"]},{"metric":{"pod":"b"},"value":[1764000000.123,"NaN"]},{"metric":{"pod":"c"},"value":[1764000000.123,"+Inf"]}]}}',
  });
  expect(await queryPrometheus(cluster, { query: "x" })).toEqual([
    { labels: { pod: "a" }, value: 0.25 },
    { labels: { pod: "b" }, value: Number.NaN },
    { labels: { pod: "c" }, value: Number.POSITIVE_INFINITY },
  ]);
  expect(readSamples({ resultType: "scalar", result: [1, "2"] })).toEqual([{ labels: {}, value: 2 }]);
});

test("a query that Prometheus refuses is the caller's fault", async () => {
  const refusal =
    '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1:4: parse error: unclosed left parenthesis"}';
  const cluster = await prometheus({ "/api/v1/query": refusal }, 400);
  await expect(queryPrometheus(cluster, { query: "up(" })).rejects.toMatchObject({
    code: "BAD_OPTIONS",
    message: expect.stringContaining("unclosed left parenthesis") as string,
  });
});

test("alerts that are pending or firing", async () => {
  const cluster = await prometheus({
    "/api/v1/alerts":
      '{"status":"success","data":{"alerts":[{"labels":{"alertname":"ServiceErrorRatioHigh","release":"a-x","severity":"page"},"annotations":{},"state":"firing","activeAt":"2026-11-24T14:44:14.322653915Z","value":"1e+00"}]}}',
  });
  expect(await readAlerts(cluster)).toEqual([
    {
      name: "ServiceErrorRatioHigh",
      state: "firing",
      labels: { alertname: "ServiceErrorRatioHigh", release: "a-x", severity: "page" },
      activeAt: "2026-11-24T14:44:14.322653915Z",
    },
  ]);
});

test("targets, each with what went wrong", async () => {
  const cluster = await prometheus({
    "/api/v1/targets?state=active":
      '{"status":"success","data":{"activeTargets":[{"discoveredLabels":{},"labels":{"container":"victoria-logs","instance":"10.244.0.29:9428","job":"monitoring/victoria-logs","namespace":"monitoring","node":"dev-control-plane","pod":"victoria-logs-0"},"scrapePool":"pods","health":"down","lastError":"connection refused"},{"labels":{"instance":"x"},"health":"up","lastError":""}]}}',
  });
  expect(await readTargets(cluster)).toEqual([
    { pod: "victoria-logs-0", namespace: "monitoring", health: "down", lastError: "connection refused" },
    { health: "up", lastError: "" },
  ]);
});
