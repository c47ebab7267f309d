import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { LoadError } from "./errors.ts";
import type { Ledger, LedgerHeader, LedgerLine, LedgerSeal } from "./ledger.ts";

/**
 * Reads a ledger file. What is wrong with it (cut off, edited, lines that are no lines) goes into `problems` and makes the verdict INVALID.
 *
 * @throws LoadError `LOAD_LEDGER_READ` when the file cannot be read or does not begin as a ledger does
 */
export async function readLedger(file: string): Promise<Ledger> {
  const hash = createHash("sha256");
  const problems: string[] = [];
  let ledger: Ledger | undefined;
  let seal: LedgerSeal | undefined;
  let lines = 0;

  const input = createReadStream(file);
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = parse(text);
      if (ledger === undefined) {
        ledger = emptyLedger(readHeader(line, file), problems);
      } else if (seal !== undefined) {
        problems.push("lines follow the seal");
        break;
      } else if (line === undefined) {
        problems.push(`line ${lines + 1} is not a line of a ledger`);
      } else if (line.type === "seal") {
        seal = line;
        continue;
      } else {
        add(ledger, line, problems);
      }
      hash.update(text).update("\n");
      lines++;
    }
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new LoadError("LOAD_LEDGER_READ", `The ledger ${file} cannot be read (${code}).`, { cause: error });
  } finally {
    input.destroy();
  }

  if (ledger === undefined) throw notALedger(file);
  if (seal === undefined) problems.push("it was cut off: its last line, the seal, is missing");
  else if (seal.lines !== lines || seal.sha256 !== hash.digest("hex")) {
    problems.push("it was changed after it was written: the seal does not fit");
  }
  return sortLedger(ledger);
}

/** Orders by what each list is read by. */
function sortLedger(ledger: Ledger): Ledger {
  ledger.requests.sort((a, b) => a.i - b.i);
  ledger.events.sort((a, b) => a.atMs - b.atMs);
  return ledger;
}

function emptyLedger(header: LedgerHeader, problems: string[]): Ledger {
  return { header, rates: [], requests: [], events: [], sockets: [], clocks: [], end: undefined, problems };
}

function parse(text: string): LedgerLine | undefined {
  try {
    const line = JSON.parse(text) as LedgerLine | null;
    return typeof line === "object" && line !== null && typeof line.type === "string" ? line : undefined;
  } catch {
    return undefined;
  }
}

function readHeader(line: LedgerLine | undefined, file: string): LedgerHeader {
  if (line?.type !== "plan" || typeof line.schemaVersion !== "number") throw notALedger(file);
  return line;
}

function notALedger(file: string): LoadError {
  return new LoadError(
    "LOAD_LEDGER_READ",
    `${file} is not a ledger: its first line is not a plan. Name a *.ledger.jsonl file.`,
  );
}

function add(ledger: Ledger, line: LedgerLine, problems: string[]): void {
  switch (line.type) {
    case "request":
      ledger.requests.push(line);
      break;
    case "event":
      ledger.events.push(line);
      break;
    case "socket":
      ledger.sockets.push(line);
      break;
    case "rate":
      ledger.rates.push(line);
      break;
    case "clock":
      ledger.clocks.push(line);
      break;
    case "end":
      if (ledger.end !== undefined) problems.push("it ends twice");
      ledger.end = line;
      break;
    case "plan":
      problems.push("it holds two runs");
      break;
    default:
      problems.push(`it holds a line of the unknown type "${line.type}"`);
  }
}
