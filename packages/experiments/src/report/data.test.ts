import { expect, test } from "vitest";
import { exampleLedger, exampleVerdict } from "../ledger.fixture.ts";
import { pageData } from "./data.ts";

const lost = [
  { atMs: 7000, fate: "reset", connection: "persistent" },
  { atMs: 7100, fate: "refused", connection: "new" },
] as const;
const ledger = exampleLedger({ lost });
const data = pageData(ledger, {
  windows: exampleVerdict(ledger).windows,
  watch: [{ service: "catalogue", metric: "circuit_breaker_state", label: "state", event: "breaker", everyMs: 200 }],
});

test("every request has a column entry, and every bin adds up to the rate", () => {
  expect(data.requests.due).toHaveLength(2000);
  expect(data.fates).toEqual(["answered", "refused", "reset"]);
  const sums = data.bins.perSecond.reduce<number[]>(
    (sum, { values }) => values.map((value, bin) => value + (sum[bin] ?? 0)),
    [],
  );
  expect(new Set(sums)).toEqual(new Set([100]));
});

test("a failure on a kept-alive socket stands in the lane of whoever answered there before; a new one in none", () => {
  const failed = (fate: string) => data.requests.fate.indexOf(data.fates.indexOf(fate as never));
  expect(data.requests.lane[failed("refused")]).toBe(-1);
  const lane = data.lanes[data.requests.lane[failed("reset")] ?? -1];
  const at = data.requests.due[failed("reset")] ?? 0;
  expect(lane?.bands.some(({ from, to }) => from <= at && at < to)).toBe(true);
});

test("lanes show each replica from its start to its end", () => {
  expect(data.lanes.map(({ label, bands }) => [label, bands.map(({ state }) => state)])).toEqual([
    ["catalogue aaaa1 1.0.0", ["ready", "terminating"]],
    ["catalogue aaaa2 1.0.0", ["ready", "terminating"]],
    ["catalogue aaaa3 1.0.0", ["ready", "terminating"]],
    ["catalogue bbbb1 2.0.0", ["starting", "ready"]],
    ["catalogue bbbb2 2.0.0", ["starting", "ready"]],
    ["catalogue bbbb3 2.0.0", ["starting", "ready"]],
  ]);
});

test("what was done is named, and windows that touch are one", () => {
  expect(data.spans.map(({ name, from, to }) => ({ name, from, to }))).toEqual([
    { name: "baseline", from: 0, to: 5 },
    { name: "rollout-1", from: 5.001, to: 14.5 },
    { name: "rollback", from: 17.5, to: 18.5 },
  ]);
  expect(data.faulty).toEqual([
    { from: 5.002, to: 5.9 },
    { from: 5.901, to: 14.4 },
  ]);
});

test("a watched metric becomes a lane of states", () => {
  const events = [
    { type: "event" as const, atMs: 0, name: "breaker.closed", subject: "catalogue-x-1" },
    { type: "event" as const, atMs: 6000, name: "breaker.open", subject: "catalogue-x-1" },
  ];
  const watched = pageData(
    { ...ledger, events: [...ledger.events, ...events].toSorted((a, b) => a.atMs - b.atMs) },
    {
      windows: [],
      watch: [
        { service: "catalogue", metric: "circuit_breaker_state", label: "state", event: "breaker", everyMs: 200 },
      ],
    },
  );
  expect(
    watched.lanes
      .filter(({ kind }) => kind === "state")
      .map(({ label, bands }) => [label, bands.map(({ state, from }) => [state, from])]),
  ).toEqual([
    [
      "breaker 1",
      [
        ["closed", 0],
        ["open", 6],
      ],
    ],
  ]);
});

test("a node that was lost has a lane, and a replica's lane says its zone", () => {
  const node = (atMs: number, name: string) => ({ type: "event" as const, atMs, name, subject: "holdfast-worker" });
  const events = [
    { type: "event" as const, atMs: 0, name: "replica.present", subject: "catalogue-1-a", detail: { zone: "zone-a" } },
    node(1000, "node.paused"),
    node(4000, "node.not-ready"),
    node(9000, "node.returned"),
    node(9500, "node.ready"),
  ];
  const { lanes } = pageData({ ...ledger, events }, { windows: [] });
  expect(lanes.map(({ label, bands }) => [label, bands.map(({ state, from }) => `${state}@${from}`)])).toEqual([
    ["catalogue a · a", ["ready@0"]],
    ["node holdfast-worker", ["ready@0", "dead@1", "unready@4", "starting@9", "ready@9.5"]],
  ]);
});

test("a ledger without requests makes an empty page, not an error", () => {
  expect(pageData({ ...ledger, requests: [], events: [] }, { windows: [] })).toMatchObject({
    seconds: 0,
    fates: [],
    lanes: [],
    spans: [],
  });
});
