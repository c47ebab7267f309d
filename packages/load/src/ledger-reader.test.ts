import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { judge } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import { createLedgerFile } from "./ledger-file.ts";
import { createLedger } from "./ledger-fixture.ts";
import { readLedger } from "./ledger-reader.ts";

let dir: string;
let file: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-ledger-"));
  file = join(dir, "deep", "er", "run.ledger.jsonl");
  await write(createLedger());
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function write(ledger: Ledger): Promise<void> {
  const out = await createLedgerFile(file, (error) => {
    throw error;
  });
  const { header, rates, requests, events, sockets, clocks, end } = ledger;
  const byEnd = requests.toSorted((a, b) => a.endMs - b.endMs);
  for (const line of [header, ...rates, ...sockets, ...clocks, ...byEnd, ...events.toReversed(), end]) {
    out.line(JSON.stringify(line));
  }
  await out.seal();
}

/** Reads a copy of the file with its lines changed. */
async function readChanged(change: (lines: string[]) => unknown): Promise<Ledger> {
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  change(lines);
  const copy = join(dir, "copy.jsonl");
  await writeFile(copy, `${lines.join("\n")}\n`);
  return readLedger(copy);
}

test("reads back what was written, requests in order of i, events in order of time", async () => {
  expect(await readLedger(file)).toEqual(createLedger());
});

test("an unchanged copy has no problems", async () => {
  expect((await readChanged(() => undefined)).problems).toEqual([]);
});

test.each<[string, (lines: string[]) => unknown, string]>([
  ["was cut off in the middle", (lines) => lines.splice(900), "it was cut off: its last line, the seal, is missing"],
  [
    "was cut off within a line",
    (lines) => lines.splice(900, Infinity, (lines[900] ?? "").slice(0, 40)),
    "line 901 is not a line of a ledger; it was cut off: its last line, the seal, is missing",
  ],
  ["has lost a line", (lines) => lines.splice(900, 1), "it was changed after it was written: the seal does not fit"],
  [
    "has two lines swapped",
    (lines) => lines.splice(900, 2, lines[901] ?? "", lines[900] ?? ""),
    "it was changed after it was written: the seal does not fit",
  ],
  [
    "has a time changed",
    (lines) => (lines[900] = (lines[900] ?? "").replace(/"endMs":\d/, '"endMs":9')),
    "it was changed after it was written: the seal does not fit",
  ],
  [
    "has a rule made easier",
    (lines) => (lines[0] = (lines[0] ?? "").replace(/"minScheduledInWindows":300/, '"minScheduledInWindows":3')),
    "it was changed after it was written: the seal does not fit",
  ],
  [
    "has an event added after its seal",
    (lines) => lines.push('{"type":"event","atMs":1,"name":"x"}'),
    "lines follow the seal",
  ],
  [
    "has a line of an unknown type",
    (lines) => lines.splice(5, 0, '{"type":"note"}'),
    'it holds a line of the unknown type "note"; it was changed after it was written: the seal does not fit',
  ],
  [
    "has another run behind it",
    (lines) => lines.splice(5, 0, lines[0] ?? ""),
    "it holds two runs; it was changed after it was written: the seal does not fit",
  ],
])("a ledger that %s is INVALID", async (_, change, problems) => {
  const ledger = await readChanged(change);
  expect(ledger.problems.join("; ")).toBe(problems);
  expect(judge(ledger)).toMatchObject({ verdict: "INVALID", code: "ledger-damaged" });
});

test("a file that is no ledger is refused in a sentence", async () => {
  const other = join(dir, "notes.txt");
  await writeFile(other, "hello\n");
  await expect(readLedger(other)).rejects.toMatchObject({
    code: "LOAD_LEDGER_READ",
    message: expect.stringContaining("is not a ledger: its first line is not a plan"),
  });
  await writeFile(other, "");
  await expect(readLedger(other)).rejects.toMatchObject({ code: "LOAD_LEDGER_READ" });
});

test("a file that is not there is refused in a sentence", async () => {
  await expect(readLedger(join(dir, "absent"))).rejects.toMatchObject({
    code: "LOAD_LEDGER_READ",
    message: expect.stringContaining("cannot be read (ENOENT)"),
  });
});
