import { describe, expect, test } from "vitest";

import { profiles, render, type KubernetesObject, type RenderOptions } from "./render.ts";
import { validateObject } from "./validate.ts";

/** Every object that the chart can render stands in one of these at least. */
const cases: Record<string, RenderOptions> = {
  "default values": {},
  "an upgrade": { isUpgrade: true },
  "part stock": { values: { role: "stock" }, release: "stock" },
  "a NodePort and a headless Service": {
    values: { service: { type: "NodePort", nodePort: 30080, headless: { enabled: true } } },
  },
  "a PodMonitor": { values: { metrics: { podMonitor: { enabled: true } } } },
  "hpa on CPU": { values: { autoscaling: { mode: "hpa", cpu: { targetUtilization: 60 } } } },
};
for (const mode of ["none", "hpa", "keda", "external"]) {
  cases[`autoscaling by ${mode}`] = { values: { autoscaling: { mode } } };
}
for (const profile of profiles) {
  cases[`profile ${profile}`] = { profile };
  for (const mode of ["none", "hpa", "keda"])
    cases[`profile ${profile}, ${mode}`] = { profile, values: { autoscaling: { mode } } };
}

function objectsOf(opts: RenderOptions): readonly KubernetesObject[] {
  const { objects, error } = render(opts);
  expect(error).toBe("");
  return objects;
}

describe("Kubernetes takes every object", () => {
  test.each(Object.entries(cases))("of %s", (_name, opts) => {
    const objects = objectsOf(opts);
    expect(objects.length).toBeGreaterThan(0);
    const complaints = objects.flatMap((object) =>
      validateObject(object).map((complaint) => `${object.kind} ${object.metadata.name} ${complaint}`),
    );
    expect(complaints).toEqual([]);
  });
});

describe("what Kubernetes would not take is found", () => {
  /** A kind -> where its spec is spoilt: a field that needs a type, and what it is set to. */
  const spoilt: Record<string, { field: string; wrong: unknown }> = {
    Deployment: { field: "minReadySeconds", wrong: "soon" },
    HorizontalPodAutoscaler: { field: "maxReplicas", wrong: "ten" },
    Pod: { field: "containers", wrong: {} },
    PodDisruptionBudget: { field: "selector", wrong: "all" },
    PodMonitor: { field: "podMetricsEndpoints", wrong: "admin" },
    ScaledObject: { field: "maxReplicaCount", wrong: "ten" },
    Service: { field: "ports", wrong: 80 },
  };
  const objects = new Map(
    Object.values(cases)
      .flatMap((opts) => render(opts).objects)
      .map((object) => [object.kind, object]),
  );

  test("in each kind that the chart renders", () => {
    expect([...objects.keys()].toSorted()).toEqual([...Object.keys(spoilt), "ServiceAccount"].toSorted());
  });

  test.each(Object.entries(spoilt))("%s: a field of the wrong type, a misspelt one", (kind, { field, wrong }) => {
    const object = objects.get(kind);
    const spec = object?.spec as Record<string, unknown>;
    const withSpec = (more: object) => ({ ...object, spec: { ...spec, ...more } }) as KubernetesObject;
    expect(validateObject(withSpec({}))).toEqual([]);
    expect(validateObject(withSpec({ [field]: wrong })).join()).toContain(field);
    expect(validateObject(withSpec({ [`${field}x`]: spec[field] }))).toEqual([`/spec/${field}x: unknown field`]);
  });

  test("ServiceAccount: a field of the wrong type, a misspelt one", () => {
    const object = objects.get("ServiceAccount") as KubernetesObject;
    const wrong: object = { ...object, automountServiceAccountToken: "no" };
    expect(validateObject(wrong as KubernetesObject).join()).toContain("automountServiceAccountToken");
    const misspelt: object = { ...object, automountToken: false };
    expect(validateObject(misspelt as KubernetesObject)).toEqual(["/automountToken: unknown field"]);
  });

  test("deep inside of a pod, where most of the chart's work is", () => {
    const deployment = structuredClone(objects.get("Deployment")) as KubernetesObject & {
      spec: { template: { spec: { containers: { lifecycle: object }[] } } };
    };
    const [container] = deployment.spec.template.spec.containers;
    if (container === undefined) throw new Error("the Deployment has no container");
    container.lifecycle = { preStop: { sleep: { second: 5 } } };
    expect(validateObject(deployment).join()).toMatch(/preStop\/sleep.*second/);
    container.lifecycle = { preStop: { sleep: { seconds: 5, reason: "lag" } } };
    expect(validateObject(deployment)).toEqual([
      "/spec/template/spec/containers/0/lifecycle/preStop/sleep/reason: unknown field",
    ]);
  });

  test("a kind without a schema", () => {
    const [complaint] = validateObject({ apiVersion: "v1", kind: "Secret", metadata: { name: "a" } });
    expect(complaint).toContain("there is no schema for v1/Secret");
  });
});
