import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { fillShape, proxyExceptions } from "./kind.ts";

const ports = { app: 31_080, lab: 31_081, prometheus: 31_090, logs: 31_428, traces: 31_686 };
const shapes = new URL("../../../k8s/kind/", import.meta.url);

interface KindNode {
  role: string;
  image: string;
  labels: Record<string, string>;
  extraPortMappings?: { containerPort: number; hostPort: number; listenAddress: string }[];
}

async function filled(file: string): Promise<{ config: { name: string; nodes: KindNode[] }; nodes: number }> {
  const text = await readFile(new URL(file, shapes), "utf8");
  const shape = fillShape(text, { file, name: "hf", image: "kindest/node:v1.36.4", ports });
  return { config: parse(shape.config) as { name: string; nodes: KindNode[] }, nodes: shape.nodes };
}

describe("a cluster's shape", () => {
  it.each(["three-zones.yaml", "one-node.yaml"])("%s gets image, mark and ports, and keeps the rest", async (file) => {
    const { config, nodes } = await filled(file);
    expect(config).toMatchObject({ kind: "Cluster", name: "hf" });
    expect(config.nodes).toHaveLength(nodes);
    for (const node of config.nodes) {
      expect(node).toMatchObject({ image: "kindest/node:v1.36.4", labels: { "holdfast/cluster": "hf" } });
    }
    const published = config.nodes.flatMap((node) => node.extraPortMappings ?? []);
    expect(
      published.map(({ containerPort, hostPort, listenAddress }) => [containerPort, hostPort, listenAddress]),
    ).toEqual([
      [30_080, 31_080, "127.0.0.1"],
      [30_081, 31_081, "127.0.0.1"],
      [30_090, 31_090, "127.0.0.1"],
      [30_428, 31_428, "127.0.0.1"],
      [30_686, 31_686, "127.0.0.1"],
    ]);
    expect(JSON.stringify(config)).toContain("/etc/containerd/certs.d");
  });

  it("three-zones.yaml has one worker in each of three zones", async () => {
    const { config } = await filled("three-zones.yaml");
    const workers = config.nodes.filter(({ role }) => role === "worker");
    expect(workers.map(({ labels }) => labels["topology.kubernetes.io/zone"])).toEqual(["zone-a", "zone-b", "zone-c"]);
  });

  it("leaves a team's own port mappings as they are", () => {
    const text =
      "kind: Cluster\nnodes:\n- role: control-plane\n  extraPortMappings:\n  - {containerPort: 30999, hostPort: 30999}\n";
    const { config } = fillShape(text, { file: "own.yaml", name: "hf", image: "i", ports });
    expect(config).toContain("hostPort: 30999");
  });

  it.each([
    ["kind: Deployment", "it has no `kind: Cluster`"],
    ["kind: Cluster", "it lists no nodes"],
    ["kind: Cluster\nnodes: [{role: worker}]", "it has 0 control planes instead of one"],
    ["kind: [", "own.yaml is no shape of a cluster"],
  ])("refuses %j", (text, reason) => {
    expect(() => fillShape(text, { file: "own.yaml", name: "hf", image: "i", ports })).toThrow(reason);
  });
});

it("behind a proxy the nodes ask our registries directly", () => {
  expect(proxyExceptions("hf", {})).toEqual({});
  expect(proxyExceptions("hf", { https_proxy: "http://proxy:3128", no_proxy: "corp" })).toEqual({
    NO_PROXY: "corp,hf-registry,hf-mirror",
  });
});
