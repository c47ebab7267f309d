import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createProgram } from "../program.ts";
import { createFakeTerminal } from "../terminal.fixture.ts";

const TIME = "2026-11-24T14:00:00.000Z";
const counts = { answered: 1, joined: 1, stored: 2, missing: 0, duplicated: 0 };
const plan = {
  url: "http://127.0.0.1:8080",
  ratePerSecond: 10,
  persistentSockets: 1,
  requests: [{ name: "list", path: "/", weight: 1 }],
};
const rule = {
  kind: "planned",
  windows: [{ name: "away", from: "store.away", to: "store.back" }],
  minScheduledInWindows: 1,
};
const request = {
  type: "request",
  i: 0,
  request: "list",
  connection: "new",
  socket: 0,
  scheduledMs: 0,
  sentMs: 0,
  endMs: 10,
  fate: "answered",
  status: 200,
  traceId: "t0",
};
const stored = [
  { time: TIME, service: "catalogue", pod: "a", process: TIME, seq: 1, traceId: "t0", access: true },
  { time: TIME, service: "catalogue", pod: "a", process: TIME, seq: 2, lastSeq: 2 },
];

const jsonLines = (lines: readonly object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** What is said of a run that found both of its two lines stored, with these beside its ledger. */
async function verdictOf(lines: readonly object[], ...options: string[]): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "verdict-"));
  onTestFinished(async () => {
    process.exitCode = undefined;
    await rm(dir, { recursive: true });
  });
  const text = jsonLines([
    { type: "plan", schemaVersion: 1, epochMs: Date.parse(TIME), plan, rule },
    { type: "event", atMs: 0, name: "replica.present", subject: "a" },
    request,
    { type: "event", atMs: 50, name: "replica.ended", subject: "a" },
    { type: "event", atMs: 60, name: "logs.due" },
    { type: "event", atMs: 70, name: "logs.complete", detail: { requests: 10, ...counts } },
  ]);
  const sha256 = createHash("sha256").update(text).digest("hex");
  const ledger = path.join(dir, "E15a.ledger.jsonl");
  await writeFile(ledger, `${text}${JSON.stringify({ type: "seal", lines: 6, sha256 })}\n`);
  await mkdir(path.join(dir, "E15a.logs"));
  await writeFile(path.join(dir, "E15a.logs", "stored.jsonl"), jsonLines(lines));
  const { terminal, said } = createFakeTerminal();
  await createProgram(terminal).parseAsync(["verdict", ledger, ...options], { from: "user" });
  return said.out;
}

test("the stored lines beside a ledger are counted again, for people and for programs", async () => {
  expect(await verdictOf(stored)).toContain(
    "Counted again from the stored lines: each of 1 answered requests has its line of each service that it met; 2 lines of 1 processes are stored",
  );
  const { logs } = JSON.parse(await verdictOf(stored, "-o", "json")) as { logs: object };
  expect(logs).toMatchObject({ agrees: true, ...counts });
});

test("a ledger and stored lines that contradict each other prove nothing", async () => {
  const verdict = JSON.parse(await verdictOf(stored.slice(1), "-o", "json")) as { logs: object };
  expect(process.exitCode).toBe(3);
  expect(verdict).toMatchObject({
    verdict: "INVALID",
    code: "ledger-damaged",
    reason: expect.stringMatching(/^The stored lines say something else than the ledger does: 1 of 1 answered/),
    logs: { agrees: false, missing: 1 },
  });
});
