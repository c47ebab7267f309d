import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createLogDestination, type LogDestination } from "./log-destination.ts";

const FD = 4711;

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: write`), { code });
}

interface FakeFile {
  /** What was written so far. */
  text: string;
  calls: number;
  /** Decides about each call: how many bytes it takes (all, unless told), or the code of the error that it throws. */
  behave: (bytes: Uint8Array) => number | string | undefined;
  writeBytes: (fd: number, bytes: Uint8Array, offset: number) => number;
}

function createFakeFile(): FakeFile {
  const written: Uint8Array[] = [];
  const file: FakeFile = {
    get text() {
      return Buffer.concat(written).toString("utf8");
    },
    calls: 0,
    behave: () => undefined,
    writeBytes(fd, bytes, offset) {
      expect(fd).toBe(FD);
      file.calls += 1;
      const rest = bytes.subarray(offset);
      const answer = file.behave(rest) ?? rest.length;
      if (typeof answer === "string") throw systemError(answer);
      written.push(Uint8Array.from(rest.subarray(0, answer)));
      return Math.min(answer, rest.length);
    },
  };
  return file;
}

function open(file: FakeFile, onLost?: (error: Error) => void): LogDestination {
  return createLogDestination({ target: FD, writeBytes: file.writeBytes, ...(onLost && { onLost }) });
}

const line = (fields: object): string =>
  `${JSON.stringify({ level: "info", time: "2026-01-01T00:00:00.000Z", ...fields })}\n`;
const parse = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((json) => JSON.parse(json) as Record<string, unknown>);
const seqs = (text: string): unknown[] => parse(text).map(({ seq }) => seq);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

test("the lines of one turn are one write at its end, numbered from 1 without holes", async () => {
  const file = createFakeFile();
  const log = open(file);
  for (let i = 0; i < 10; i += 1) log.write(line({ i }));
  expect(file.calls).toBe(0);
  await nextTurn();
  expect(file.calls).toBe(1);
  log.write(line({ i: 10 }));
  await nextTurn();
  expect(file.calls).toBe(2);
  expect(parse(file.text).map(({ i, seq }) => [i, seq])).toEqual(upTo(11).map((seq) => [seq - 1, seq]));
  expect([log.lastSeq, log.lostLines]).toEqual([11, 0]);
});

test("flush writes at once, and not again at the turn's end", async () => {
  const file = createFakeFile();
  const log = open(file);
  log.write(line({ msg: "a" }));
  log.flush(0);
  expect(seqs(file.text)).toEqual([1]);
  await nextTurn();
  log.flush(0);
  expect(file.calls).toBe(1);
});

test("a turn that logs more than 64 KiB writes in between, and loses nothing", async () => {
  const file = createFakeFile();
  const log = open(file);
  for (let i = 0; i < 300; i += 1) log.write(line({ text: "x".repeat(1000) }));
  expect(file.calls).toBeGreaterThan(2);
  await nextTurn();
  expect(seqs(file.text)).toEqual(upTo(300));
});

test("a field named seq in what is logged cannot pose as the line's own", () => {
  const file = createFakeFile();
  const log = open(file);
  log.write(line({ seq: 999, msg: '"seq":998}' }));
  log.flush(0);
  expect(parse(file.text)).toEqual([expect.objectContaining({ seq: 1, msg: '"seq":998}' })]);
});

test("partial writes are continued where they stopped, also inside a character", () => {
  const file = createFakeFile();
  file.behave = () => 3;
  const log = open(file);
  log.write(line({ msg: "größer 😀 als ein Byte" }));
  log.write(line({ msg: "ende" }));
  log.flush(0);
  expect(parse(file.text).map(({ msg }) => msg)).toEqual(["größer 😀 als ein Byte", "ende"]);
  expect(log.lostLines).toBe(0);
});

test("an interrupted write (EINTR) is made again", () => {
  const file = createFakeFile();
  file.behave = () => (file.calls < 3 ? "EINTR" : undefined);
  const log = open(file);
  log.write(line({}));
  log.flush(0);
  expect([seqs(file.text), log.lostLines]).toEqual([[1], 0]);
});

test.for(["EAGAIN", "EWOULDBLOCK"])("a full pipe (%s) is waited for: order kept, nothing lost", async (code) => {
  const file = createFakeFile();
  let full = true;
  // Takes half a line, then nothing until there is room.
  file.behave = (bytes) => (file.calls === 1 ? Math.min(20, bytes.length) : full ? code : undefined);
  const log = open(file, () => expect.fail("a wait is no loss"));
  for (let turn = 0; turn < 5; turn += 1) {
    for (let i = 0; i < 4; i += 1) log.write(line({ turn, i }));
    await nextTurn();
  }
  expect(file.text).toHaveLength(20);
  full = false;
  await expect.poll(() => file.text.split("\n").length - 1).toBe(20);
  expect(seqs(file.text)).toEqual(upTo(20));
  expect(log.lostLines).toBe(0);
});

test("lines that are logged after the pipe has room again do not overtake those that waited", async () => {
  const file = createFakeFile();
  file.behave = () => "EAGAIN";
  const log = open(file);
  log.write(line({}));
  await nextTurn();
  file.behave = () => undefined;
  log.write(line({}));
  log.flush(1000);
  expect(seqs(file.text)).toEqual([1, 2]);
});

test("flush waits for a full pipe, at most until its deadline", () => {
  const file = createFakeFile();
  file.behave = () => "EAGAIN";
  const log = open(file);
  log.write(line({}));
  const start = performance.now();
  log.flush(60);
  const tookMs = performance.now() - start;
  expect(tookMs).toBeGreaterThanOrEqual(60);
  expect(tookMs).toBeLessThan(2000);
  expect(file.calls, "it sleeps between its attempts").toBeLessThan(20);
  file.behave = () => (file.calls < 25 ? "EAGAIN" : undefined);
  log.flush(10_000);
  expect([seqs(file.text), log.lostLines]).toEqual([[1], 0]);
});

test("flush keeps its deadline however much waits", async () => {
  const file = createFakeFile();
  file.behave = () => "EAGAIN";
  const log = open(file);
  const text = "x".repeat(60_000);
  for (let i = 0; i < 17; i += 1) {
    log.write(line({ text }));
    await nextTurn();
  }
  log.write(line({ text }));
  // The way out of an endless wait, far beyond the deadline: more attempts than 30 ms of sleeping 5 ms can hold.
  file.calls = 0;
  file.behave = () => (file.calls < 100 ? "EAGAIN" : undefined);
  log.flush(30);
  expect(file.calls).toBeLessThan(100);
});

test("more than 1 MiB of waiting lines makes the service wait, so that memory stays flat and no line is lost", async () => {
  const file = createFakeFile();
  file.behave = () => "EAGAIN";
  const log = open(file);
  const text = "x".repeat(60_000);
  let lines = 0;
  async function logLine(): Promise<void> {
    log.write(line({ text }));
    lines += 1;
    await nextTurn();
  }
  for (let i = 0; i < 15; i += 1) await logLine();
  expect(file.text).toBe("");
  let attempts = 0;
  file.behave = () => {
    attempts += 1;
    return attempts < 3 ? "EAGAIN" : undefined;
  };
  for (let i = 0; i < 5; i += 1) await logLine();
  log.flush(1000);
  expect(seqs(file.text)).toEqual(upTo(lines));
  expect(log.lostLines).toBe(0);
});

test.for(["EPIPE", "ENOSPC"])("%s: the lines are counted as lost, it is said once, and seq goes on", async (code) => {
  const file = createFakeFile();
  const said: Error[] = [];
  const log = open(file, (error) => said.push(error));
  file.behave = () => code;
  for (let turn = 0; turn < 3; turn += 1) {
    log.write(line({}));
    log.write(line({}));
    await nextTurn();
  }
  expect(log.lostLines).toBe(6);
  expect(said.map(({ message }) => message)).toEqual([`${code}: write`]);
  file.behave = () => undefined;
  log.write(line({}));
  log.flush(0);
  expect(seqs(file.text), "the hole in seq tells what is missing").toEqual([7]);
  file.behave = () => code;
  log.write(line({}));
  log.flush(0);
  expect([log.lostLines, said.length], "said again when it begins again").toEqual([7, 2]);
});

test("lines that waited for a full pipe whose reader then goes away are counted as lost", async () => {
  const file = createFakeFile();
  file.behave = () => "EAGAIN";
  const log = open(file);
  for (let turn = 0; turn < 3; turn += 1) {
    log.write(line({}));
    await nextTurn();
  }
  file.behave = () => "EPIPE";
  log.flush(0);
  expect(log.lostLines).toBe(3);
});

test("a disk that fills up inside a line loses that line and the later ones, and no line that was written", async () => {
  const file = createFakeFile();
  const whole = `${JSON.stringify({ ...JSON.parse(line({})), seq: 1 })}\n`.length;
  file.behave = () => (file.calls === 1 ? whole + 10 : "ENOSPC");
  const log = open(file);
  for (let i = 0; i < 3; i += 1) log.write(line({}));
  await nextTurn();
  expect(log.lostLines).toBe(2);
  // With room again, the torn line must not take the next one with it.
  file.behave = () => undefined;
  log.write(line({}));
  log.flush(0);
  const readable = file.text.split("\n").flatMap((json) => {
    try {
      return [(JSON.parse(json) as { seq: number }).seq];
    } catch {
      return [];
    }
  });
  expect(readable).toEqual([1, 4]);
});

test("a line that is too long is shortened: valid JSON of the same level and time, in its place in seq", () => {
  const file = createFakeFile();
  const log = open(file);
  log.write(line({ msg: "before" }));
  const long = `${JSON.stringify({ level: "error", time: "2026-01-02T03:04:05.678Z", msg: '"\n\\😀'.repeat(300_000) })}\n`;
  log.write(long);
  log.write(line({ msg: "after" }));
  log.flush(0);
  const [before, shortened, after] = parse(file.text);
  expect([before?.["seq"], shortened?.["seq"], after?.["seq"]]).toEqual([1, 2, 3]);
  expect(shortened).toMatchObject({
    level: "error",
    time: "2026-01-02T03:04:05.678Z",
    msg: `log line of ${long.length} characters shortened`,
    "log.line_start": long.slice(0, 8192),
  });
  // What a log store takes whole: VictoriaLogs has the smallest bound, 256 KiB.
  expect(Math.max(...file.text.split("\n").map((text) => Buffer.byteLength(text)))).toBeLessThan(262_144);
});

test("the longest line that is kept whole fits a log store's 256 KiB too", () => {
  const file = createFakeFile();
  const log = open(file);
  const frame = line({ msg: "" }).length;
  const kept = line({ msg: "€".repeat(65_536 - frame) });
  expect(kept).toHaveLength(65_536);
  log.write(kept);
  log.flush(0);
  expect(parse(file.text)).toEqual([expect.objectContaining({ msg: "€".repeat(65_536 - frame), seq: 1 })]);
  expect(Buffer.byteLength(file.text)).toBeLessThan(262_144);
});

test("a stream gets the lines of a turn in one piece, numbered", async () => {
  const chunks: string[] = [];
  const target = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const log = createLogDestination({ target });
  log.write(line({}));
  log.write(line({}));
  await nextTurn();
  expect(chunks.map(seqs)).toEqual([[1, 2]]);
  log.write(line({}));
  log.flush(0);
  expect(chunks.map(seqs)).toEqual([[1, 2], [3]]);
});
