import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import type { Helm } from "./helm.ts";
import type { Kubectl } from "./kubectl.ts";
import { nodePorts } from "./names.ts";
import { groupsOf, isLoaded, loadRules, ruleFile, unloadRules } from "./rules.ts";

const rendered = `
apiVersion: v1
kind: Service
metadata: { name: catalogue }
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: catalogue }
spec:
  groups:
    - name: catalogue
      rules:
        - { alert: ServiceErrorRatioHigh, expr: vector(1) }
        - { record: job:x, expr: vector(1) }
`;

/** What a Prometheus would have loaded of the ConfigMap; as the real one tells it, an unchanged file is no news. */
let data: Record<string, string | null> = {};
let server: Server;
const calls: string[] = [];

beforeEach(async () => {
  data = { "other-release.yml": "groups: []" };
  calls.length = 0;
  server = createServer((_, response) => {
    const groups = Object.entries(data).flatMap(([key, text]) =>
      (parse(text ?? "groups: []") as { groups: object[] }).groups.map((group) =>
        Object.assign(group, { file: `/etc/prometheus/rules/${key}` }),
      ),
    );
    response.end(JSON.stringify({ status: "success", data: { groups } }));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => server.close());

function cluster() {
  const values: object[] = [];
  const kubectl = {
    apply: () => Promise.resolve(),
    run(args: readonly string[]) {
      calls.push(args[0] ?? "");
      if (args[0] === "patch") Object.assign(data, (JSON.parse(args.at(-1) ?? "") as { data: object }).data);
      return Promise.resolve("");
    },
  } as unknown as Kubectl;
  const helm = {
    template(opts: { values: object }) {
      values.push(opts.values);
      return Promise.resolve(rendered);
    },
  } as unknown as Helm;
  const ports = { ...nodePorts, prometheus: (server.address() as AddressInfo).port };
  return { name: "holdfast", ports, kubectl, helm, values };
}

test("the rules of a rendered chart are loaded under their release's name, and taken away again", async () => {
  const { values, ...found } = cluster();
  const opts = {
    release: "catalogue",
    namespace: "lab",
    chart: "charts/service",
    values: { prometheusRule: { labels: {} } },
  };
  expect(await loadRules(found, opts)).toEqual({ groups: 1, rules: ["ServiceErrorRatioHigh", "job:x"] });
  expect(values).toEqual([{ prometheusRule: { labels: {}, enabled: true } }]);
  expect(Object.keys(data)).toEqual(["other-release.yml", "lab-catalogue.yml"]);
  // Without a change of the pod the kubelet would look once a minute only.
  expect(calls).toEqual(["patch", "annotate"]);

  await unloadRules(found, opts);
  expect(data).toEqual({ "other-release.yml": "groups: []", "lab-catalogue.yml": null });
});

test("that a file of these names is loaded says nothing of its content; the marker does", () => {
  const groups = groupsOf(rendered, "chart");
  const { marker, text } = ruleFile(groups);
  const file = "/etc/prometheus/rules/lab-catalogue.yml";
  const loaded = (parse(text) as { groups: { name: string }[] }).groups.map(({ name }) => ({ name, file, rules: [] }));
  const wanted = { key: "lab-catalogue.yml", marker };
  expect(isLoaded(loaded, wanted)).toBe(true);
  expect(isLoaded(loaded, { ...wanted, key: "catalogue.yml" })).toBe(false);
  const changed = ruleFile([...groups, { name: "other", rules: [] }]);
  expect(isLoaded(loaded, { ...wanted, marker: changed.marker })).toBe(false);
});

test("a chart that renders no rules is refused", () => {
  expect(() => groupsOf(rendered.replace("PrometheusRule", "ConfigMap"), "the chart x")).toThrow(
    "the chart x renders no PrometheusRule",
  );
});
