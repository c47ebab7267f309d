/** Where pods go: apart from each other, near the upstream, on the nodes that are asked for. */
import { describe, expect, test } from "vitest";

import { podOf } from "./pod.ts";
import { onlyOfKind, render } from "./render.ts";

const own = { matchLabels: { "app.kubernetes.io/name": "service", "app.kubernetes.io/instance": "catalogue" } };
const pod = (values: object) => podOf(render({ values }).objects);

describe("spread", () => {
  test("over zones and hosts: this release's pods, each revision for itself, tainted nodes left out", () => {
    const common = {
      maxSkew: 1,
      nodeTaintsPolicy: "Honor",
      matchLabelKeys: ["pod-template-hash"],
      labelSelector: own,
    };
    expect(pod({ spread: { zone: "hard", host: "soft" } }).topologySpreadConstraints).toEqual([
      { ...common, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule" },
      { ...common, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
    ]);
  });

  test("off is nothing at all", () => {
    expect(pod({ spread: { zone: "off", host: "hard" } }).topologySpreadConstraints).toHaveLength(1);
    expect(pod({ spread: { zone: "off", host: "off" } })).not.toHaveProperty("topologySpreadConstraints");
  });

  test("the default only prefers it, so that a cluster without zones will do", () => {
    const policies = pod({}).topologySpreadConstraints?.map(({ whenUnsatisfiable }) => whenUnsatisfiable);
    expect(policies).toEqual(["ScheduleAnyway", "ScheduleAnyway"]);
  });
});

describe("anti-affinity and affinity", () => {
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: own };
  test("between replicas: a wish or a rule", () => {
    expect(pod({ antiAffinity: { host: "soft" } }).affinity).toEqual({
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] },
    });
    expect(pod({ antiAffinity: { host: "hard" }, spread: { nodes: 5 } }).affinity).toEqual({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    });
  });

  test("to the upstream: in its zone or on its host", () => {
    const near = { labelSelector: { matchLabels: { "app.kubernetes.io/instance": "stock" } } };
    expect(pod({ upstreamAffinity: { mode: "soft", release: "stock" } }).affinity).toEqual({
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { ...near, topologyKey: "topology.kubernetes.io/zone" } },
        ],
      },
    });
    expect(pod({ upstreamAffinity: { mode: "hard", release: "stock", topology: "host" } }).affinity).toEqual({
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ ...near, topologyKey: "kubernetes.io/hostname" }],
      },
    });
  });

  test("to nodes, in Kubernetes' own words, together with the rest", () => {
    const inZone = (zone: string) => ({
      matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: [zone] }],
    });
    const values = {
      nodeAffinity: { required: [inZone("zone-a")], preferred: [{ weight: 10, preference: inZone("zone-b") }] },
      antiAffinity: { host: "soft" },
      upstreamAffinity: { mode: "soft", release: "stock" },
    };
    const { affinity } = pod(values);
    expect(affinity?.nodeAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [inZone("zone-a")] },
      preferredDuringSchedulingIgnoredDuringExecution: values.nodeAffinity.preferred,
    });
    expect(Object.keys(affinity ?? {}).toSorted()).toEqual(["nodeAffinity", "podAffinity", "podAntiAffinity"]);
    expect(pod({})).not.toHaveProperty("affinity");
  });
});

test("tolerations: none by default, short times for lost nodes beside one's own", () => {
  expect(pod({})).not.toHaveProperty("tolerations");
  const mine = { key: "spot", operator: "Exists" };
  expect(pod({ tolerations: [mine], tolerationSeconds: { notReady: 0, unreachable: 30 } }).tolerations).toEqual([
    mine,
    { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 },
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 30 },
  ]);
});

test("node selector and priority class", () => {
  expect(pod({ nodeSelector: { disk: "fast" }, priorityClassName: "high" })).toMatchObject({
    nodeSelector: { disk: "fast" },
    priorityClassName: "high",
  });
});

test("a PDB lets one go at every number of replicas, and pods that are not ready always", () => {
  for (const values of [{ replicas: 1 }, { replicas: 3 }, { autoscaling: { mode: "keda" } }]) {
    const { objects } = render({ values });
    expect(onlyOfKind(objects, "PodDisruptionBudget").spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: own,
    });
  }
});

test("a rollout adds one and takes none away", () => {
  expect(onlyOfKind(render().objects, "Deployment").spec).toMatchObject({
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    minReadySeconds: 5,
    progressDeadlineSeconds: 180,
  });
});
