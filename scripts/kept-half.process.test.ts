import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** What a team keeps when it throws the proving half away. */
const KEPT = [
  "package.json",
  "package-lock.json",
  "turbo.json",
  ".npmrc",
  ".nvmrc",
  "packages/tsconfig",
  "packages/lifecycle",
  "packages/resilience",
  "packages/telemetry",
  "apps/service",
];
const NOT_COPIED = new Set(["node_modules", "dist", ".turbo"]);

/** Stays between runs with what was installed and what turbo remembers of it, so that an unchanged half costs seconds. */
const copy = path.join(root, ".cache", "kept-half");

function run(command: string, args: string[]) {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" };
  const result = spawnSync(command, args, { cwd: copy, encoding: "utf8", env });
  return { status: result.status, output: `${result.stdout}\n${result.stderr}` };
}

/** Takes out what the last run copied, so that a file that is gone from the checkout is gone here. */
function removeCopied(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (NOT_COPIED.has(entry.name) || entry.name === ".git") continue;
    const at = path.join(dir, entry.name);
    if (entry.isDirectory()) removeCopied(at);
    else rmSync(at);
  }
}

beforeAll(() => {
  mkdirSync(copy, { recursive: true });
  removeCopied(copy);
  for (const kept of KEPT) {
    mkdirSync(path.dirname(path.join(copy, kept)), { recursive: true });
    cpSync(path.join(root, kept), path.join(copy, kept), {
      recursive: true,
      filter: (from) => !NOT_COPIED.has(path.basename(from)),
    });
  }
  // A repository of its own: turbo would take the copy for files that ours ignores, and see no change in them.
  writeFileSync(path.join(copy, ".gitignore"), "node_modules/\ndist/\n.turbo/\n");
  const { status } = spawnSync("git", ["init", "--quiet"], { cwd: copy });
  if (status !== 0 && existsSync(path.join(root, ".git"))) throw new Error("git init failed in the copy");
}, 30_000);

describe("the half that a team keeps, alone", () => {
  test("installs from what the lockfile pins", { timeout: 180_000 }, () => {
    const { status, output } = run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"]);
    expect(output.slice(-2000) && status).toBe(0);
    const lock = (dir: string) => JSON.parse(readFileSync(path.join(dir, "package-lock.json"), "utf8")).packages;
    const [ours, theirs] = [lock(root), lock(copy)];
    const moved = Object.keys(theirs).filter(
      (where) => theirs[where].version && theirs[where].version !== ours[where]?.version,
    );
    expect(moved).toEqual([]);
  });

  test("type-checks, builds and passes its tests", { timeout: 180_000 }, () => {
    const { status, output } = run("npx", [
      "--no-install",
      "turbo",
      "run",
      "check",
      "build",
      "test",
      "--concurrency=2",
    ]);
    expect([status, status === 0 ? "" : output.slice(-4000)]).toEqual([0, ""]);
    expect(output).toMatch(/service:test:.*\d+ passed/);
  });

  test("leaves one file that starts and answers", { timeout: 30_000 }, async () => {
    const bundle = ["service.cjs", "service.mjs"]
      .map((file) => path.join(copy, "apps/service/dist", file))
      .find(existsSync);
    const service = spawn(process.execPath, [String(bundle)], {
      cwd: tmpdir(),
      env: { PATH: process.env["PATH"], HOST: "127.0.0.1", PORT: "0", ADMIN_HOST: "127.0.0.1", ADMIN_PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let port: number | undefined;
      for await (const line of createInterface({ input: service.stdout })) {
        const event = JSON.parse(line);
        if (event["event.name"] === "lifecycle.listening" && event.server === "public") port = event["server.port"];
        if (port !== undefined) break;
      }
      const answer = await fetch(`http://127.0.0.1:${port}/api/products`);
      expect(answer.status).toBe(200);
    } finally {
      service.stdout.resume();
      service.kill("SIGTERM");
      if (service.exitCode === null) await once(service, "exit");
    }
    expect(service.exitCode).toBe(0);
  });
});
