/** Counts a run's log ledger again, from the stored lines that were kept beside it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Ledger, LedgerEvent, Verdict } from "@holdfast/load";
import { sentenceOf } from "../errors.ts";
import { countLogLedger, isComplete, logLedgerWords, type LogLedger } from "./log-ledger.ts";
import { parseLogLines, STORED_FILE, type LogLine } from "./log-line.ts";

/** Marks in the ledger. From the first on every line must be stored; one of the others is marked when it is, or is given up. */
export const LOGS_DUE = "logs.due";
export const LOGS_COMPLETE = "logs.complete";
export const LOGS_INCOMPLETE = "logs.incomplete";

export interface Recount {
  /** The stored lines, absolute or as the ledger was named. */
  readonly file: string;
  /** Undefined where the lines are not there. */
  readonly logs: LogLedger | undefined;
  /** One sentence: what was counted, and whether the ledger says the same. */
  readonly said: string;
  /** False where the lines say something else than the ledger, or are no lines. */
  readonly agrees: boolean;
}

/** @returns undefined where the ledger is not about logs, or the run came to no end with them */
export async function recountLogs(ledger: Ledger, opts: { ledgerFile: string }): Promise<Recount | undefined> {
  const told = ledger.events.findLast(({ name }) => name === LOGS_COMPLETE || name === LOGS_INCOMPLETE);
  const due = ledger.events.findLast(({ name }) => name === LOGS_DUE);
  if (told === undefined || due === undefined) return undefined;
  const file = path.join(opts.ledgerFile.replace(/\.ledger\.jsonl$/, ".logs"), STORED_FILE);
  try {
    const text = await readFile(file, "utf8").catch(absentFile);
    if (text === undefined) {
      const said = `The stored lines are not beside the ledger (${file}), so what it says of them was not counted again.`;
      return { file, logs: undefined, said, agrees: true };
    }
    return { file, ...recount(ledger, { told, due, lines: parseLogLines(text) }) };
  } catch (error) {
    return { file, logs: undefined, said: `${file} cannot be counted: ${sentenceOf(error)}.`, agrees: false };
  }
}

function recount(
  ledger: Ledger,
  { told, due, lines }: { told: LedgerEvent; due: LedgerEvent; lines: readonly LogLine[] },
): Omit<Recount, "file"> {
  const detail = (told.detail ?? {}) as Partial<LogLedger> & { requests?: number };
  const logs = countLogLedger(ledger, { lines, untilMs: due.atMs, requests: detail.requests ?? 0 });
  const words = logLedgerWords(logs);
  const same =
    isComplete(logs) === (told.name === LOGS_COMPLETE) &&
    (["answered", "joined", "stored", "missing", "duplicated"] as const).every(
      (count) => logs[count] === detail[count],
    );
  const said = same
    ? `Counted again from the stored lines: ${words}.`
    : `The stored lines say something else than the ledger does: ${words}.`;
  return { logs, said, agrees: same };
}

/** The verdict, where the lines were counted again: nobody can conclude anything from two records that contradict each other. */
export function withRecount(verdict: Verdict, recounted: Recount | undefined): Verdict {
  if (recounted === undefined || recounted.agrees) return verdict;
  const finding = { code: "ledger-damaged" as const, reason: recounted.said };
  return {
    ...verdict,
    verdict: "INVALID",
    ...finding,
    hint: "Run it again, and leave its files as they are.",
    findings: [finding, ...verdict.findings],
  };
}

function absentFile(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
