import { execFile, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { needsDocker } from "./docker-for-tests.ts";
import { ensureTool } from "./tools.mjs";

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
  "charts/service",
  "k8s",
  "scripts/package.json",
  "scripts/prestep.mjs",
  "scripts/checkout.mjs",
  "scripts/tools.mjs",
  "scripts/zip.mjs",
  "scripts/image.ts",
  "scripts/image",
];
const NOT_COPIED = new Set(["node_modules", "dist", ".turbo"]);

/** Stays between runs with what was installed and what turbo remembers of it, so that an unchanged half costs seconds. */
const copy = path.join(root, ".cache", "kept-half");

let helm: string;

const opts = () => ({ cwd: copy, env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", HOLDFAST_HELM: helm } });

function run(command: string, args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", ...opts() });
  return { status, stdout, output: `${stdout}\n${stderr}` };
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

beforeAll(async () => {
  helm = process.env["HOLDFAST_HELM"] ?? (await ensureTool("helm"));
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

/** With npm, unless what it installed the last time came of the same manifests and the same lockfile. */
function install(): void {
  const asked = KEPT.flatMap((kept) => [kept, `${kept}/package.json`]).filter(
    (file) => /\.npmrc$|package(-lock)?\.json$/.test(file) && existsSync(path.join(copy, file)),
  );
  const hash = createHash("sha256");
  for (const file of asked) hash.update(file).update(readFileSync(path.join(copy, file)));
  const from = hash.digest("hex");
  // npm takes what the copy has no room for out of its lockfile.
  const record = path.join(copy, "node_modules/.kept-half.json");
  const lock = path.join(copy, "package-lock.json");
  if (existsSync(record)) {
    const last = JSON.parse(readFileSync(record, "utf8")) as { from: string; lock: string };
    if (last.from === from) return writeFileSync(lock, last.lock);
  }
  const { status, output } = run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"]);
  expect([status, status === 0 ? "" : output.slice(-2000)]).toEqual([0, ""]);
  writeFileSync(record, JSON.stringify({ from, lock: readFileSync(lock, "utf8") }));
}

describe("the half that a team keeps, alone", () => {
  test("installs from what the lockfile pins", { timeout: 180_000 }, () => {
    install();
    const lock = (dir: string) => JSON.parse(readFileSync(path.join(dir, "package-lock.json"), "utf8")).packages;
    const [ours, theirs] = [lock(root), lock(copy)];
    const moved = Object.keys(theirs).filter(
      (where) => theirs[where].version && theirs[where].version !== ours[where]?.version,
    );
    expect(moved).toEqual([]);
  });

  test("type-checks, builds and passes its tests", { timeout: 400_000 }, () => {
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
    // Built meanwhile, for the last two tests; it replaces the file that is started here as a whole.
    buildImage().catch(() => undefined);
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

  test("renders as a chart, without a complaint of helm's", () => {
    const chart = path.join(copy, "charts/service");
    const rendered = run(helm, ["template", "catalogue", chart, "--set", "image.repository=registry.example/service"]);
    expect([rendered.status, rendered.stdout.match(/^kind: \w+$/gm)]).toEqual([
      0,
      expect.arrayContaining(["kind: Deployment", "kind: PodDisruptionBudget", "kind: Service"]),
    ]);
    const linted = run(helm, ["lint", "--strict", chart]);
    expect([linted.status, linted.output]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
  });

  test(
    "becomes an image of less than 3 MB above its base, without source maps",
    { timeout: 180_000 },
    async (context) => {
      await needsDocker(context);
      const built = await buildImage();
      expect(built.bytesAboveBase).toBeLessThan(3_000_000);
      const { stdout: container } = run("docker", ["create", built.image]);
      const { stdout: archive } = spawnSync("docker", ["cp", `${container.trim()}:/app`, "-"]);
      run("docker", ["rm", container.trim()]);
      const names = spawnSync("tar", ["-t"], { input: archive, encoding: "utf8" }).stdout.trim().split("\n");
      expect(names.toSorted()).toEqual(["app/", "app/LICENCES.txt", "app/service.cjs"]);
    },
  );

  test("whose container is ready and ends well, with nothing it may write", { timeout: 180_000 }, async (context) => {
    await needsDocker(context);
    const name = `holdfast-kept-half-${process.pid}`;
    const flags = ["--rm", "--read-only", "--cap-drop=ALL", "--network=none", "--env=LAG_SECONDS=0"];
    const service = spawn("docker", ["run", ...flags, `--name=${name}`, (await buildImage()).image], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const states: string[] = [];
    for await (const line of createInterface({ input: service.stdout })) {
      const event = JSON.parse(line);
      if (event["event.name"] !== "lifecycle.state") continue;
      states.push(event.to);
      if (event.to === "ready") run("docker", ["kill", "--signal=TERM", name]);
    }
    if (service.exitCode === null) await once(service, "exit");
    expect([states, service.exitCode]).toEqual([["ready", "draining"], 0]);
  });
});

let built: Promise<{ image: string; bytesAboveBase: number }> | undefined;

/** As a team builds it, once. */
function buildImage(): NonNullable<typeof built> {
  const start = () => promisify(execFile)("npm", ["run", "--silent", "image", "--", "-o", "json"], opts());
  built ??= start().then(({ stdout }) => JSON.parse(stdout));
  return built;
}
