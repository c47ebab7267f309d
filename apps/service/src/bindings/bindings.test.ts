/** Everything that the packages tell becomes a line or a number, under names of the contract: real telemetry, made-up events. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

import type { LifecycleEvent, LifecycleListener } from "@holdfast/lifecycle";
import type { ShedderEvent, StaleCacheEvent, UpstreamEvent } from "@holdfast/resilience";
import { startTelemetry, type Telemetry } from "@holdfast/telemetry";
import { expect, test } from "vitest";

import type { FaultEvent } from "../faults/faults.ts";
import { reportConfig } from "./config.ts";
import { reportErrors } from "./errors.ts";
import { reportFaults } from "./faults.ts";
import { reportLifecycle } from "./lifecycle.ts";
import { reportShedder } from "./shedder.ts";
import { reportUpstream } from "./upstream.ts";

/** Telemetry whose lines and numbers can be read. */
function readable() {
  const destination = new PassThrough();
  const telemetry: Telemetry = startTelemetry({
    serviceName: "shop",
    serviceVersion: "1",
    instanceId: "shop-1",
    upstreams: ["stock"],
    destination,
  });
  return {
    telemetry,
    async value(series: string): Promise<number | undefined> {
      const { body } = await telemetry.render({ headers: {} });
      const line = body.split("\n").find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length));
    },
    async lines(): Promise<Record<string, unknown>[]> {
      await telemetry.close();
      destination.end();
      const lines = (await text(destination)).trim().split("\n");
      return lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line["event.name"] !== "telemetry.end");
    },
  };
}

