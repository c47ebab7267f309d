/** README.md: its table is made from the schema, and its example works. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { chart } from "./helm.ts";
import { environmentOf, serviceContainerOf } from "./pod.ts";
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
  const { objects } = render({ values: { upstream: { url: "http://stock" } } });
  const [, section = ""] = /### What the program is told\n([\s\S]*?)\n## /.exec(readme) ?? [];
  const unnamed = Object.keys(environmentOf(objects)).filter((name) => !section.includes(`\`${name}\``));
  expect(unnamed).toEqual([]);
});
