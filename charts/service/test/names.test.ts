/** Names, labels and selectors: what belongs together finds each other, and nothing else. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { chart, runHelm } from "./helm.ts";
import { allOfKind, onlyOfKind, render, type KubernetesObject } from "./render.ts";

const everything = {
  service: { headless: { enabled: true } },
  metrics: { podMonitor: { enabled: true } },
  autoscaling: { mode: "keda" },
  prometheusRule: { enabled: true },
  logShipping: { mode: "sidecar", sidecar: { endpoint: "http://store/v1/logs" } },
};

function labelsOfPods(objects: readonly KubernetesObject[]): Readonly<Record<string, string>> {
  return onlyOfKind(objects, "Deployment").spec?.template.metadata?.labels ?? {};
}

/** Does this selector find a pod with these labels? */
const finds = (selector: object, labels: Readonly<Record<string, string>>) =>
  Object.entries(selector).every(([label, value]) => labels[label] === value);

describe("every selector", () => {
  const { objects } = render({ values: everything });
  const deployment = onlyOfKind(objects, "Deployment");
  const selectors = [
    deployment.spec?.selector.matchLabels,
    ...allOfKind(objects, "Service").map(({ spec }) => spec?.selector),
    onlyOfKind(objects, "PodDisruptionBudget").spec?.selector?.matchLabels,
    onlyOfKind(objects, "PodMonitor").spec?.selector.matchLabels,
  ].map((selector) => selector ?? {});

  test("is the same and finds the pods", () => {
    for (const selector of selectors) {
      expect(selector).toEqual({ "app.kubernetes.io/name": "service", "app.kubernetes.io/instance": "catalogue" });
      expect(finds(selector, labelsOfPods(objects))).toBe(true);
    }
    expect(selectors).toHaveLength(5);
  });

  test("does not find the pod of `helm test`, nor those of another release", () => {
    const [selector = {}] = selectors;
    expect(finds(selector, onlyOfKind(objects, "Pod").metadata?.labels ?? {})).toBe(false);
    expect(finds(selector, labelsOfPods(render({ release: "stock" }).objects))).toBe(false);
  });
});

describe("two releases in one namespace", () => {
  test.each([
    ["catalogue", "stock"],
    ["a", "a-headless"],
    [`${"x".repeat(52)}a`, `${"x".repeat(52)}b`],
  ])("%s and %s share no object", (...releases) => {
    const idsOf = (release: string) =>
      render({ release, values: { ...everything, service: { headless: { enabled: release !== "a" } } } }).objects.map(
        ({ kind, metadata }) => `${kind}/${metadata.name}`,
      );
    const [first = [], second = []] = releases.map(idsOf);
    expect(first.filter((id) => second.includes(id))).toEqual([]);
  });
});

test("names and labels stay within 63 characters, with the longest release and its suffixes", () => {
  for (const values of [
    everything,
    { ...everything, fullnameOverride: "f".repeat(63), nameOverride: "n".repeat(63) },
  ]) {
    const { objects, error } = render({ release: "r".repeat(53), values });
    expect(error).toBe("");
    for (const { metadata } of objects) {
      expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
      for (const label of Object.values(metadata.labels ?? {})) {
        expect(label).toMatch(/^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/);
      }
    }
  }
});

test("everything is in the release's namespace, and called as it is", () => {
  const { objects } = render({ values: everything, release: "shop", namespace: "team-blue" });
  expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set(["team-blue"]));
  const names = Object.fromEntries(objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, true]));
  expect(Object.keys(names).toSorted()).toEqual([
    "ConfigMap shop-log-shipper",
    "Deployment shop",
    "Pod shop-test-answers",
    "PodDisruptionBudget shop",
    "PodMonitor shop",
    "PrometheusRule shop",
    "ScaledObject shop",
    "Service shop",
    "Service shop-headless",
    "ServiceAccount shop",
  ]);
});

test("common labels and annotations are on every object and on pods; later ones win", () => {
  const values = {
    ...everything,
    commonLabels: { team: "blue", "app.kubernetes.io/version": "mine" },
    commonAnnotations: { owner: "blue@example.org" },
    podLabels: { team: "pods" },
  };
  const { objects, error } = render({ values });
  expect(error).toBe("");
  for (const { kind, metadata } of objects) {
    expect([kind, metadata.labels?.["team"], metadata.labels?.["app.kubernetes.io/version"]]).toEqual([
      kind,
      "blue",
      "mine",
    ]);
    expect([kind, metadata.annotations?.["owner"]]).toEqual([kind, "blue@example.org"]);
  }
  expect(labelsOfPods(objects)["team"]).toBe("pods");
  // The pod of `helm test` is one still, and belongs to nobody's Service.
  expect(onlyOfKind(objects, "Pod").metadata).toMatchObject({
    labels: { "app.kubernetes.io/name": "service-test", "app.kubernetes.io/component": "test" },
    annotations: { "helm.sh/hook": "test" },
  });
});

