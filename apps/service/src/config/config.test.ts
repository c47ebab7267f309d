import { expect, test } from "vitest";

import { ConfigError, readConfig, variableNames } from "./config.ts";
import { variables } from "./variables.ts";

function mistakesOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

test("nothing needs to be set", () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    role: "catalogue",
    public: { port: 8080 },
    admin: { port: 8081 },
    stock: undefined,
    faults: undefined,
    hints: [],
  });
  expect(config.telemetry).toMatchObject({ serviceName: "catalogue", traces: { samplingRatio: 0.1 } });
  expect(config.telemetry.traces).not.toHaveProperty("endpoint");
});

test("log files are off unless a directory is named, and then bounded", () => {
  expect(readConfig({ LOG_FILES: "3" }).telemetry.logFiles).toBeUndefined();
  expect(readConfig({ LOG_FILE_DIR: "/var/log/service" }).telemetry.logFiles).toEqual({
    dir: "/var/log/service",
    maxBytes: 8_388_608,
    files: 4,
  });
  const set = { LOG_FILE_DIR: "/logs", LOG_FILE_MAX_BYTES: "1048576", LOG_FILES: "2", SHIP_SECONDS: "2.5" };
  expect(readConfig(set).telemetry.logFiles).toEqual({ dir: "/logs", maxBytes: 1_048_576, files: 2 });
  expect(readConfig(set).lifecycle.shipSeconds).toBe(2.5);
  expect(mistakesOf({ LOG_FILE_DIR: "logs", LOG_FILE_MAX_BYTES: "1048575", LOG_FILES: "1" })).toEqual([
    'LOG_FILE_DIR is "logs": set an absolute path.',
    'LOG_FILE_MAX_BYTES is "1048575": set a whole number of bytes from 1048576 to 1073741824.',
    'LOG_FILES is "1": set a whole number from 2 to 100.',
  ]);
});

test("an empty variable counts as absent, blanks around a value do not count", () => {
  const blank = Object.fromEntries(variableNames.map((name) => [name, " "]));
  expect(readConfig(blank)).toEqual(readConfig({}));
  expect(readConfig({ PORT: " 9000 " }).public.port).toBe(9000);
});

test("every mistake is named at once, with variable, value and what is allowed", () => {
  expect(
    mistakesOf({
      PORT: "http",
      SERVICE_ROLE: "shop",
      DRAIN_ENABLED: "yes",
      SHED_ABOVE: "95%",
      STOCK_URL: "stock:8080",
    }),
  ).toEqual([
    'SERVICE_ROLE is "shop": set one of catalogue, stock.',
    'PORT is "http": set a whole number from 0 to 65535.',
    'DRAIN_ENABLED is "yes": set true or false.',
    'SHED_ABOVE is "95%": set a number from 0 to 1.',
    'STOCK_URL is "stock:8080": set an absolute http:// or https:// URL without query or fragment.',
  ]);
});

test("a mistake between two variables is named beside those in single ones", () => {
  const mistakes = mistakesOf({ PORT: "x", DRAIN_SECONDS: "5" });
  expect(mistakes).toHaveLength(2);
  expect(mistakes[1]).toMatch(
    /^DRAIN_SECONDS is 5, but LONGEST_REQUEST_SECONDS is 10: .* Set DRAIN_SECONDS to at least 10\.$/,
  );
});

test.each<[string, NodeJS.ProcessEnv, NodeJS.ProcessEnv]>([
  [
    "a drain shorter than the longest request",
    { DRAIN_SECONDS: "29", LONGEST_REQUEST_SECONDS: "30" },
    { DRAIN_SECONDS: "30", LONGEST_REQUEST_SECONDS: "30" },
  ],
  ["a crash without time to drain", { CRASH_DEADLINE_SECONDS: "12" }, { CRASH_DEADLINE_SECONDS: "13" }],
  ["shedding without hysteresis", { SHED_ABOVE: "0.5", SHED_BELOW: "0.5" }, { SHED_ABOVE: "0.5", SHED_BELOW: "0.4" }],
  ["one port for both", { PORT: "80", ADMIN_PORT: "80" }, { PORT: "0", ADMIN_PORT: "0" }],
  [
    "headers that may take longer than the request",
    { HEADERS_TIMEOUT_SECONDS: "11" },
    { HEADERS_TIMEOUT_SECONDS: "10" },
  ],
  [
    "an attempt as long as the request",
    { STOCK_URL: "http://stock", STOCK_ATTEMPT_TIMEOUT_MS: "10000" },
    { STOCK_URL: "http://stock", STOCK_ATTEMPT_TIMEOUT_MS: "9999" },
  ],
  [
    "a request as short as an attempt",
    { STOCK_URL: "http://stock", LONGEST_REQUEST_SECONDS: "0.5" },
    // Nobody is asked, so no attempt takes long.
    { LONGEST_REQUEST_SECONDS: "0.5" },
  ],
  [
    "client sockets that outlive the upstream's",
    { STOCK_URL: "http://stock", STOCK_IDLE_SECONDS: "72" },
    { STOCK_URL: "http://stock", STOCK_IDLE_SECONDS: "71" },
  ],
  [
    "a hard dependency on nothing",
    { STOCK_HARD_AFTER_FAILURES: "3" },
    { STOCK_HARD_AFTER_FAILURES: "3", STOCK_URL: "http://stock" },
  ],
  [
    "a fault without faults",
    { FAULT_SLOW_START_SECONDS: "3" },
    { FAULT_SLOW_START_SECONDS: "3", FAULTS_ENABLED: "true" },
  ],
])("%s is refused, the nearest right setting is not", (_name, wrong, right) => {
  const mistakes = mistakesOf(wrong);
  expect(mistakes).toHaveLength(1);
  for (const name of Object.keys(wrong).filter((key) => key !== "STOCK_URL")) expect(mistakes[0]).toContain(name);
  expect(mistakesOf(right)).toEqual([]);
});

