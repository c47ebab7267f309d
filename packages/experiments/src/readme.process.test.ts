import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { listExperiments } from "./catalogue.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's example runs", () => {
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  // From within the package, so that its name is found as its users find it.
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const said = execFileSync(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd,
    input: code,
    encoding: "utf8",
  });
  expect(said).toContain("catalogue.shutdown.enabled");
});

test("the README names every experiment and every control", () => {
  for (const { id, controls } of listExperiments()) {
    const row = readme.split("\n").find((line) => line.startsWith(`| ${id} `)) ?? "";
    for (const { name } of controls) expect(row).toContain(`\`${name}\``);
    expect(row).not.toBe("");
  }
});
