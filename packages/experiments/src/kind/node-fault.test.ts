import type { Node } from "@holdfast/cluster";
import { expect, test } from "vitest";
import type { TargetEvent } from "../target.ts";
import { createNodeFault } from "./node-fault.ts";

function setUp() {
  const events: TargetEvent[] = [];
  const calls: string[] = [];
  const cluster = {
    pauseNode: async (node: string) => void calls.push(`pause ${node}`),
    unpauseNode: async (node: string) => void calls.push(`unpause ${node}`),
  };
  const nodes = createNodeFault({ cluster, tell: (event) => events.push(event) });
  nodes.note({ type: "ADDED", object: node("cp", { role: "control-plane" }) }, 0);
  nodes.note({ type: "ADDED", object: node("w1", { zone: "zone-a" }) }, 0);
  nodes.note({ type: "ADDED", object: node("w2", { zone: "zone-b", ready: "Unknown" }) }, 0);
  return { nodes, events, calls };
}

function node(name: string, opts: { zone?: string; role?: string; ready?: "True" | "False" | "Unknown" }): Node {
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: "2026-11-24T11:00:00Z",
      labels: {
        ...(opts.zone ? { "topology.kubernetes.io/zone": opts.zone } : {}),
        ...(opts.role ? { [`node-role.kubernetes.io/${opts.role}`]: "" } : {}),
      },
    },
    spec: {},
    status: { conditions: [{ type: "Ready", status: opts.ready ?? "True" }] },
  };
}

test("the nodes that carry replicas, with their zones; the control plane is none of them", () => {
  const { nodes } = setUp();
  expect(nodes.nodes()).toEqual([
    { name: "w1", zone: "zone-a", ready: true, schedulable: true, paused: false },
    { name: "w2", zone: "zone-b", ready: false, schedulable: true, paused: false },
  ]);
  expect(nodes.zoneOf("w1")).toBe("zone-a");
});

test("a change of readiness is an event, whatever else of the node changes is none", () => {
  const { nodes } = setUp();
  const changed = (ready: "True" | "False" | "Unknown") =>
    nodes.note({ type: "MODIFIED", object: node("w1", { zone: "zone-a", ready }) }, 7);
  expect(changed("True")).toEqual([]);
  expect(changed("Unknown")).toEqual([{ atMs: 7, type: "node.not-ready", node: "w1" }]);
  expect(changed("False")).toEqual([]);
  expect(changed("True")).toEqual([{ atMs: 7, type: "node.ready", node: "w1" }]);
});

test("a lost node is paused and returned once, and whatever was lost is returned", async () => {
  const { nodes, events, calls } = setUp();
  await nodes.lose("w1");
  expect(nodes.nodes()[0]).toMatchObject({ paused: true });
  await nodes.returnAll();
  await nodes.return("w1");
  expect(calls).toEqual(["pause w1", "unpause w1"]);
  expect(events.map(({ type }) => type)).toEqual(["node.paused", "node.returned"]);
});
