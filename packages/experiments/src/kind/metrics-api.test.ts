import path from "node:path";
import type { Cluster } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { createMetricsApi } from "./metrics-api.ts";

const dir = path.resolve(import.meta.dirname, "../../../../k8s/platform");

/** A cluster that has the adapter with these labels, or none; and what is removed from it. */
function clusterWith(labels: Record<string, string> | undefined) {
  const removed: string[] = [];
  const run = async (args: readonly string[]) => {
    if (args[0] === "delete") removed.push("prometheus-adapter");
    return args[0] === "get" && labels !== undefined ? JSON.stringify({ metadata: { labels } }) : "";
  };
  const cluster = { name: "shop", bundle: true, kubeconfig: "/tmp/kubeconfig", kubectl: { run } } as unknown as Cluster;
  return { removed, api: createMetricsApi({ cluster, dir, note: () => {} }) };
}

test.each([
  ["of a run that was killed", { "holdfast/for-a-run": "true" }, 1],
  ["that somebody has installed for good", { app: "mine" }, 0],
  ["that is not there", undefined, 0],
])("an adapter %s is removed %o -> %i times", async (_, labels, times) => {
  const { removed, api } = clusterWith(labels);
  await api.removeLeft();
  expect(removed).toHaveLength(times);
});

test("what this run has not added it does not remove", async () => {
  const { removed, api } = clusterWith({});
  await api.remove();
  expect(removed).toEqual([]);
});

test("without the platform's folder the sentence says so", async () => {
  const { kubectl } = { kubectl: { run: async () => "" } };
  const api = createMetricsApi({ cluster: { kubectl } as unknown as Cluster, dir: undefined, note: () => {} });
  await expect(api.add({ signal: new AbortController().signal })).rejects.toThrow("was not told where k8s/platform is");
});
