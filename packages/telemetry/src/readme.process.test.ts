import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { COMPILE_CACHE } from "./process.fixture.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("the README's example runs: a line, a series, and a last line at the end", { timeout: 20_000 }, async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(README) as RegExpExecArray;
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd: PACKAGE,
    env: { ...process.env, ...COMPILE_CACHE, PORT: String(port), ADMIN_PORT: String(adminPort) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exit = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (log += text));
  child.stdin.end(example);

  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, connection: "close" };
  await vi.waitFor(
    async () => expect((await fetch(`http://127.0.0.1:${port}/orders/42`, { headers })).status).toBe(200),
    { timeout: 10_000, interval: 50 },
  );
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers })).text();
  expect(metrics).toMatch(
    /http_server_request_duration_seconds_count\{http_request_method="GET",http_route="\/orders\/:id",http_response_status_code="200"\} 1/,
  );

  child.kill("SIGTERM");
  expect(await exit).toBe(0);
  const lines = log
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map((line) => line.seq)).toEqual(lines.map((_, index) => index + 1));
  expect(lines.filter((line) => line.trace_id === traceId).map((line) => line.msg)).toEqual(["order read", "request"]);
  expect(lines.at(-1)).toMatchObject({ "event.name": "telemetry.end", last_seq: lines.length });
});
