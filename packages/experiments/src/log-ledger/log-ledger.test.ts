import type { LedgerEvent, RequestRecord } from "@holdfast/load";
import { expect, test } from "vitest";
import { countLogLedger, isComplete, logLedgerWords } from "./log-ledger.ts";
import type { LogLine } from "./log-line.ts";

const EPOCH_MS = Date.parse("2026-11-24T14:00:00.000Z");
const UNTIL_MS = 100_000;
const BORN = "2026-11-24T13:59:00.000Z";

/** Ten requests, each second one about a product; catalogue a has ended, stock s runs on. */
function example() {
  const requests = Array.from({ length: 10 }, (_, i): RequestRecord => requestOf(i));
  const events: LedgerEvent[] = [
    event("replica.present", "a", 0),
    event("stock.replica.present", "s", 0),
    event("replica.ended", "a", 90_000),
  ];
  const a = [
    line("a", 1),
    ...requests.map((request) => ({
      ...access("a", request.i + 2, request),
      ...(request.request === "product" ? { attempts: 1 } : {}),
    })),
    { ...line("a", 12), lastSeq: 12 },
  ];
  const s = [
    line("s", 1),
    ...requests.filter((each) => each.request === "product").map((each, index) => access("s", index + 2, each)),
  ];
  return { header: { epochMs: EPOCH_MS } as never, requests, events, lines: [...a, ...s] };
}

function requestOf(i: number): RequestRecord {
  const atMs = i * 1000;
  return {
    type: "request",
    i,
    request: i % 2 === 0 ? "list" : "product",
    connection: "new",
    socket: i,
    scheduledMs: atMs,
    sentMs: atMs,
    endMs: atMs + 20,
    fate: "answered",
    traceId: `t${i}`,
  };
}

function event(name: string, subject: string, atMs: number): LedgerEvent {
  return { type: "event", atMs, name, subject };
}

function line(pod: string, seq: number, atMs = 0): LogLine {
  const service = pod.startsWith("s") ? "stock" : "catalogue";
  return { time: new Date(EPOCH_MS + atMs).toISOString(), service, pod, process: BORN, seq };
}

function access(pod: string, seq: number, { traceId, endMs }: RequestRecord): LogLine {
  return { ...line(pod, seq, endMs), traceId, access: true };
}

function counted(change: (made: ReturnType<typeof example>) => void = () => {}, opts: { requests?: number } = {}) {
  const made = example();
  change(made);
  return countLogLedger(made, { lines: made.lines, untilMs: UNTIL_MS, requests: 10, ...opts });
}

test("where every line is stored, every request has those of the services that it met, and no number is missing", () => {
  const logs = counted();
  expect(logs).toMatchObject({
    answered: 10,
    joined: 10,
    stored: 18,
    missing: 0,
    duplicated: 0,
    processes: 2,
    ended: 1,
    retried: 0,
  });
  expect(isComplete(logs)).toBe(true);
  expect(logLedgerWords(logs)).toBe(
    "each of 10 answered requests has its line of each service that it met; 18 lines of 2 processes are stored, of which 1 have ended; none is missing; none is stored twice",
  );
});

/** Takes lines away. */
function without(which: (line: LogLine) => boolean) {
  return (made: ReturnType<typeof example>) => {
    made.lines = made.lines.filter((each) => !which(each));
  };
}

test("a line of the catalogue that is missing is missed by its number and by its request", () => {
  const logs = counted(without(({ pod, seq }) => pod === "a" && seq === 5));
  expect(logs).toMatchObject({ joined: 9, missing: 1, stored: 17 });
  expect(logs.examples).toMatchObject({
    missing: ["line 5 of a"],
    unjoined: ["request 3, product, trace t3: 0 lines of catalogue"],
  });
  expect(isComplete(logs)).toBe(false);
});

test("lines that nobody asked for are missed all the same: the first, some in a row, and the tail before the last", () => {
  const logs = counted(without(({ pod, seq }) => pod === "a" && [1, 10, 11].includes(seq)));
  expect(logs.examples.missing).toEqual(["line 1 of a", "lines 10 to 11 of a"]);
  expect(logs.missing).toBe(3);
});

test("a process that has ended without its last line in the store is not complete, whatever its numbers", () => {
  const logs = counted(without(({ lastSeq }) => lastSeq !== undefined));
  expect(logs).toMatchObject({ joined: 10, missing: 1, ended: 0 });
  expect(logs.examples.missing).toEqual(["the last line of a"]);
});

test("of one that runs on, the tail may be on its way", () => {
  // Written after the moment that counts, and its predecessor is not there yet.
  expect(counted(({ lines }) => lines.push(line("s", 9, UNTIL_MS + 10)))).toMatchObject({ missing: 0 });
  expect(counted(({ lines }) => lines.push(line("s", 9, UNTIL_MS - 10)))).toMatchObject({ missing: 2 });
});

