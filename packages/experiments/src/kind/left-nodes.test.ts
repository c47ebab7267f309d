import type { Cluster, NodeView } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { returnLeftNodes } from "./left-nodes.ts";

const worker = (name: string, paused: boolean): NodeView => ({
  name,
  role: "worker",
  ready: !paused,
  schedulable: true,
  paused,
});

async function returned(nodes: NodeView[]) {
  const done: string[] = [];
  const notes: string[] = [];
  const cluster = {
    unpauseNode: async (node: string) => void done.push(`unpause ${node}`),
    kubectl: { run: async (args: readonly string[]) => void done.push(args.slice(0, 3).join(" ")) },
  } as unknown as Cluster;
  const { signal } = new AbortController();
  await returnLeftNodes(cluster, { nodes, note: (sentence) => notes.push(sentence), signal });
  return { done, notes };
}

test("a node that a killed run left paused is returned, awaited, and that is said", async () => {
  expect(await returned([worker("worker", false), worker("worker2", true)])).toEqual({
    done: ["unpause worker2", "wait node/worker2 --for=condition=Ready=True"],
    notes: ["returning worker2, which an earlier run has lost and not returned"],
  });
});

test("where none is paused, nothing is done or said", async () => {
  expect(await returned([worker("worker", false)])).toEqual({ done: [], notes: [] });
});
