import { Writable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { createLog, pathText, userAgentText, type LogOptions, type ServiceLog } from "./log.ts";
import type { LogLevel, TraceIds } from "./types.ts";

const IDS: TraceIds = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", sampled: true };
const BASE = { "service.name": "catalogue", "service.instance.id": "catalogue-1" };

const opened: ServiceLog[] = [];
afterEach(() => {
  // Else each would write its last line when this process exits.
  for (const log of opened.splice(0)) log.end(0);
});

interface Opened extends ServiceLog {
  /** Lines so far, parsed. */
  lines(): Record<string, unknown>[];
}

function openLog(opts: Partial<LogOptions> = {}): Opened {
  let text = "";
  const target = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const log = createLog({ level: "info", base: BASE, target, redact: [], current: () => undefined, ...opts });
  opened.push(log);
  function lines(): Record<string, unknown>[] {
    log.end(0);
    return text
      .split("\n")
      .slice(0, -1)
      .map((json) => JSON.parse(json) as Record<string, unknown>);
  }
  return Object.assign(Object.create(log) as ServiceLog, { lines });
}

test("a line has time, level by name, the base fields, its message and seq", () => {
  const log = openLog();
  log.log.warn({ "peer.service": "stock" }, "slow");
  const [line] = log.lines();
  expect(line).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: "warn",
    ...BASE,
    "peer.service": "stock",
    msg: "slow",
    seq: 1,
  });
});

test("seq counts pino's lines, a child's, and those written by hand, without holes", () => {
  const log = openLog();
  const child = log.log.child({ component: "orders" });
  for (let i = 0; i < 50; i += 1) {
    log.log.info("by pino");
    log.writeLine("info", `,"i":${i}`, "by hand");
    child.error("by a child");
    log.log.debug("not written, not counted");
  }
  const lines = log.lines();
  expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 151 }, (_, i) => i + 1));
  expect(lines[1]).toMatchObject({ msg: "by hand", level: "info", i: 0, ...BASE });
});

test("the last line names its own seq; a line after it makes another one due, and nothing else does", () => {
  const log = openLog();
  log.log.info("one");
  log.end(0);
  log.end(0);
  log.log.info("late");
  const lines = log.lines();
  expect(lines.map(({ msg, seq, last_seq }) => [msg, seq, last_seq])).toEqual([
    ["one", 1, undefined],
    ["telemetry.end", 2, 2],
    ["late", 3, undefined],
    ["telemetry.end", 4, 4],
  ]);
  expect(lines[1]).toMatchObject({ "event.name": "telemetry.end", level: "info", ...BASE });
});

test("the last line is written at every level but silent: without it nobody knows that none is missing", () => {
  const strict = openLog({ level: "fatal" });
  strict.log.fatal("the one line");
  expect(strict.lines().at(-1)).toMatchObject({ "event.name": "telemetry.end", seq: 2, last_seq: 2 });
  const silent = openLog({ level: "silent" });
  silent.log.fatal("not this");
  silent.writeLine("error", "", "nor this");
  expect(silent.lines()).toEqual([]);
});

test("inside a request a line carries its trace, outside of one none", () => {
  let current: TraceIds | undefined = IDS;
  const log = openLog({ current: () => current });
  log.log.info("inside");
  log.log.child({ component: "a" }).info("a child inside");
  current = { ...IDS, sampled: false };
  log.log.info("not sampled");
  current = undefined;
  log.log.info("outside");
  const ids = { trace_id: IDS.traceId, span_id: IDS.spanId };
  const [inside, child, unsampled, outside] = log.lines();
  expect(inside).toMatchObject({ ...ids, trace_flags: "01" });
  expect(child).toMatchObject({ ...ids, trace_flags: "01", component: "a" });
  expect(unsampled).toMatchObject({ ...ids, trace_flags: "00" });
  expect(outside).not.toHaveProperty("trace_id");
  expect(outside).not.toHaveProperty("span_id");
});

test("fields named seq or trace_id in what is logged cannot pose as the line's own", () => {
  const log = openLog({ current: () => IDS });
  const posing = { seq: 999, trace_id: "f".repeat(32), span_id: "f".repeat(16), trace_flags: "ff" };
  log.log.info(posing, '","seq":998,"trace_id":"x"}');
  log.log.child(posing).info("by a child");
  log.log.info({ nested: posing }, "nested");
  const own = { trace_id: IDS.traceId, span_id: IDS.spanId, trace_flags: "01" };
  const [flat, child, nested] = log.lines();
  expect(flat).toMatchObject({ ...own, seq: 1, msg: '","seq":998,"trace_id":"x"}' });
  expect(child).toMatchObject({ ...own, seq: 2 });
  expect(nested).toMatchObject({ ...own, seq: 3, nested: posing });
});

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

test.for(LEVELS)("level %s filters lines by hand exactly as it filters pino's", (level) => {
  const log = openLog({ level });
  for (const lineLevel of ["info", "warn", "error"] as const) {
    log.log[lineLevel]("pino");
    log.writeLine(lineLevel, "", "hand");
    expect(log.writes(lineLevel)).toBe(LEVELS.indexOf(lineLevel) >= LEVELS.indexOf(level));
  }
  const written = log.lines().filter(({ msg }) => msg !== "telemetry.end");
  const byPino = written.filter(({ msg }) => msg === "pino").map((line) => line["level"]);
  const byHand = written.filter(({ msg }) => msg === "hand").map((line) => line["level"]);
  expect(byHand).toEqual(byPino);
  expect(byPino).toEqual(
    ["info", "warn", "error"].filter((name) => LEVELS.indexOf(name as LogLevel) >= LEVELS.indexOf(level)),
  );
});

