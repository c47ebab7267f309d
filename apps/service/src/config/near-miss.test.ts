import { expect, test } from "vitest";

import { variableNames } from "./config.ts";
import { nearMisses } from "./near-miss.ts";

test.each([
  ["DRAIN_SECOND", "DRAIN_SECONDS"],
  ["DRIAN_SECONDS", "DRAIN_SECONDS"],
  ["drain_seconds", "DRAIN_SECONDS"],
  ["STOCK_ULR", "STOCK_URL"],
  ["OTEL_EXPORTER_OTLP_ENDPOINTS", "OTEL_EXPORTER_OTLP_ENDPOINT"],
])("%s was meant as %s", (name, meant) => {
  expect(nearMisses([name], variableNames)).toEqual([
    `${name} is not a variable of this service; did you mean ${meant}?`,
  ]);
});

test.each([
  "PATH",
  "HOSTNAME",
  "NODE_OPTIONS",
  "STOCK_PORT",
  "STOCK_PORT_80_TCP_ADDR",
  "ADMIN_SERVICE_PORT",
  "KUBERNETES_SERVICE_HOST",
  "SHED",
  "HOME",
])("%s is nobody's typing error", (name) => {
  expect(nearMisses([name], variableNames)).toEqual([]);
});

test("our own names are no misses of each other", () => {
  expect(nearMisses(variableNames, variableNames)).toEqual([]);
});
