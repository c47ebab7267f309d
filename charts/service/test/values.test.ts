/** values.schema.json: the one source of what a value is for, and what refuses a wrong one. */
import { describe, expect, test } from "vitest";

import { profiles, lint, render } from "./render.ts";
import { defaultValues, descriptionOf, schema, valuesOf, type Schema } from "./values-table.ts";

describe("a wrong value is refused, and named", () => {
  test.each([
    [{ imge: {} }, "imge"],
    [{ image: { tags: "1" } }, "tags"],
    [{ shutdown: { preStopSecond: 5 } }, "preStopSecond"],
    [{ replicas: "three" }, "/replicas"],
    [{ replicas: null }, "replicas"],
    [{ spread: { zone: "hart" } }, "/spread/zone"],
    [{ image: { tag: 20261124 } }, "/image/tag"],
    [{ image: { digest: "sha256:1234" } }, "/image/digest"],
    [{ ports: { http: 0 } }, "/ports/http"],
    [{ service: { type: "NodePort", nodePort: 8080 } }, "/service/nodePort"],
    [{ upstream: { url: "http://stock?x=1" } }, "/upstream/url"],
    [{ podLabels: { team: "blue green" } }, "/podLabels/team"],
    [{ commonLabels: { "a team": "blue" } }, "a team"],
    [{ nodeSelector: { disk: "-ssd" } }, "/nodeSelector/disk"],
    [{ tolerations: [{ key: 1 }] }, "/tolerations/0/key"],
    [{ resources: { requests: { memory: "128974848000m" } } }, "/resources/requests/memory"],
    [{ autoscaling: { behavior: { scaleDown: { policies: [] } } } }, "/autoscaling/behavior/scaleDown/policies"],
    [{ autoscaling: { mode: "hpa", hpa: { metrics: [{ type: "Pods" }] } } }, "pods"],
    [
      { autoscaling: { mode: "keda", keda: { prometheus: { metadata: { threshold: "1" } } } } },
      "invalid propertyName 'threshold'",
    ],
    [{ autoscaling: { mode: "vpa" } }, "/autoscaling/mode"],
    [{ logShipping: { mode: "agent" } }, "/logShipping/mode"],
    [{ logShipping: { sidecar: { endpoint: "store:9428" } } }, "/logShipping/sidecar/endpoint"],
    [
      { logShipping: { sidecar: { image: { repository: "otel/collector:1" } } } },
      "/logShipping/sidecar/image/repository",
    ],
    [{ logShipping: { sidecar: { files: 1 } } }, "/logShipping/sidecar/files"],
    [{ logShipping: { sidecar: { volumeSizeLimit: "144 MB" } } }, "/logShipping/sidecar/volumeSizeLimit"],
    [{ telemetry: { otlp: { endpoint: "http://traces:4318/?x=1" } } }, "/telemetry/otlp/endpoint"],
    [{ telemetry: { traces: { sampleRatio: 10 } } }, "/telemetry/traces/sampleRatio"],
    [{ prometheusRule: { errorRatio: { threshold: 0 } } }, "/prometheusRule/errorRatio/threshold"],
    [{ prometheusRule: { errorRatio: { windowSeconds: "1m" } } }, "/prometheusRule/errorRatio/windowSeconds"],
    [{ pdb: { maxUnavailable: "one" } }, "/pdb/maxUnavailable"],
    [{ extraEnv: [{ name: "A", value: 1 }] }, "/extraEnv/0/value"],
    [{ extraContainers: [{ name: "a", image: "b", resource: {} }] }, "resource"],
    [{ tolerations: [{ key: "a", effects: "NoSchedule" }] }, "effects"],
    [{ resources: { limits: { memory: "256 MB" } } }, "/resources/limits/memory"],
  ])("%j", (values, name) => {
    const { status, error } = render({ values });
    expect(status).not.toBe(0);
    expect(error).toContain(name);
  });
});

test("the nearest right values are taken", () => {
  const values = {
    ports: { http: 80 },
    service: { type: "NodePort", nodePort: 32_767 },
    upstream: { url: "http://stock:8080/v1/" },
    podLabels: { "example.org/team": "blue_1.green", empty: "" },
    tolerations: [{ key: "gpu", operator: "Equal", value: "1", effect: "NoSchedule" }],
    resources: { requests: { cpu: "250m", memory: "128Mi" } },
  };
  expect(render({ values }).error).toBe("");
});

test("a parent chart may set `global` and `enabled`, and anybody `x-...`", () => {
  expect(render({ values: { global: { registry: "a" }, enabled: true, "x-anchors": { a: 1 } } }).error).toBe("");
});

test("a bare `off`, which YAML reads as false, means off", () => {
  const { objects, error } = render({
    values: { spread: { zone: false, host: false }, antiAffinity: { host: false } },
  });
  expect(error).toBe("");
  expect(JSON.stringify(objects)).not.toMatch(/topologySpreadConstraints|affinity/);
});

test.each([undefined, ...profiles])("helm lint has nothing to say: profile %s", (profile) => {
  expect(lint(profile === undefined ? {} : { profile })).toEqual({ status: 0, complaints: [] });
});

test("helm lint has nothing to say of a log shipper and of rules", () => {
  const values = {
    logShipping: { mode: "sidecar", sidecar: { endpoint: "http://store/v1/logs" } },
    prometheusRule: { enabled: true },
  };
  expect(lint({ values })).toEqual({ status: 0, complaints: [] });
});

describe("the schema", () => {
  /** Every object in it, with the path by which it is found. */
  function objectsIn(node: Schema, path = "#"): [string, Schema][] {
    const children: [string, Schema | undefined][] = [
      ...Object.entries(node.properties ?? {}),
      ...Object.entries(node.$defs ?? {}).map(([name, child]): [string, Schema] => [`$defs/${name}`, child]),
      ["[]", node.items],
      ["*", typeof node.additionalProperties === "object" ? node.additionalProperties : undefined],
    ];
    const own: [string, Schema][] = node.type === "object" ? [[path, node]] : [];
    return [
      ...own,
      ...children.flatMap(([name, child]) => (child === undefined ? [] : objectsIn(child, `${path}/${name}`))),
    ];
  }

  test("is strict: each object says which properties it has", () => {
    const objects = objectsIn(schema);
    expect(objects.length).toBeGreaterThan(60);
    const loose = objects.filter(([, { properties, additionalProperties }]) =>
      properties === undefined ? additionalProperties === undefined : additionalProperties !== false,
    );
    expect(loose.map(([path]) => path)).toEqual([]);
    // Whatever else takes anything is Kubernetes' own, which the API server checks.
    const open = objects.filter(([, { additionalProperties }]) => additionalProperties === true).map(([path]) => path);
    expect(open.filter((path) => !path.startsWith("#/$defs/"))).toEqual(["#/global"]);
    expect(Object.keys(schema.patternProperties ?? {})).toEqual(["^x-"]);
  });

  test("describes every value that has a default, and has a default for every value that it describes", () => {
    const values = valuesOf(schema, defaultValues);
    expect(values.length).toBeGreaterThan(100);
    expect(values.filter((value) => !/[.)]$/.test(descriptionOf(value.schema))).map(({ path }) => path)).toEqual([]);
    const top = Object.keys(schema.properties ?? {}).filter((name) => name !== "enabled" && name !== "global");
    expect(Object.keys(defaultValues as object).toSorted()).toEqual(top.toSorted());
  });
});
