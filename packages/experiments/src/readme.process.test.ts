import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { listExperiments } from "./catalogue.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

// Beside the fleets of the other file, which need both processors to start.
test("the README's example runs", { timeout: 30_000 }, () => {
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
    // Two that differ in one value share a row: `| E8, E8b scale out and in |`.
    const row =
      readme.split("\n").find((line) => /^\|( E\d+[a-z]?,?)+ /.exec(line)?.[0].match(/E\w+/g)?.includes(id)) ?? "";
    for (const { name } of controls) expect(row).toContain(`\`${name}\``);
    expect(row).not.toBe("");
  }
});
