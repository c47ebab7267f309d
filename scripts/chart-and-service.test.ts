/** What the chart renders, the service starts with: its own reader of the environment has nothing to say of it. */
import { describe, expect, test, vi } from "vitest";
import { ConfigError, readConfig } from "../apps/service/src/config/config.ts";
import { guards } from "../charts/service/test/guard-cases.ts";
import { environmentOf } from "../charts/service/test/pod.ts";
import { profiles, render, type RenderOptions } from "../charts/service/test/render.ts";

// Helm starts once for every case: 0.1 s each, and far more where two cores have other work.
vi.setConfig({ testTimeout: 120_000 });

function mistakesOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

function mistakesIn(opts: RenderOptions): readonly string[] {
  const { objects, error } = render(opts);
  return error === "" ? mistakesOf(environmentOf(objects)) : [`the chart refuses it: ${error}`];
}

const upstream = { upstream: { url: "http://stock.shop:8080/v1" } };
const faults = { faults: { enabled: true, acceptRisk: true } };

/** Values at the ends of what values.schema.json allows. */
const edges: Record<string, object> = {
  "the least of everything": {
    ...upstream,
    ports: { http: 1, admin: 2 },
    longestRequestSeconds: 0.501,
    connectionMaxAgeSeconds: 0,
    shedding: { above: 0.01, below: 0 },
    shutdown: {
      preStopSeconds: 0,
      announceSeconds: 0,
      drainSeconds: 0.501,
      closeSeconds: 0,
      flushSeconds: 0,
      marginSeconds: 0,
    },
    probes: { readiness: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1 } },
    telemetry: { otlp: { endpoint: "http://traces:4318" }, traces: { sampleRatio: 0 } },
    logShipping: {
      mode: "sidecar",
      sidecar: {
        endpoint: "http://store/v1/logs",
        pollIntervalMilliseconds: 50,
        shipSeconds: 0.1,
        files: 2,
        maxFileBytes: 1_048_576,
      },
    },
  },
  "the most of everything": {
    ...upstream,
    ...faults,
    ports: { http: 65_535, admin: 65_534 },
    exposeReplica: true,
    longestRequestSeconds: 3600,
    connectionMaxAgeSeconds: 86_400,
    shedding: { above: 1, below: 0.99 },
    shutdown: {
      preStopSeconds: 600,
      announceSeconds: 600,
      drainSeconds: 3600,
      closeSeconds: 600,
      flushSeconds: 600,
      sidecarSeconds: 600,
      marginSeconds: 600,
    },
    probes: { readiness: { periodSeconds: 600, failureThreshold: 60 } },
    telemetry: { otlp: { endpoint: "https://traces.example.org/otlp" }, traces: { sampleRatio: 1 } },
    logShipping: {
      mode: "sidecar",
      sidecar: {
        endpoint: "http://store/v1/logs",
        shipSeconds: 600,
        files: 100,
        maxFileBytes: 1_073_741_824,
        volumeSizeLimit: "102Gi",
      },
    },
  },
  "a request as short as it may be, and nobody to ask": { longestRequestSeconds: 0.05 },
  "no admin port": {
    ports: { admin: null },
    probes: { startup: { port: "http" }, readiness: { port: "http" }, liveness: { port: "http" } },
    metrics: { port: "http" },
  },
  "the part stock": { role: "stock", ...upstream },
  "the control of the tests": { shutdown: { enabled: false, acceptLoss: true }, ...faults },
};

const cases: [string, RenderOptions][] = [
  ["default values", {}],
  ...profiles.map((profile): [string, RenderOptions] => [`profile ${profile}`, { profile }]),
  ...profiles.map((profile): [string, RenderOptions] => [
    `profile ${profile} with an upstream`,
    { profile, values: upstream },
  ]),
  ...Object.entries(edges).map(([name, values]): [string, RenderOptions] => [name, { values }]),
];

describe("the service takes what the chart renders", () => {
  test.each(cases)("of %s", (_name, opts) => {
    expect(mistakesIn(opts)).toEqual([]);
  });

  test.each(Object.entries(guards))("of what the chart takes beside: %s", (_name, { accepted }) => {
    // Without a role it is another image, whose affair all this is not.
    const ours = accepted.filter((values) => !("role" in values && values.role === ""));
    for (const values of ours) expect([values, mistakesIn({ values })]).toEqual([values, []]);
  });
});

test("what the service would not take is found", () => {
  const env = environmentOf(render({ values: upstream }).objects);
  expect(mistakesOf({ ...env, LONGEST_REQUEST_SECONDS: "0.5" })).toHaveLength(1);
  expect(mistakesOf({ ...env, CRASH_LAG_SECONDS: "601" })).toHaveLength(1);
});
