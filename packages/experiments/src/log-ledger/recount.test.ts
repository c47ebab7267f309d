import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Ledger } from "@holdfast/load";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exampleLedger, exampleVerdict } from "../ledger.fixture.ts";
import { countLogLedger } from "./log-ledger.ts";
import { formatLogLines, STORED_FILE, type LogLine } from "./log-line.ts";
import { LOGS_COMPLETE, LOGS_DUE, recountLogs, withRecount } from "./recount.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "recount-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const DUE_MS = 17_000;
const REQUESTS = 30;

/** A run whose first 30 requests have their lines; its ledger says so. */
function example(): { ledger: Ledger; lines: LogLine[] } {
  const made = exampleLedger();
  const pods = [...new Set(made.events.flatMap(({ subject }) => subject ?? []))];
  const born = new Date(made.header.epochMs).toISOString();
  const seqs = new Map<string, number>();
  const line = (pod: string, more: Partial<LogLine>): LogLine => {
    const seq = (seqs.get(pod) ?? 0) + 1;
    seqs.set(pod, seq);
    return { time: born, service: "catalogue", pod, process: born, seq, ...more };
  };
  const lines = [
    ...pods.map((pod) => line(pod, {})),
    ...made.requests.slice(0, REQUESTS).flatMap(({ traceId, servedBy = "", request }) => {
      const own = line(servedBy, { traceId, access: true });
      return request === "product" ? [own, line(servedBy, { traceId, access: true, service: "stock" })] : [own];
    }),
    ...pods.map((pod) => line(pod, { lastSeq: (seqs.get(pod) ?? 0) + 1 })),
  ];
  const counted = countLogLedger(made, { lines, untilMs: DUE_MS, requests: REQUESTS });
  const events = [
    ...made.events,
    { type: "event" as const, atMs: DUE_MS, name: LOGS_DUE },
    {
      type: "event" as const,
      atMs: DUE_MS + 900,
      name: LOGS_COMPLETE,
      detail: { said: "...", requests: REQUESTS, ...counted },
    },
  ];
  return { ledger: { ...made, events }, lines };
}

async function recounted(name: string, files: { lines?: readonly LogLine[]; text?: string }) {
  const { ledger } = example();
  const ledgerFile = path.join(dir, `${name}.ledger.jsonl`);
  const content = files.text ?? (files.lines && formatLogLines(files.lines));
  if (content !== undefined) {
    await mkdir(path.join(dir, `${name}.logs`));
    await writeFile(path.join(dir, `${name}.logs`, STORED_FILE), content);
  }
  const recount = await recountLogs(ledger, { ledgerFile });
  return { recount, verdict: withRecount(exampleVerdict(ledger), recount) };
}

test("the lines beside a ledger give the same counts, and the verdict stays", async () => {
  const { recount, verdict } = await recounted("same", { lines: example().lines });
  expect(recount).toMatchObject({ agrees: true, logs: { answered: REQUESTS, joined: REQUESTS, missing: 0 } });
  expect(recount?.said).toMatch(/^Counted again from the stored lines: each of 30 answered requests has its line/);
  expect(verdict.verdict).toBe("PASS");
});

test("lines that say something else than the ledger make it INVALID", async () => {
  const { lines } = example();
  const { recount, verdict } = await recounted("fewer", { lines: lines.filter((_, index) => index !== 12) });
  expect(recount?.agrees).toBe(false);
  expect(verdict).toMatchObject({
    verdict: "INVALID",
    code: "ledger-damaged",
    reason: expect.stringMatching(/^The stored lines say something else than the ledger does: 1 of 30 answered/),
  });
});

test("a damaged file of lines makes it INVALID too, and one that is not there is said", async () => {
  const damaged = await recounted("damaged", { text: "{" });
  expect(damaged.verdict).toMatchObject({
    verdict: "INVALID",
    reason: expect.stringContaining("line 1 is not a stored line"),
  });
  const absent = await recounted("absent", {});
  expect(absent.recount?.said).toContain("absent.logs/stored.jsonl");
  expect(absent.verdict.verdict).toBe("PASS");
});

test("a ledger that is not about logs is left alone", async () => {
  expect(await recountLogs(exampleLedger(), { ledgerFile: path.join(dir, "E1.ledger.jsonl") })).toBeUndefined();
});
