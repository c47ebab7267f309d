import { expect, test } from "vitest";

import { probe, PROBES, stateOf } from "./state.ts";
import type { Facts } from "./state.ts";

const SERVING: Facts = { stage: "serving", stageReason: "serves requests", unready: new Map(), shedding: undefined };
const BROKEN = new Map([["stock", "5 failures in a row"]]);

test("the state table", () => {
  const rows = Object.entries(PROBES).map(([state, row]) => `${state} ${row.livez}/${row.readyz}/${row.startupz}`);
  expect(rows).toEqual([
    "starting 200/503/503",
    "ready 200/200/200",
    "shedding 200/200/200",
    "unready 200/503/200",
    "draining 200/503/200",
    "stopped 200/503/200",
  ]);
});

test("serving with nothing against it is ready", () => {
  expect(stateOf(SERVING)).toEqual({ state: "ready", reason: "serves requests" });
});

test("shedding shows only while nothing makes it unready", () => {
  expect(stateOf({ ...SERVING, shedding: "loop at 0.95" })).toEqual({ state: "shedding", reason: "loop at 0.95" });
  expect(stateOf({ ...SERVING, shedding: "loop at 0.95", unready: BROKEN }).state).toBe("unready");
});

test("unready names every source with its reason", () => {
  const unready = new Map([...BROKEN, ["fault", "readiness-off"]]);
  expect(stateOf({ ...SERVING, unready })).toEqual({
    state: "unready",
    reason: "stock: 5 failures in a row; fault: readiness-off",
  });
});

test.each(["starting", "draining", "stopped"] as const)("%s comes before unready and shedding", (stage) => {
  const facts: Facts = { stage, stageReason: "because", unready: BROKEN, shedding: "loop at 0.95" };
  expect(stateOf(facts)).toEqual({ state: stage, reason: "because" });
});

test("a probe answers with its status, the state and the reason", () => {
  expect(probe("readyz", { ...SERVING, unready: BROKEN })).toEqual({
    status: 503,
    state: "unready",
    reason: "stock: 5 failures in a row",
  });
  expect(probe("livez", { ...SERVING, unready: BROKEN }).status).toBe(200);
});
