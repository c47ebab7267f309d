import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Cluster } from "./open.ts";
import { loadRules } from "./rules.ts";

/** A cluster whose chart renders this, whose Prometheus has no rules, and that remembers what kubectl was told. */
async function fakeCluster(rendered: string): Promise<{ cluster: Cluster; told: string[][] }> {
  const prometheus = createServer((_req, res) => res.end(JSON.stringify({ data: { groups: [] } })));
  await new Promise<void>((resolve) => prometheus.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void prometheus.close());
  const told: string[][] = [];
  const cluster = {
    name: "fake",
    ports: { app: 0, lab: 0, prometheus: (prometheus.address() as AddressInfo).port, logs: 0, traces: 0 },
    helm: { template: async () => rendered },
    kubectl: { apply: async () => {}, run: async (args: string[]) => told.push(args) },
  } as unknown as Cluster;
  return { cluster, told };
}

const release = { release: "catalogue", namespace: "holdfast", chart: "charts/service" };
const noRules = "kind: Service\napiVersion: v1\nmetadata: { name: catalogue }\n";

test("a chart without rules is a mistake, unless it may have none: then the release's earlier ones are taken away", async () => {
  const { cluster, told } = await fakeCluster(noRules);
  await expect(loadRules(cluster, release)).rejects.toMatchObject({ code: "BAD_OPTIONS" });
  expect(told).toEqual([]);
  expect(await loadRules(cluster, { ...release, optional: true })).toEqual({ groups: 0, rules: [] });
  expect(told.flat()).toContain('{"data":{"holdfast-catalogue.yml":null}}');
});
