import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { needsDocker } from "./docker-for-tests.ts";

vi.setConfig({ testTimeout: 120_000 });

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const name = `holdfast-test/app-${process.pid}`;
const room = [`--dockerfile=Dockerfile`, `--name=${name}`, "--file=app.cjs=/app/service.cjs"];
const APP = `
  const { writeFileSync } = require("node:fs");
  const tryToWrite = (file) => { try { writeFileSync(file, ""); return "written"; } catch ({ code }) { return code; } };
  process.stdout.write(JSON.stringify({ uid: process.getuid(), args: process.execArgv, wrote: ["/app/service.cjs", "/app/new", "/tmp/new"].map(tryToWrite) }));
`;

let dir: string;
const built = new Set<string>();

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), "holdfast-image-"));
});
afterAll(() => {
  if (built.size > 0) spawnSync("docker", ["image", "rm", "--force", ...built]);
  rmSync(dir, { recursive: true, force: true });
});

/** A room with an app, made at this moment. */
function roomWith(app: string): string {
  const cwd = mkdtempSync(path.join(dir, "room-"));
  cpSync(path.join(root, "apps/service/Dockerfile"), path.join(cwd, "Dockerfile"));
  writeFileSync(path.join(cwd, "app.cjs"), app);
  writeFileSync(
    path.join(cwd, "package.json"),
    JSON.stringify({ description: "an app", version: "1.2.3", license: "Apache-2.0" }),
  );
  return cwd;
}

function image(args: string[], opts: { cwd?: string; env?: Record<string, string> } = {}) {
  const { cwd = dir, env = {} } = opts;
  const script = path.join(root, "scripts/image.ts");
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function buildIn(cwd: string, args: string[] = []) {
  const { status, stdout, stderr } = image([...room, "-o", "json", ...args], { cwd });
  expect([status, stderr]).toEqual([0, ""]);
  const made = JSON.parse(stdout) as { image: string; tag: string; layer: string; bytesAboveBase: number };
  built.add(made.image);
  return made;
}

function docker(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("docker", args, { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

describe("what cannot be built is said in one sentence", () => {
  test.each([
    ["an unknown flag", [...room, "--pish"], /^Unknown option '--pish'.* See `npm run image -- --help`\.\n$/],
    ["no file", ["--dockerfile=Dockerfile", `--name=${name}`], /^--dockerfile, --name and at least one --file/],
    ["a file without a place", [...room, "--file=app.cjs"], /^--file app\.cjs: it is FROM=TO/],
    ["another output", [...room, "-o", "yaml"], /^-o knows json only/],
  ])("%s, exit 2", (_what, args, sentence) => {
    const { status, stderr } = image(args);
    expect(stderr).toMatch(sentence);
    expect(status).toBe(2);
  });

  test("no Docker, exit 4", () => {
    const { status, stderr } = image(room, { cwd: roomWith(APP), env: { PATH: dir } });
    expect(stderr).toMatch(/^Docker is needed to build an image, and there is no `docker` on PATH/);
    expect(status).toBe(4);
  });

  test("a Docker that does not answer, exit 4", () => {
    const bin = path.join(dir, "stopped");
    mkdirSync(bin);
    writeFileSync(path.join(bin, "docker"), "#!/bin/sh\necho Cannot connect >&2\nexit 1\n", { mode: 0o755 });
    const { status, stderr } = image(room, { cwd: roomWith(APP), env: { PATH: bin } });
    expect(stderr).toMatch(/^Docker does not answer: Cannot connect\n {2}Start it/);
    expect(status).toBe(4);
  });

  test("a base that cannot be had, exit 4", async (context) => {
    await needsDocker(context);
    const { status, stderr } = image([...room, "--base=localhost:1/none:1"], { cwd: roomWith(APP) });
    expect(stderr).toMatch(
      /The base image localhost:1\/none:1 is not on this machine and could not be pulled: .+\n.*--base REF/,
    );
    expect(status).toBe(4);
  });

  test("a bundle whose base is not what its list says, exit 4", async (context) => {
    await needsDocker(context);
    const held = { name: "localhost:1/none:1", file: "base.tar", sha256: "00" };
    writeFileSync(path.join(dir, "bundle.json"), JSON.stringify({ host: [held] }));
    writeFileSync(path.join(dir, "base.tar"), "no image");
    const opts = { cwd: roomWith(APP), env: { HOLDFAST_BUNDLE: dir } };
    const { status, stderr } = image([...room, "--base=localhost:1/none:1"], opts);
    expect(stderr).toMatch(/base\.tar is not what the bundle's bundle\.json says \(sha256\): it is not used/);
    expect(status).toBe(4);
  });

  test("a registry that does not answer, exit 4, and no name is left", async (context) => {
    await needsDocker(context);
    const { status, stderr } = image([...room, "--push=localhost:1/refused"], { cwd: roomWith(APP) });
    expect(stderr).toMatch(/^localhost:1\/refused:sha-[0-9a-f]{12} could not be pushed: .+\n.*docker login/);
    expect(status).toBe(4);
    expect(docker("images", "--quiet", "localhost:1/refused")).toBe("");
  });
});

describe("an image", () => {
  test("of the same files is the same layer, whenever and wherever it is built; of others another", async (context) => {
    await needsDocker(context);
    // Docker would give the second one the first one's layer without looking at it.
    const one = buildIn(roomWith(APP), ["--no-cache"]);
    const two = buildIn(roomWith(APP), ["--no-cache"]);
    const other = buildIn(roomWith(`${APP}// changed`));
    expect([two.layer, two.tag]).toEqual([one.layer, one.tag]);
    expect(other.layer).not.toBe(one.layer);
    expect(other.tag).not.toBe(one.tag);
    expect(one.bytesAboveBase).toBe(Buffer.byteLength(APP));
  });

  test("runs as nobody, and changes nothing of itself", async (context) => {
    await needsDocker(context);
    const made = buildIn(roomWith(APP));
    const run = ["run", "--rm", "--network=none", "--cap-drop=ALL"];
    const [writable, readOnly] = [[], ["--read-only"]].map((flags) => JSON.parse(docker(...run, ...flags, made.image)));
    expect(writable).toEqual({ uid: 65532, args: ["--max-semi-space-size=4"], wrote: ["EACCES", "EACCES", "written"] });
    expect(readOnly.wrote).toEqual(["EROFS", "EROFS", "EROFS"]);
  });

  test("says what it is, by labels that do not name the day", async (context) => {
    await needsDocker(context);
    const made = buildIn(roomWith(APP), ["--source=https://example.com/app"]);
    const [{ Config: config }] = JSON.parse(docker("image", "inspect", made.image));
    expect(config.User).toBe("65532:65532");
    expect(config.Labels).toEqual({
      "org.opencontainers.image.base.name": "gcr.io/distroless/nodejs24-debian12:nonroot",
      "org.opencontainers.image.description": "an app",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.source": "https://example.com/app",
      "org.opencontainers.image.title": path.basename(name),
      "org.opencontainers.image.version": "1.2.3",
    });
  });
});
