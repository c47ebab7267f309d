import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { DEADLINE_HEADER } from "./deadline.ts";
import { answers, startHttpUpstream } from "./http-upstream.fixture.ts";
import type { UpstreamEvent } from "./upstream.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test(
  "the README's example runs: fresh, stale, failed, hostile deadline, and it ends",
  { timeout: 20_000 },
  async () => {
    const [, example] = /```ts\n([\s\S]*?)```/.exec(README) as RegExpExecArray;
    const stock = await startHttpUpstream((_req, res) => res.end('{"units":7}'));
    const port = await freePort();
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-"], {
      cwd: PACKAGE,
      env: { ...process.env, PORT: String(port), STOCK_URL: stock.url, NODE_ENV: "test" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exit = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await exit;
    });
    const events: UpstreamEvent[] = [];
    child.stdout.setEncoding("utf8").on("data", (lines: string) => {
      for (const line of lines.trimEnd().split("\n")) events.push(JSON.parse(line) as UpstreamEvent);
    });
    child.stdin.end(example);

    async function product(id: string, headers: Record<string, string> = {}): Promise<[number, unknown]> {
      const response = await fetch(`http://127.0.0.1:${port}/products/${id}`, { headers });
      return [response.status, response.ok ? await response.json() : await response.text().then(() => undefined)];
    }
    await vi.waitFor(() => product("p1"), { timeout: 10_000, interval: 50 });

    expect(await product("p1")).toEqual([200, { id: "p1", stock: { units: 7 }, stale: false, ageMs: 0 }]);
    expect(await product("p1", { [DEADLINE_HEADER]: "-1" })).toMatchObject([200, { stale: false }]);
    expect(await product("p2", { [DEADLINE_HEADER]: "0" })).toEqual([504, undefined]);
    stock.answer = answers.failing;
    expect(await product("p1")).toMatchObject([200, { id: "p1", stock: { units: 7 }, stale: true }]);
    expect(await product("p2")).toEqual([502, undefined]);
    stock.answer = answers.missing;
    expect(await product("p1")).toEqual([404, undefined]);

    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    expect(events.filter((event) => event.type === "call").map((event) => event.outcome)).toEqual(
      expect.arrayContaining(["success", "DEADLINE_EXCEEDED", "UPSTREAM_FAILED"]),
    );
  },
);

test("the README names every error code and every event that the types know", () => {
  const source = ["errors.ts", "upstream.ts", "shedder.ts", "stale-cache.ts"]
    .map((file) => readFileSync(new URL(file, import.meta.url), "utf8"))
    .join("\n");
  const codes = [...source.matchAll(/\| "([A-Z]+_[A-Z]+)"/g)].map((match) => match[1] as string);
  const events = [...source.matchAll(/\| \{ type: "([a-z-]+)"/g)].map((match) => match[1] as string);
  expect(new Set(codes).size).toBe(7);
  expect(new Set(events).size).toBe(11);
  for (const name of [...codes, ...events]) expect(README).toContain(`| \`${name}\` |`);
});