test("the version is the tag's; a digest alone does not say one", () => {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
  const version = (image: object) =>
    onlyOfKind(render({ values: { image } }).objects, "Service").metadata?.labels?.["app.kubernetes.io/version"];
  expect([version({}), version({ tag: "2.1.0" }), version({ tag: "2.1.0", digest })]).toEqual([
    "0.1.0",
    "2.1.0",
    "2.1.0",
  ]);
  expect(version({ digest })).toBeUndefined();
});

describe("inside of another chart, twice", () => {
  /** Helm's names of what a parent with these dependencies renders, as Kind/name. */
  function idsIn(dependencies: readonly object[], values: object = {}): string[] {
    const parent = mkdtempSync(join(tmpdir(), "holdfast-parent-"));
    try {
      const dependency = { name: "service", version: "0.1.0" };
      const meta = { apiVersion: "v2", name: "shop", version: "1.0.0" };
      writeFileSync(
        join(parent, "Chart.yaml"),
        JSON.stringify({ ...meta, dependencies: dependencies.map((more) => ({ ...dependency, ...more })) }),
      );
      cpSync(chart, join(parent, "charts/service"), {
        recursive: true,
        filter: (path) => !/node_modules|\/test(\/|$)/.test(path) || path.includes("templates"),
      });
      const { stdout, stderr } = runHelm(["template", "r", parent, "--values", "-"], JSON.stringify(values));
      expect(stderr).toBe("");
      return parseAllDocuments(stdout)
        .map((document) => document.toJS() as KubernetesObject | null)
        .flatMap((object) => (object === null ? [] : [`${object.kind}/${object.metadata.name}`]));
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  }
  const image = { repository: "registry.example/shop" };

  test("names differ by the alias", () => {
    const ids = idsIn([{ alias: "basket" }, { alias: "cart" }], { basket: { image }, cart: { image } });
    expect(ids).toContain("Deployment/r-basket");
    expect(ids).toContain("Deployment/r-cart");
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("or are those that are asked for", () => {
    expect(idsIn([{ alias: "basket" }], { basket: { image, fullnameOverride: "mine" } })).toContain("Deployment/mine");
  });
});

describe("an upgrade that changes nothing about the pods does not roll them", () => {
  const template = (opts: object) => onlyOfKind(render(opts).objects, "Deployment").spec?.template;
  test("same values", () => {
    expect(template({ isUpgrade: true })).toEqual(template({}));
  });
  test("what is around them", () => {
    const values = {
      replicas: 7,
      pdb: { enabled: false },
      autoscaling: { mode: "hpa" },
      service: { type: "NodePort" },
      prometheusRule: { enabled: true },
    };
    expect(template({ values })).toEqual(template({}));
  });
});

describe("the Service", () => {
  const service = (values: object) => onlyOfKind(render({ values }).objects, "Service");
  test("leads to the public port and to nothing else", () => {
    expect(service({}).spec).toMatchObject({
      type: "ClusterIP",
      ports: [{ name: "http", port: 80, targetPort: "http" }],
    });
    expect(
      JSON.stringify(render({ values: everything }).objects.filter(({ kind }) => kind === "Service")),
    ).not.toContain("admin");
  });
  test("is published as it is asked for", () => {
    const values = {
      service: { type: "NodePort", nodePort: 30080, port: 8000, annotations: { "example.org/a": "b" } },
    };
    expect(service(values).spec).toMatchObject({ type: "NodePort", ports: [{ port: 8000, nodePort: 30080 }] });
    expect(service(values).metadata?.annotations).toEqual({ "example.org/a": "b" });
  });
  test("has a headless twin where it is asked for", () => {
    const services = allOfKind(render({ values: everything }).objects, "Service");
    const headless = services.find(({ metadata }) => metadata?.name === "catalogue-headless");
    expect(headless?.spec).toMatchObject({ clusterIP: "None", ports: [{ port: 8080, targetPort: "http" }] });
  });
});

test("the ServiceAccount is the chart's, or one that is named", () => {
  const accounts = (serviceAccount: object) => {
    const { objects } = render({ values: { serviceAccount } });
    const pod = onlyOfKind(objects, "Deployment").spec?.template.spec?.serviceAccountName;
    return [pod, ...allOfKind(objects, "ServiceAccount").map(({ metadata }) => metadata?.name)];
  };
  expect(accounts({})).toEqual(["catalogue", "catalogue"]);
  expect(accounts({ name: "shop" })).toEqual(["shop", "shop"]);
  expect(accounts({ create: false, name: "shop" })).toEqual(["shop"]);
  expect(accounts({ create: false })).toEqual(["default"]);
});

describe("helm test", () => {
  const asked = (values: object) => onlyOfKind(render({ values }).objects, "Pod").spec?.containers[0]?.args?.at(-1);
  test("asks through the Service for a page of the role", () => {
    expect(asked({})).toBe("http://catalogue:80/api/products");
    expect(asked({ role: "stock" })).toBe("http://catalogue:80/api/stock/walnut-desk");
    expect(asked({ role: "", service: { port: 8000 } })).toBe("http://catalogue:8000/");
    expect(asked({ helmTest: { path: "/status" } })).toBe("http://catalogue:80/status");
  });
  test("can be left out", () => {
    expect(allOfKind(render({ values: { helmTest: { enabled: false } } }).objects, "Pod")).toEqual([]);
  });
});