test("a level that is changed while the service runs counts for lines by hand, too", () => {
  const log = openLog({ level: "info" });
  log.log.level = "error";
  log.writeLine("info", "", "hidden");
  log.log.level = "info";
  log.writeLine("info", "", "shown");
  expect(log.lines().map(({ msg, seq }) => [msg, seq])).toEqual([
    ["shown", 1],
    ["telemetry.end", 2],
  ]);
});

test("credentials are never written, wherever a handler usually logs them from", () => {
  const log = openLog();
  const secret = "s3cr3t";
  const headers = { authorization: secret, cookie: secret, accept: "text/html" };
  log.log.info({ authorization: secret, cookie: secret, password: secret, token: secret }, "flat");
  log.log.info({ headers }, "headers");
  log.log.info({ req: { headers }, res: { headers: { "set-cookie": secret } } }, "request and response");
  log.log.child({ token: secret }).info("bindings of a child");
  const lines = log.lines();
  expect(lines).toHaveLength(5);
  expect(JSON.stringify(lines)).not.toContain(secret);
  expect(lines[0]).toMatchObject({ password: "[redacted]", msg: "flat" });
  expect(lines[1]).toMatchObject({ headers: { authorization: "[redacted]", accept: "text/html" } });
});

test("a dotted name to redact means the flat key as well as the path", () => {
  const log = openLog({ redact: ["client.address", "http.request.header.x-api-key", "email"] });
  log.log.info({ "client.address": "203.0.113.7", "http.request.header.x-api-key": "203.0.113.7" }, "flat");
  log.log.info({ client: { address: "203.0.113.7", port: 1 } }, "nested");
  log.log.info({ email: "203.0.113.7" }, "plain");
  log.log.info({ "client.port": 2 }, "another");
  const lines = log.lines();
  expect(JSON.stringify(lines)).not.toContain("203.0.113.7");
  expect(lines[0]).toMatchObject({ "client.address": "[redacted]" });
  expect(lines[1]).toMatchObject({ client: { address: "[redacted]", port: 1 } });
  expect(lines[3]).toMatchObject({ "client.port": 2 });
});

test("redact takes pino's own way to write a flat key, and wildcards", () => {
  const log = openLog({ redact: ['["client.address"]', "users[*].email"] });
  log.log.info({ "client.address": "203.0.113.7", users: [{ email: "203.0.113.7" }, { email: "203.0.113.7" }] });
  expect(JSON.stringify(log.lines())).not.toContain("203.0.113.7");
});

test("what is not named is written: redaction is off for it", () => {
  const log = openLog();
  log.log.info({ "client.address": "203.0.113.7" });
  expect(log.lines()[0]).toMatchObject({ "client.address": "203.0.113.7" });
});

test("an exception is logged by OpenTelemetry's names, however it is handed over", () => {
  const log = openLog({ current: () => IDS });
  const error = Object.assign(new TypeError("no"), { code: "E_NO" });
  log.log.error(error);
  log.log.error({ err: error, order: 7 }, "failed");
  log.log.error({ err: "a text" }, "no exception");
  const [plain, withFields, text] = log.lines();
  const names = { "exception.type": "E_NO", "exception.message": "no", "exception.stacktrace": error.stack };
  expect(plain).toMatchObject({ ...names, msg: "no", trace_id: IDS.traceId });
  expect(withFields).toMatchObject({ ...names, msg: "failed", order: 7 });
  expect(plain).not.toHaveProperty("err");
  expect(text).toMatchObject({ err: "a text" });
});

test("a line that is too long is shortened, and still says whose it is and of which request", () => {
  const log = openLog({ current: () => IDS });
  log.log.error({ document: "x".repeat(1_048_576) }, "too much");
  log.log.info("after");
  const [long, after] = log.lines();
  expect(long).toMatchObject({ level: "error", seq: 1, "log.line_start": expect.stringContaining("xxx") });
  expect(JSON.stringify(long).length).toBeLessThan(65_536);
  // A ledger is kept per instance: a line without its name would be a hole in it.
  expect(long).toMatchObject(BASE);
  expect(after).toMatchObject({ seq: 2, msg: "after" });
});

test("lone surrogates and control characters stay inside one line of valid JSON", () => {
  const log = openLog();
  log.log.info({ text: "\uD83D \u2028 \u0000 \n }\n" }, "\uDE00\r\n");
  expect(log.lines()[0]).toMatchObject({ text: "\uD83D \u2028 \u0000 \n }\n", msg: "\uDE00\r\n" });
});

test("a path is logged without its query, as valid JSON of bounded length", () => {
  expect(pathText("/api/products?token=secret")).toBe('"/api/products"');
  expect(pathText("/a?b?c")).toBe('"/a"');
  expect(JSON.parse(pathText('/"\\\n\u0001\uD83D'))).toBe('/"\\\n\u0001\uD83D');
  expect((JSON.parse(pathText(`/${"x".repeat(16_000)}`)) as string).length).toBe(1024);
  expect((JSON.parse(pathText(`/${'"'.repeat(16_000)}?secret`)) as string).length).toBe(1024);
  expect((JSON.parse(userAgentText("x".repeat(16_000))) as string).length).toBe(256);
});
