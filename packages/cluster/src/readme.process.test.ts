import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("the README's example runs", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  // From within the package, so that its name is found as its users find it.
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const said = execFileSync(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd,
    input: code,
    encoding: "utf8",
  });
  expect(said).toBe("3\n");
  // A process of its own that reads the whole room, on a machine that may be busy.
}, 30_000);
