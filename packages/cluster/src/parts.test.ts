import { describe, expect, it } from "vitest";
import type { DockerContainer } from "./docker.ts";
import { judgeOwnership, publishedPorts } from "./parts.ts";
import type { ClusterParts, RegisteredNode } from "./parts.ts";

function container(name: string, change: Partial<DockerContainer> = {}): DockerContainer {
  return {
    id: name,
    name,
    state: "running",
    imageId: "sha256:0",
    imageName: "image",
    createdAt: "2026-11-24T10:00:10Z",
    labels: {},
    ports: new Map(),
    mounts: [],
    networks: ["kind"],
    ...change,
  };
}

const node = container("hf-control-plane");
const registry = container("hf-registry", { createdAt: "2026-11-24T10:00:00Z" });
const none: ClusterParts = {
  name: "hf",
  nodes: [],
  controlPlane: undefined,
  registry: undefined,
  mirror: undefined,
  strangers: [],
};
const made: ClusterParts = { ...none, nodes: [node], controlPlane: node, registry };

function registered(labels: Record<string, string>): RegisteredNode[] {
  return [{ name: "hf-control-plane", labels, kubelet: "v1.36.4", ready: true }];
}

describe("whose a cluster is", () => {
  it("is nobody's where there is nothing, and ours where only our registry is left", () => {
    expect(judgeOwnership(none, {})).toBe("absent");
    expect(judgeOwnership({ ...none, registry }, {})).toBe("ours");
  });

  it("the label on its nodes says, whatever else there is", () => {
    expect(
      judgeOwnership({ ...made, registry: undefined }, { registered: registered({ "holdfast/cluster": "hf" }) }),
    ).toBe("ours");
    expect(judgeOwnership(made, { registered: registered({ "holdfast/cluster": "other" }) })).toBe("foreign");
    expect(judgeOwnership(made, { registered: registered({}) })).toBe("foreign");
  });

  it("while no API answers, the label in kind's configuration says", () => {
    const kubeadm = (labels: string) => `nodeRegistration:\n  kubeletExtraArgs:\n    node-labels: "${labels}"\n`;
    expect(judgeOwnership(made, { kubeadm: kubeadm("a=b,holdfast/cluster=hf") })).toBe("ours");
    expect(judgeOwnership(made, { kubeadm: kubeadm("holdfast/cluster=hf2") })).toBe("foreign");
    expect(judgeOwnership(made, { kubeadm: kubeadm("") })).toBe("foreign");
  });

  it("before that is written, our registry says, if it is older than the nodes", () => {
    expect(judgeOwnership(made, {})).toBe("ours");
    const younger = container("hf-registry", { createdAt: "2026-11-24T10:00:20Z" });
    expect(judgeOwnership({ ...made, registry: younger }, {})).toBe("foreign");
    expect(judgeOwnership({ ...made, registry: undefined }, {})).toBe("foreign");
  });
});

it("a cluster's ports are those that Docker publishes", () => {
  const controlPlane = container("hf-control-plane", { ports: new Map([[30_080, 31_080]]) });
  const parts = { ...made, controlPlane, registry: container("hf-registry", { ports: new Map([[5000, 5001]]) }) };
  expect(publishedPorts(parts)).toEqual({ app: 31_080, lab: 0, prometheus: 0, logs: 0, traces: 0, registry: 5001 });
});