test.each(["0x50", "1e3", "-1", "+1", "8080.5", "65536", "９０", "8080; rm", "1_000", "Infinity", "NaN"])(
  "PORT=%s is no port",
  (value) => {
    expect(mistakesOf({ PORT: value })).toHaveLength(1);
  },
);

test.each(["ftp://stock", "http://", "/stock", "http://stock?x=1", "http://stock#x", "javascript:alert(1)"])(
  "STOCK_URL=%s is no base URL",
  (value) => {
    expect(mistakesOf({ STOCK_URL: value })).toHaveLength(1);
  },
);

test("a base URL may have a path, and loses its last slash", () => {
  expect(readConfig({ STOCK_URL: "http://stock:8080/v1/" }).stock?.url).toBe("http://stock:8080/v1");
});

test("secrets and passwords are never shown, and no value without end", () => {
  const [header, url, long] = ["s3cr3t-token", "ftp://admin:s3cr3t@stock", "x".repeat(10_000)];
  const text = mistakesOf({ OTEL_EXPORTER_OTLP_HEADERS: header, STOCK_URL: url, LOG_LEVEL: long }).join("\n");
  expect(text).not.toContain("s3cr3t");
  expect(text).toContain('STOCK_URL is "ftp://***@stock"');
  expect(text.length).toBeLessThan(600);
});

test("a value cannot write into the terminal or make lines of its own", () => {
  expect(mistakesOf({ LOG_LEVEL: "\u001b[31m\nPORT is fine" })[0]).toMatch(/^[\x20-\x7e]+$/);
});

test("pairs are read and percent-decoded", () => {
  const { resourceAttributes, traces } = readConfig({
    OTEL_RESOURCE_ATTRIBUTES: "team=shop, zone = a%2Cb",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20x=y",
  }).telemetry;
  expect(resourceAttributes).toEqual({ team: "shop", zone: "a,b" });
  expect(traces.headers).toEqual({ authorization: "Bearer x=y" });
  expect(mistakesOf({ OTEL_RESOURCE_ATTRIBUTES: "team" })).toHaveLength(1);
  expect(mistakesOf({ OTEL_RESOURCE_ATTRIBUTES: "a=%ZZ" })).toHaveLength(1);
});

test("the stock service has no upstream, whatever is set", () => {
  expect(readConfig({ SERVICE_ROLE: "stock", STOCK_URL: "http://stock" })).toMatchObject({
    stock: undefined,
    telemetry: { serviceName: "stock", upstreams: [] },
  });
});

test("what looks like a setting and is none becomes a hint, not a mistake", () => {
  const { hints } = readConfig({
    SHED_ABOV: "1",
    OTEL_LOGS_EXPORTER: "otlp",
    STOCK_PORT: "tcp://10.0.0.7:80",
    STOCK_SERVICE_HOST: "10.0.0.7",
    PATH: "/bin",
  });
  expect(hints).toEqual([
    "SHED_ABOV is not a variable of this service; did you mean SHED_ABOVE?",
    "OTEL_LOGS_EXPORTER is set, but this service does not read it.",
  ]);
});

test.each(variableNames)("%s says what it is for, what is allowed and what holds without it", (name) => {
  const { note } = variables[name];
  expect(note?.about).toMatch(/^[A-Za-z].*\.$/);
  expect(note?.allowed).not.toBe("");
  expect(note?.fallback).not.toMatch(/^(|undefined|\[object Object\])$/);
});

test("a default is allowed by its own variable", () => {
  const defaults = variableNames.map((name) => [name, variables[name].note.fallback] as const);
  const literal = defaults.filter(([, fallback]) => /^[\d.]+$|^(true|false)$/.test(fallback));
  expect(mistakesOf(Object.fromEntries(literal))).toEqual([]);
});
