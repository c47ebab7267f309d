import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/** A busy machine makes the sender late, and the verdict is INVALID then, as it should be: that is no answer, so it is asked again. */
const ASKED_AT_MOST = 4;

test("the README's example runs, and prints a PASS", { timeout: 60_000 }, async ({ onTestFinished }) => {
  const example = /```ts\n(.+?)```/s.exec(await readFile(join(PACKAGE, "README.md"), "utf8"))?.[1] ?? "";
  const out = await mkdtemp(join(tmpdir(), "holdfast-readme-"));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  // As it stands, but for the place of its ledger.
  const args = ["--input-type=module-typescript", "--eval", example.replace('"out/', `"${out}/`)];
  let stdout = "INVALID";
  for (let asked = 0; stdout.startsWith("INVALID") && asked < ASKED_AT_MOST; asked += 1) {
    await rm(join(out, "example.ledger.jsonl"), { force: true });
    ({ stdout } = await promisify(execFile)(process.execPath, args, { cwd: PACKAGE }));
  }

  expect(stdout).toMatch(
    /^PASS 0 of \d+ requests failed; \d+ of them were sent during 0\.\d s of fault in 1 window\.\n$/,
  );
  expect(await readdir(out)).toEqual(["example.ledger.jsonl"]);
});