test("a replica of which nothing is stored is missed; one that came later is not", () => {
  const late = event("replica.starting", "c", UNTIL_MS + 1);
  expect(counted(({ events }) => events.push(late))).toMatchObject({ missing: 0 });
  const logs = counted(({ events }) => events.push(event("replica.starting", "b", 50_000)));
  expect(logs.examples.missing).toEqual(["every line of b"]);
});

test("a replica that was restarted has two processes with numbers of their own, and only the later one's end is known", () => {
  const logs = counted(({ lines }) => lines.push({ ...line("a", 1), process: "2026-11-24T13:58:00.000Z" }));
  expect(logs).toMatchObject({ processes: 3, missing: 0, duplicated: 0 });
});

test("the same number of the same process twice is a duplicate, which is said and no failure", () => {
  const logs = counted(({ lines }) => lines.push(...lines.filter(({ pod, seq }) => pod === "s" && seq > 4)));
  expect(logs).toMatchObject({ duplicated: 2, stored: 18, missing: 0, joined: 10 });
  expect(logs.examples.duplicated[0]).toBe("line 5 of s, 2 times");
  expect(isComplete(logs)).toBe(true);
});

/** Stock's line of request 1 is the second of its process. */
const ofRequest1 = ({ pod, traceId }: LogLine) => pod === "s" && traceId === "t1";

test("a request that met stock and has no line of it is not joined", () => {
  const logs = counted((made) => {
    // Not a hole in the numbers: as if stock had never written it.
    made.lines = made.lines.map((each) => (ofRequest1(each) ? line("s", each.seq) : each));
  });
  expect(logs).toMatchObject({ joined: 9, missing: 0 });
  expect(logs.examples.unjoined).toEqual(["request 1, product, trace t1: 0 lines of stock for 1 attempts"]);
});

test("a retry is another line, of another number or process, and no duplicate; more lines than attempts are too many", () => {
  const again = (made: ReturnType<typeof example>) => made.lines.push(access("s", 7, requestOf(1)));
  expect(counted(again)).toMatchObject({ joined: 9 });
  const logs = counted((made) => {
    again(made);
    made.lines = made.lines.map((each) =>
      each.pod === "a" && each.traceId === "t1" ? { ...each, attempts: 2 } : each,
    );
  });
  expect(logs).toMatchObject({ joined: 10, retried: 1, duplicated: 0 });
});

test("an attempt that was never answered may have left no line with stock", () => {
  const attempts = (more: Partial<LogLine>) => (made: ReturnType<typeof example>) => {
    made.lines = made.lines.map((each) =>
      each.pod === "a" && each.traceId === "t1" ? { ...each, attempts: 2, ...more } : each,
    );
  };
  expect(counted(attempts({ unanswered: 1 }))).toMatchObject({ joined: 10 });
  expect(counted(attempts({}))).toMatchObject({ joined: 9 });
});

test("a degraded answer about a product need not have met stock", () => {
  const logs = counted((made) => {
    made.requests = made.requests.map((each) => (each.i === 1 ? { ...each, fate: "degraded" } : each));
    made.lines = made.lines.flatMap((each) => {
      if (ofRequest1(each)) return [line("s", each.seq)];
      return each.traceId === "t1" ? [{ ...access("a", each.seq, requestOf(1)), attempts: 2, unanswered: 2 }] : [each];
    });
  });
  expect(logs).toMatchObject({ answered: 10, joined: 10, missing: 0 });
});

test("only the first so many answered requests are looked for, and failed ones are none of them", () => {
  const logs = counted(
    (made) => {
      made.requests = made.requests.map((each) => (each.i === 0 ? { ...each, fate: "reset" } : each));
    },
    { requests: 5 },
  );
  expect(logs).toMatchObject({ answered: 5, joined: 5 });
});

test("lines of others, and a store that holds nothing, are not taken for anything", () => {
  expect(counted(({ lines }) => lines.push(line("stranger", 7)))).toMatchObject({ processes: 2, missing: 0 });
  const none = counted(({ lines }) => lines.splice(0));
  expect(none).toMatchObject({ answered: 10, joined: 0, stored: 0, missing: 2, processes: 0 });
  expect(isComplete(none)).toBe(false);
  expect(logLedgerWords(none)).toContain(
    "10 of 10 answered requests lack a line (first: request 0, list, trace t0: 0 lines of catalogue)",
  );
  // Nor is a run without a single request complete.
  expect(isComplete(counted(({ requests }) => requests.splice(0)))).toBe(false);
});
