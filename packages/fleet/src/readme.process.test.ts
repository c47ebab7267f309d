import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const packageDir = fileURLToPath(new URL("../", import.meta.url));

test("the README's example runs as it stands and leaves nothing behind", { timeout: 30_000 }, async () => {
  const [, example = ""] = /```ts\n([^]*?)```/.exec(readFileSync(join(packageDir, "README.md"), "utf8")) ?? [];
  const dir = mkdtempSync(join(tmpdir(), "fleet-readme-"));
  // The package finds itself by its own name from its own directory; only the place of the logs is changed.
  const child = spawn(
    process.execPath,
    ["--input-type=module-typescript", "--eval", example.replace("out/hello.logs", dir)],
    { cwd: packageDir, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  let errors = "";
  child.stdout.on("data", (data: Buffer) => (output += String(data)));
  child.stderr.on("data", (data: Buffer) => (errors += String(data)));
  const [code] = await once(child, "close");
  rmSync(dir, { recursive: true });
  expect(errors).toBe("");
  expect(code).toBe(0);
  expect(output).toMatch(/^hello-\w+-\w{5}$/m);
  for (const type of ["fleet.started", "rollout.end", "replica.exited", "fleet.stopped"])
    expect(output).toContain(type);
});
