import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { contract, type MetricDefinition } from "./contract.ts";

const file = new URL("../README.md", import.meta.url);
const readme = readFileSync(file, "utf8");
const place = /(<!-- contract -->\n)[\s\S]*?(<!-- \/contract -->)/;

function labelText({ name, values }: MetricDefinition["labels"][number]): string {
  const few = values !== undefined && values.length <= 8;
  return few ? `\`${name}\` (${values.join(", ")})` : `\`${name}\``;
}

function contractTable(): string {
  const rows = (contract as readonly MetricDefinition[]).map(({ name, kind, unit, labels, help, readBy = [] }) => {
    const reader = readBy.length === 0 ? "" : ` Read by: ${readBy.join(", ")}.`;
    return `| \`${name}\` | ${kind}${unit === "1" ? "" : `, ${unit}`} | ${labels.map(labelText).join(", ")} | ${help}${reader} |`;
  });
  return ["| metric | kind | labels | what it says |", "|---|---|---|---|", ...rows, ""].join("\n");
}

test("the README's metric table is the contract", () => {
  const current = readme.replace(place, `$1${contractTable()}$2`);
  if (process.env["UPDATE_README"]) writeFileSync(file, current);
  const found = readFileSync(file, "utf8");
  expect(found, "stale: UPDATE_README=1 npm test -w packages/telemetry").toBe(current);
});
