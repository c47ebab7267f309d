/** Bytes that a stranger sends: whatever they are, the log stays one line of JSON a record. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { connectRaw, countResponses, requestText, startObserved } from "./observed-server.fixture.ts";
import { numbersTo, parseLines, temporaryFolder } from "./process.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

const EIGHT_KB = 8192;

const headers: Record<string, string> = {
  "an escape sequence": "\u001B[2J\u001B]0;owned\u0007",
  "quotes and backslashes": String.raw`"},"level":"fatal","x":{"\",\\"`,
  "invalid UTF-8": "\u00FF\u00FE\u00C3\u0028\u00ED\u00A0\u0080",
  "a null byte": "before\u0000after",
  "a carriage return": "before\rafter",
  "a line feed": 'before\n{"level":"fatal","msg":"forged"}',
  "a folded line": 'before\r\n {"level":"fatal","msg":"forged"}',
  "line separators": "\u00E2\u0080\u00A8\u00E2\u0080\u00A9\u0085",
  "8 KB": `${"x".repeat(EIGHT_KB - 1)}"`,
  "8 KB of escapes": '"'.repeat(EIGHT_KB),
};

const paths: Record<string, string> = {
  "an escape sequence": "/\u001B[2J",
  "quotes and backslashes": String.raw`/"},"level":"fatal","x":{"\"`,
  "invalid UTF-8": "/\u00FF\u00FE\u00C3\u0028\u00ED\u00A0\u0080",
  "percent-encoded line feeds": "/%0A%0D%00%1B%22",
  "a broken percent-encoding": "/%E0%A4%A%",
  "a line feed": '/before\n{"level":"fatal"}',
  "8 KB": `/${'"'.repeat(EIGHT_KB)}`,
  "an absolute URL": 'http://evil.example/"?secret',
  "no path": "*",
};

const attacks: [string, string][] = [
  ...Object.entries(headers).flatMap(([what, value]) =>
    ["user-agent", "traceparent", "tracestate", "baggage", "x-forwarded-for"].map((name): [string, string] => [
      `${what} in ${name}`,
      requestText("GET /header", { [name]: value }),
    ]),
  ),
  ...Object.entries(paths).map(([what, path]): [string, string] => [
    `${what} as path`,
    `GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`,
  ]),
  [
    "a valid traceparent with hostile companions",
    requestText("GET /header", {
      traceparent: `00-${"a".repeat(32)}-1234567812345678-01`,
      tracestate: '"\u00FF=\u001B',
      baggage: 'k="\u00FF',
    }),
  ],
];

// The largest values that are logged: a path of 1024 and a user agent of 256 characters, six bytes each when escaped,
// twice in the line of a handler that logs what it got.
const MAX_LINE_BYTES = 16_384;

test.each([false, true])("a log stays lines of JSON under hostile bytes (lenient parser: %s)", async (lenient) => {
  const [file, dir] = [join(temporaryFolder(), "service.log"), temporaryFolder()];
  const destination = openSync(file, "a");
  onTestFinished(() => closeSync(destination));
  let handled = 0;
  const server = await startObserved(
    (telemetry) => (req, res) => {
      handled += 1;
      telemetry.log.info({ agent: req.headers["user-agent"]?.slice(0, 256) }, req.url?.slice(0, 1024));
      res.end(JSON.stringify(telemetry.propagate({})));
    },
    { telemetry: { destination, logFiles: { dir } }, server: { insecureHTTPParser: lenient } },
  );
  for (const [what, bytes] of attacks) {
    const client = await connectRaw(server.port);
    client.socket.write(bytes, "latin1");
    await client.until((received) => countResponses(received) > 0);
    expect(`${what}: ${client.received}`).toMatch(/^[^:]+: HTTP\/1\.1 (200|400|431) /);
    client.socket.destroy();
  }
  const client = await connectRaw(server.port);
  client.socket.write(requestText("GET /still-there"));
  await client.until((received) => received.includes("traceparent"));
  await server.close();

  const bytes = readFileSync(file);
  const log = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(log).not.toMatch(/[\u0000-\u0009\u000B-\u001F]/);
  const lines = parseLines(log);
  expect(log.endsWith("\n")).toBe(true);
  expect(readFileSync(join(dir, "service-000001.log")).equals(bytes)).toBe(true);
  expect(lines.map((line) => line.seq)).toEqual(numbersTo(lines.length));
  // One line of the handler and one of the observer for each request that got through, and the last line.
  expect(lines).toHaveLength(2 * handled + 1);
  expect(handled).toBeGreaterThan(attacks.length / 2);
  expect(lines.filter((line) => line.level !== "info")).toEqual([]);
  expect(lines.filter((line) => !/^([\da-f]{32}|undefined)$/.test(String(line.trace_id)))).toEqual([]);
  expect(Math.max(...log.split("\n").map((line) => Buffer.byteLength(line)))).toBeLessThan(MAX_LINE_BYTES);
  const access = lines.filter((line) => line.msg === "request");
  for (const line of access) expect(String(line["url.path"]).length).toBeLessThanOrEqual(1024);
  for (const line of access) expect(JSON.stringify(line)).not.toContain("secret");
  expect(access.at(-1)).toMatchObject({ "url.path": "/still-there" });
});
