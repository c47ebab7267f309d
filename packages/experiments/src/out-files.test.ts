import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exampleLedger, exampleResult, exampleVerdict } from "./ledger.fixture.ts";
import { openOutFiles, replaceFile } from "./out-files.ts";

const result = exampleResult(exampleVerdict(exampleLedger()));
let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "experiments-out-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function run(opts: { page: string }): Promise<void> {
  const files = await openOutFiles(dir, "E1");
  try {
    await writeFile(files.ledgerFile, "{}\n");
    await writeFile(path.join(files.logDir, "catalogue-a.log"), "started\n");
    await files.publish({ result, page: opts.page });
  } finally {
    await files.discard();
  }
}

test("a run's files appear together, and a later run replaces them", async () => {
  await run({ page: "first" });
  await run({ page: "second" });
  expect((await readdir(dir)).toSorted()).toEqual(["E1.html", "E1.json", "E1.ledger.jsonl", "E1.logs"]);
  expect(await readFile(path.join(dir, "E1.html"), "utf8")).toBe("second");
  expect(JSON.parse(await readFile(path.join(dir, "E1.json"), "utf8"))).toEqual(result);
  expect(await readdir(path.join(dir, "E1.logs"))).toEqual(["catalogue-a.log"]);
});

test("a run that is not published leaves what was there before, and nothing else", async () => {
  await run({ page: "first" });
  const files = await openOutFiles(dir, "E1");
  await writeFile(files.ledgerFile, "half of it");
  await files.discard();
  expect((await readdir(dir)).toSorted()).toEqual(["E1.html", "E1.json", "E1.ledger.jsonl", "E1.logs"]);
  expect(await readFile(path.join(dir, "E1.html"), "utf8")).toBe("first");
});

test.runIf(existsSync("/dev/full"))("a full disk is said in a sentence, and leaves what was there before", async () => {
  await run({ page: "first" });
  const files = await openOutFiles(dir, "E1");
  await writeFile(files.ledgerFile, "{}\n");
  // Whatever is written to this device finds the disk full.
  await symlink("/dev/full", path.join(path.dirname(files.ledgerFile), files.names.page));
  await expect(files.publish({ result, page: "second" })).rejects.toMatchObject({
    code: "OUT_UNWRITABLE",
    message: expect.stringContaining("the disk is full"),
  });
  await files.discard();
  expect((await readdir(dir)).toSorted()).toEqual(["E1.html", "E1.json", "E1.ledger.jsonl", "E1.logs"]);
  expect(await readFile(path.join(dir, "E1.html"), "utf8")).toBe("first");
});

test("a file where the directory must be is said in a sentence", async () => {
  await writeFile(path.join(dir, "out"), "");
  await expect(openOutFiles(path.join(dir, "out"), "E1")).rejects.toMatchObject({
    code: "OUT_UNWRITABLE",
    message: expect.stringContaining("a file stands where a directory must be"),
  });
});

test.runIf(existsSync("/proc"))(
  "a place in which no directory can be made is said in a sentence, at once",
  async () => {
    await expect(openOutFiles("/proc/no-such-place/out", "E1")).rejects.toMatchObject({
      code: "OUT_UNWRITABLE",
      message: expect.stringContaining("to /proc/no-such-place/out: no directory can be made there"),
    });
  },
);

test("directories on the way are made", async () => {
  const files = await openOutFiles(path.join(dir, "a", "b"), "E1");
  expect(existsSync(files.logDir)).toBe(true);
  await files.discard();
  expect(await readdir(path.join(dir, "a", "b"))).toEqual([]);
});

test("a file is replaced in one step", async () => {
  const file = path.join(dir, "E1.json");
  await writeFile(file, "old");
  await replaceFile(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
  expect(await readdir(dir)).toEqual(["E1.json"]);
  await expect(replaceFile(path.join(dir, "gone", "E1.json"), "new")).rejects.toMatchObject({ code: "OUT_UNWRITABLE" });
});
