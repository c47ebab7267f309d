/** README.md: its table is made from the schema, and its example works. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { chart } from "./helm.ts";
import { serviceContainerOf } from "./pod.ts";
import { onlyOfKind, render } from "./render.ts";
import { valuesTable } from "./values-table.ts";

const readme = readFileSync(`${chart}/README.md`, "utf8");

test("the table is what the schema and values.yaml say; `npm run readme` writes it", () => {
  expect(readme).toContain(valuesTable());
});

test("the values for another image render, with one port and nothing of the reference service", () => {
  const [, example = ""] = /## Another image[\s\S]*?```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const { objects, error } = render({ values: parse(example) as object, release: "basket" });
  expect(error).toBe("");
  expect(serviceContainerOf(objects).ports).toEqual([{ name: "http", containerPort: 3000 }]);
  expect(onlyOfKind(objects, "Pod").spec?.containers[0]?.args?.at(-1)).toBe("http://basket:80/health/ready");
});

test("every variable that the program is told is named", () => {
  const otlp = { endpoint: "http://traces:4318", headersSecret: { name: "traces" } };
  const logShipping = { mode: "sidecar", sidecar: { endpoint: "http://store/v1/logs" } };
  const values = { upstream: { url: "http://stock" }, telemetry: { otlp }, logShipping };
  const names = (serviceContainerOf(render({ values }).objects).env ?? []).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["LOG_FILE_DIR", "OTEL_EXPORTER_OTLP_HEADERS", "STOCK_URL"]));
  const [, section = ""] = /### What the program is told\n([\s\S]*?)\n## /.exec(readme) ?? [];
  expect(names.filter((name) => !section.includes(`\`${name}\``))).toEqual([]);
});
