import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { variableNames } from "./config.ts";
import { helpText, variablesTable } from "./help.ts";

test("help lists every variable once", () => {
  const listed = helpText()
    .match(/^ {2}[A-Z_]+$/gm)
    ?.map((line) => line.trim());
  expect(listed?.toSorted()).toEqual(variableNames.toSorted());
});

test("the table of the README is the one that the schema makes (npm run readme writes it)", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\n${variablesTable()}\n`);
});
