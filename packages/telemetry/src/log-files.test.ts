import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createLog, type ServiceLog } from "./log.ts";
import { openLogFiles } from "./log-files.ts";
import type { LogFilesOptions, LogLevel } from "./types.ts";

const SMALLEST = 524_288;
const LINE_CHARS = 60_000;

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "log-files-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const filesIn = (dir: string): string[] => readdirSync(dir).toSorted();
const textOf = (dir: string): string =>
  filesIn(dir)
    .map((name) => readFileSync(join(dir, name), "utf8"))
    .join("");

interface Line {
  readonly seq: number;
  readonly [field: string]: unknown;
}

const parse = (text: string): Line[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

interface Opened {
  readonly log: ServiceLog;
  /** What stdout has got. */
  readonly stdout: () => string;
}

function open(files: LogFilesOptions, level: LogLevel = "info"): Opened {
  let text = "";
  const target = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const base = { "service.name": "catalogue" };
  const log = createLog({ level, base, target, files, redact: [], current: () => undefined });
  onTestFinished(() => log.end(0));
  return { log, stdout: () => text };
}

/** Opens files whose disk behaves as told, and collects what is said of it. */
function openOn(dir: string, behave: (bytes: Uint8Array) => number) {
  const said: string[] = [];
  const written: Buffer[] = [];
  const files = openLogFiles(
    { dir },
    {
      onFailing: ({ code }) => said.push(`failing ${code}`),
      onRecovered: (lost) => said.push(`recovered ${lost}`),
      writeBytes(_fd, bytes, offset) {
        const count = behave(bytes.subarray(offset));
        written.push(Buffer.from(bytes.subarray(offset, offset + count)));
        return count;
      },
    },
  );
  return {
    said,
    write: (text: string) => files.write(Buffer.from(text)),
    files,
    text: () => Buffer.concat(written).toString(),
  };
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: write`), { code });
}

test("stdout and the files get the same lines under the same seq, marked, the last one included", async () => {
  const dir = directory();
  const { log, stdout } = open({ dir });
  log.log.info({ umlaut: "größer 😀" }, "one");
  await nextTurn();
  log.writeLine("error", "", "two");
  log.log.child({ component: "a" }).warn("three");
  log.end(0);
  expect(filesIn(dir)).toEqual(["service-000001.log"]);
  expect(textOf(dir)).toBe(stdout());
  const lines = parse(stdout());
  expect(lines.map(({ seq, msg, log_shipping: mark }) => [seq, msg, mark])).toEqual([
    [1, "one", "sidecar"],
    [2, "two", "sidecar"],
    [3, "three", "sidecar"],
    [4, "telemetry.end", "sidecar"],
  ]);
});

test("without files no line is marked", () => {
  let text = "";
  const target = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => done(void (text += chunk) as undefined),
  });
  const log = createLog({ level: "info", base: {}, target, redact: [], current: () => undefined });
  log.log.info("one");
  log.end(0);
  expect(text).not.toContain("log_shipping");
});

test("a shortened line keeps its mark: a line of 1 MB is in both, in its place in seq", () => {
  const dir = directory();
  const { log, stdout } = open({ dir });
  log.log.info("before");
  log.log.error({ body: 'x\n"'.repeat(350_000) }, "huge");
  log.log.info("after");
  log.end(0);
  expect(textOf(dir)).toBe(stdout());
  const lines = parse(stdout());
  expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  expect(lines[1]).toMatchObject({ level: "error", "service.name": "catalogue", log_shipping: "sidecar" });
  expect(lines[1]?.["msg"]).toMatch(/^log line of 1\d{6} characters shortened$/);
});

test("a full file is followed by the next; the oldest goes, and none is ever larger or renamed", () => {
  const dir = directory();
  const { log, stdout } = open({ dir, maxBytes: SMALLEST, files: 3 });
  const inodes = new Map<string, number>();
  for (let line = 0; line < 60; line += 1) {
    log.log.info({ text: "x".repeat(LINE_CHARS) }, "long");
    for (const name of filesIn(dir)) {
      const { size, ino } = statSync(join(dir, name));
      expect(size).toBeLessThanOrEqual(SMALLEST);
      expect(inodes.get(name) ?? ino).toBe(ino);
      inodes.set(name, ino);
    }
    expect(filesIn(dir).length).toBeLessThanOrEqual(3);
  }
  log.end(0);
  const numbered = [...inodes.keys()].toSorted();
  expect(numbered).toEqual(numbered.map((_, index) => `service-${String(index + 1).padStart(6, "0")}.log`));
  expect(numbered.length).toBeGreaterThan(5);
  expect(filesIn(dir)).toEqual(numbered.slice(-3));
  // What is kept is the log's end, without a hole.
  const kept = parse(textOf(dir)).map(({ seq }) => seq);
  const last = parse(stdout()).at(-1)?.seq ?? 0;
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => last - kept.length + 1 + index));
});

test("a restart goes on with the next number, keeps what was there, and leaves other files alone", () => {
  const dir = directory();
  for (const name of ["service-000007.log", "service-1000000.log", "other.log", "service-000008.log.gz"])
    writeFileSync(join(dir, name), "old\n");
  open({ dir, files: 3 }).log.log.info("new");
  expect(filesIn(dir)).toEqual([
    "other.log",
    "service-000007.log",
    "service-000008.log.gz",
    "service-1000000.log",
    "service-1000001.log",
  ]);
  open({ dir, files: 3 });
  expect(filesIn(dir)).not.toContain("service-000007.log");
  expect(readFileSync(join(dir, "service-1000000.log"), "utf8")).toBe("old\n");
});

test.each(["absent", "a file"])(
  "a directory that takes no file (%s) is a sentence with a code, and nothing is opened",
  (what) => {
    const dir = join(directory(), "logs");
    if (what === "a file") appendFileSync(dir, "");
    const opened = () => openLogFiles({ dir }, { onFailing: () => undefined, onRecovered: () => undefined });
    expect(opened).toThrow(
      expect.objectContaining({
        code: "LOG_FILES_UNWRITABLE",
        message: expect.stringMatching(
          /^No log file can be made in .*logs: E[A-Z]+: .*\. Name a directory that exists and that this user may write\.$/,
        ) as string,
      }),
    );
  },
);

test.each([{ maxBytes: SMALLEST - 1 }, { maxBytes: Number.NaN }, { files: 1 }, { files: 2.5 }])(
  "bounds that would not hold are refused: %j",
  (bounds) => {
    const hooks = { onFailing: () => undefined, onRecovered: () => undefined };
    expect(() => openLogFiles({ dir: directory(), ...bounds }, hooks)).toThrow(
      expect.objectContaining({ code: "LOG_FILES_OPTION_INVALID" }),
    );
  },
);

test("a directory that goes away: said once, counted, served on by stdout without the mark; and said when it is back", async () => {
  const dir = directory();
  // At this level nothing less than fatal is logged, but what the log says about itself is.
  const { log, stdout } = open({ dir, maxBytes: SMALLEST, files: 2 }, "fatal");
  const text = "x".repeat(LINE_CHARS);
  async function fill(): Promise<void> {
    for (let line = 0; line < 10; line += 1) {
      log.log.fatal({ text }, "long");
      await nextTurn();
    }
  }
  await fill();
  const before = parse(stdout()).length;
  rmSync(dir, { recursive: true });
  await fill();
  await fill();
  const lost = log.lostLines;
  expect(lost).toBeGreaterThan(10);
  mkdirSync(dir);
  log.log.fatal("back");
  await nextTurn();
  await nextTurn();
  const lines = parse(stdout()).slice(before);
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => before + 1 + index));
  const events = lines.filter((line) => line["event.name"] !== undefined);
  expect(events).toEqual([
    expect.objectContaining({
      level: "error",
      "event.name": "log.files.failing",
      "error.type": "ENOENT",
      "file.directory": dir,
    }),
    expect.objectContaining({ level: "info", "event.name": "log.files.recovered", "log.lines_lost": lost }),
  ]);
  expect(events[0]).not.toHaveProperty("log_shipping");
  // The node's agent takes exactly what no file has, and nothing that one has.
  expect(lines.filter((line) => line["log_shipping"] === undefined)).toHaveLength(lost);
  expect(parse(textOf(dir)).map(({ msg }) => msg)).toEqual([
    "back",
    expect.stringContaining(`${lost} lines are not in them`),
  ]);
  expect(log.lostLines).toBe(lost);
});

test("a disk that fills up inside a line: what is whole is kept, what is not begins again on a line of its own", () => {
  let room = 14;
  const disk = openOn(directory(), (bytes) => {
    if (room === 0) throw systemError("ENOSPC");
    const count = Math.min(room, bytes.length);
    room -= count;
    return count;
  });
  expect(disk.write("first\nsecond\nthird\n")).toBe("first\nsecond\n".length);
  expect(disk.write("fourth\n")).toBe(0);
  expect([disk.files.lostLines, disk.said]).toEqual([2, ["failing ENOSPC"]]);
  room = 100;
  expect(disk.write("fifth\n")).toBe("fifth\n".length);
  expect(disk.text()).toBe("first\nsecond\nt\nfifth\n");
  room = 0;
  expect(disk.write("sixth\n")).toBe(0);
  expect([disk.files.lostLines, disk.said]).toEqual([3, ["failing ENOSPC", "recovered 2", "failing ENOSPC"]]);
});

test("a file that somebody deletes is followed by the next, with nothing missing", async () => {
  const dir = directory();
  const { log, stdout } = open({ dir });
  log.log.info("before");
  await nextTurn();
  const before = textOf(dir);
  rmSync(join(dir, "service-000001.log"));
  log.log.info("after");
  log.end(0);
  expect(filesIn(dir)).toEqual(["service-000002.log"]);
  expect([before + textOf(dir), log.lostLines]).toEqual([stdout(), 0]);
});

test("writes that are interrupted or partial are continued", () => {
  let calls = 0;
  const disk = openOn(directory(), (bytes) => {
    calls += 1;
    if (calls % 2 === 1) throw systemError("EINTR");
    return Math.min(3, bytes.length);
  });
  expect(disk.write("größer\nende\n")).toBe(Buffer.byteLength("größer\nende\n"));
  expect([disk.text(), disk.said, disk.files.lostLines]).toEqual(["größer\nende\n", [], 0]);
});

test("files that fail while the last line is written make another last line due, which counts them", () => {
  const dir = directory();
  const { log, stdout } = open({ dir, maxBytes: SMALLEST, files: 2 });
  for (let line = 0; line < 8; line += 1) log.log.info({ text: "x".repeat(LINE_CHARS) }, "long");
  rmSync(dir, { recursive: true });
  log.log.info({ text: "x".repeat(LINE_CHARS) }, "beyond the file");
  log.end(0);
  log.end(0);
  const ends = parse(stdout()).slice(-3);
  expect(ends.map((line) => [line["event.name"], line.seq, line["last_seq"]])).toEqual([
    ["telemetry.end", 10, 10],
    ["log.files.failing", 11, undefined],
    ["telemetry.end", 12, 12],
  ]);
});