/** Something that tells events, and the function that makes it tell one. */
function source<Event>() {
  const listeners = new Set<(event: Event) => void>();
  return {
    on(listener: (event: Event) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(event: Event) {
      for (const listener of listeners) listener(event);
    },
  };
}

test("a lifecycle's states and phases are gauges and lines", async () => {
  const { telemetry, value, lines } = readable();
  const lifecycle = source<LifecycleEvent>();
  reportLifecycle({ state: "starting", on: lifecycle.on as (listener: LifecycleListener) => () => void }, telemetry);
  expect(await value('lifecycle_state{state="starting"}')).toBe(1);

  lifecycle.tell({ type: "listening", server: "admin", host: "::", port: 8081 });
  lifecycle.tell({ type: "state", from: "starting", to: "ready", reason: "serves requests" });
  expect([await value('lifecycle_state{state="starting"}'), await value('lifecycle_state{state="ready"}')]).toEqual([
    0, 1,
  ]);

  lifecycle.tell({ type: "signal", signal: "SIGTERM", repeated: false });
  lifecycle.tell({ type: "phase", phase: "drain", at: "start", deadlineMs: 10_000, inFlight: 2, connections: 3 });
  expect(await value('lifecycle_drain_phase{phase="drain"}')).toBe(1);
  lifecycle.tell({
    type: "phase",
    phase: "drain",
    at: "end",
    tookMs: 1500,
    outcome: "deadline",
    inFlight: 1,
    connections: 1,
    problems: ["cut at the deadline"],
  });
  expect([
    await value('lifecycle_drain_phase{phase="drain"}'),
    await value('lifecycle_drain_phase_duration_seconds{phase="drain"}'),
  ]).toEqual([0, 1.5]);

  lifecycle.tell({ type: "crash", error: new Error("boom"), origin: "uncaughtException" });
  lifecycle.tell({ type: "phase", phase: "flush", at: "start", deadlineMs: 2_000, inFlight: 0, connections: 0 });
  const flushed = { tookMs: 250, outcome: "done", inFlight: 0, connections: 0, problems: [] } as const;
  lifecycle.tell({ type: "phase", phase: "flush", at: "end", ...flushed });
  lifecycle.tell({ type: "phase", phase: "ship", at: "start", deadlineMs: 2_000, inFlight: 0, connections: 0 });
  // After telemetry's last line nothing is said, and what goes on can still be scraped.
  expect([
    await value('lifecycle_drain_phase{phase="flush"}'),
    await value('lifecycle_drain_phase_duration_seconds{phase="flush"}'),
    await value('lifecycle_drain_phase{phase="ship"}'),
  ]).toEqual([0, 0.25, 1]);
  lifecycle.tell({ type: "exit", code: 1, reason: "after the last line" });
  expect((await lines()).map((line) => [line["level"], line["event.name"], line["msg"]])).toEqual([
    ["info", "lifecycle.listening", "the admin port listens on :::8081"],
    ["info", "lifecycle.state", "ready: serves requests"],
    ["info", "lifecycle.signal", "SIGTERM"],
    ["info", "lifecycle.phase.start", "drain begins: 2 in flight on 3 connections"],
    ["warn", "lifecycle.phase.end", "drain ended after 1500 ms; cut at the deadline"],
    ["fatal", "lifecycle.crash", "uncaughtException: drains, then exits with code 1"],
    ["info", "lifecycle.phase.start", "flush begins: 0 in flight on 0 connections"],
  ]);
});

test("an upstream's calls, attempts, breaker and fallbacks are counted", async () => {
  const { telemetry, value, lines } = readable();
  const upstream = source<UpstreamEvent>();
  const cache = source<StaleCacheEvent>();
  reportUpstream({ upstream: { name: "stock", state: "closed", on: upstream.on }, cache: { on: cache.on } }, telemetry);
  expect([
    await value('circuit_breaker_state{upstream="stock",state="closed"}'),
    await value('http_client_requests_total{upstream="stock"}'),
  ]).toEqual([1, 0]);

  upstream.tell({ type: "attempt", upstream: "stock", outcome: "failure", attempt: 1, tookMs: 5 });
  upstream.tell({ type: "retry", upstream: "stock", attempt: 2, delayMs: 5, error: undefined });
  upstream.tell({ type: "attempt", upstream: "stock", outcome: "success", attempt: 2, tookMs: 5 });
  upstream.tell({ type: "call", upstream: "stock", outcome: "success", attempts: 2, tookMs: 15 });
  upstream.tell({ type: "budget-exhausted", upstream: "stock", attempt: 2 });
  upstream.tell({ type: "breaker", upstream: "stock", from: "closed", to: "open" });
  upstream.tell({ type: "rejected", upstream: "stock", state: "open", retryAfterMs: 5 });
  cache.tell({ type: "fallback", kind: "stale", ageMs: 1, error: undefined });
  cache.tell({ type: "fallback", kind: "none", error: undefined });
  cache.tell({ type: "evicted", reason: "full", ageMs: 1 });

  const expected: Record<string, number> = {
    'http_client_requests_total{upstream="stock"}': 1,
    'http_client_attempts_total{upstream="stock",outcome="failure"}': 1,
    'http_client_attempts_total{upstream="stock",outcome="success"}': 1,
    'retry_budget_exhausted_total{upstream="stock"}': 1,
    'circuit_breaker_state{upstream="stock",state="open"}': 1,
    'circuit_breaker_state{upstream="stock",state="closed"}': 0,
    'circuit_breaker_transitions_total{upstream="stock",state="open"}': 1,
    'fallback_total{upstream="stock",kind="stale"}': 1,
    'fallback_total{upstream="stock",kind="unknown"}': 1,
  };
  for (const series of Object.keys(expected)) expect([series, await value(series)]).toEqual([series, expected[series]]);
  expect((await lines()).map((line) => line["msg"])).toEqual(["breaker of stock: closed -> open"]);
});

test("a shedder moves the lifecycle and counts what it refuses", async () => {
  const { telemetry, value } = readable();
  const shedder = source<ShedderEvent>();
  const states: unknown[] = [];
  reportShedder(
    { on: shedder.on },
    { telemetry, lifecycle: { setShedding: (on, reason) => states.push([on, reason]) } },
  );
  shedder.tell({ type: "interval", utilization: 0.99, admitted: 0.5 });
  shedder.tell({ type: "state", shedding: true, utilization: 0.987 });
  shedder.tell({ type: "shed", utilization: 0.99, admitted: 0.5 });
  shedder.tell({ type: "state", shedding: false, utilization: 0.4 });
  expect(states).toEqual([
    [true, "event loop 99 % busy"],
    [false, "event loop 40 % busy"],
  ]);
  expect(await value("http_server_shed_requests_total")).toBe(1);
});

test("faults, hints and errors of ours are seen", async () => {
  const { telemetry, value, lines } = readable();
  const faults = source<FaultEvent>();
  reportFaults(faults, telemetry);
  faults.tell({ fault: "latency", active: true, reason: "started" });
  expect(await value('faults_active{fault="latency"}')).toBe(1);
  faults.tell({ fault: "latency", active: false, reason: "expired" });
  expect(await value('faults_active{fault="latency"}')).toBe(0);
  reportConfig({ hints: ["SHED_ABOV is not a variable"], faults: {} }, telemetry);
  reportErrors(telemetry)(new TypeError("boom"), { method: "GET" } as Parameters<ReturnType<typeof reportErrors>>[1]);
  expect((await lines()).map((line) => [line["level"], line["msg"], line["exception.message"]])).toEqual([
    ["warn", "fault latency on: started", undefined],
    ["warn", "fault latency off: expired", undefined],
    ["warn", "SHED_ABOV is not a variable", undefined],
    ["warn", "faults can be switched on: FAULTS_ENABLED is true", undefined],
    ["error", "a request failed by an error of this service", "boom"],
  ]);
});
