import { execFile, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
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
  // Those that could not be pushed, too.
  const format = "--format={{.Repository}}:{{.Tag}}";
  const ours = spawnSync("docker", ["images", format, name], { encoding: "utf8" }).stdout?.trim().split("\n") ?? [];
  const all = new Set([...built, ...ours].filter(Boolean));
  if (all.size > 0) spawnSync("docker", ["image", "rm", "--force", ...all]);
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

const start = promisify(execFile);

async function image(args: string[], opts: { cwd?: string; env?: Record<string, string> } = {}) {
  const { cwd = dir, env = {} } = opts;
  const script = path.join(root, "scripts/image.ts");
  const started = start(process.execPath, [script, ...args], { cwd, env: { ...process.env, ...env } });
  // What it says beside its exit code is on the error.
  const { stdout, stderr } = await started.catch((error: { stdout: string; stderr: string }) => error);
  return { status: started.child.exitCode, stdout, stderr };
}

interface Made {
  image: string;
  tag: string;
  layer: string;
  bytesAboveBase: number;
}

async function buildIn(cwd: string, args: string[] = [], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = await image([...room, "-o", "json", ...args], { cwd, env });
  expect([status, stderr]).toEqual([0, ""]);
  const made = JSON.parse(stdout) as Made;
  built.add(made.image);
  return made;
}

/** Those that several tests look at, and one of another program. */
let shared: Promise<Made> | undefined;
const sharedImage = () => (shared ??= buildIn(roomWith(APP), ["--source=https://example.com/app"]));
const OTHER_APP = `${APP}// changed`;
let other: Promise<Made> | undefined;
const otherImage = () => (other ??= buildIn(roomWith(OTHER_APP)));

async function docker(...args: string[]): Promise<string> {
  const { stdout, stderr } = await start("docker", args);
  expect(stderr).toBe("");
  return stdout;
}

/** The folder of a docker that builds with BuildKit: one before 23, or one with buildx. */
function buildKitDocker(): string | undefined {
  const env = { ...process.env, DOCKER_BUILDKIT: "1" };
  return process.env["PATH"]?.split(path.delimiter).find((folder) => {
    const file = path.join(folder, "docker");
    return existsSync(file) && spawnSync(file, ["build", "--help"], { env }).status === 0;
  });
}

describe.concurrent("what cannot be built is said in one sentence", () => {
  test.each([
    ["an unknown flag", [...room, "--pish"], /^Unknown option '--pish'.* See `npm run image -- --help`\.\n$/],
    ["no file", ["--dockerfile=Dockerfile", `--name=${name}`], /^--dockerfile, --name and at least one --file/],
    ["a file without a place", [...room, "--file=app.cjs"], /^--file app\.cjs: it is FROM=TO/],
    [
      "a registry without a path",
      [...room, "--push=localhost:5001"],
      /^--push localhost:5001: this names no repository/,
    ],
    ["a platform that is none", [...room, "--platform=arm64"], /^--platform arm64: it is OS\/ARCHITECTURE/],
    ["another output", [...room, "-o", "yaml"], /^-o knows json only/],
  ])("%s, exit 2", async (_what, args, sentence) => {
    const { status, stderr } = await image(args);
    expect(stderr).toMatch(sentence);
    expect(status).toBe(2);
  });

  test("no Docker, exit 4", async () => {
    const { status, stderr } = await image(room, { cwd: roomWith(APP), env: { PATH: dir } });
    expect(stderr).toMatch(/^Docker is needed to build an image, and there is no `docker` on PATH/);
    expect(status).toBe(4);
  });

  test("a Docker that does not answer, exit 4", async () => {
    const bin = path.join(dir, "stopped");
    mkdirSync(bin);
    writeFileSync(path.join(bin, "docker"), "#!/bin/sh\necho Cannot connect >&2\nexit 1\n", { mode: 0o755 });
    const { status, stderr } = await image(room, { cwd: roomWith(APP), env: { PATH: bin } });
    expect(stderr).toMatch(/^Docker does not answer: Cannot connect\n {2}Start it/);
    expect(status).toBe(4);
  });

  test("a base that cannot be had, exit 4", async (context) => {
    await needsDocker(context);
    const { status, stderr } = await image([...room, "--base=localhost:1/none:1"], { cwd: roomWith(APP) });
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
    const { status, stderr } = await image([...room, "--base=localhost:1/none:1"], opts);
    expect(stderr).toMatch(/base\.tar is not what the bundle's bundle\.json says \(sha256\): it is not used/);
    expect(status).toBe(4);
  });

  test("a registry that does not answer, exit 4, and no name is left", async (context) => {
    await needsDocker(context);
    await sharedImage();
    const { status, stderr } = await image([...room, "--push=localhost:1/refused"], { cwd: roomWith(APP) });
    expect(stderr).toMatch(/^localhost:1\/refused:sha-[0-9a-f]{12} could not be pushed: .+\n.*docker login/);
    expect(status).toBe(4);
    expect(await docker("images", "--quiet", "localhost:1/refused")).toBe("");
  });

  test("nor is a name that was there taken from what it names", async (context) => {
    await needsDocker(context);
    const taken = `localhost:1/holdfast-test-taken-${process.pid}:1`;
    await docker("tag", (await sharedImage()).image, taken);
    built.add(taken);
    const before = await docker("image", "inspect", "--format={{.Id}}", taken);
    await otherImage();
    const { status } = await image([...room, `--push=${taken}`], { cwd: roomWith(OTHER_APP) });
    expect([status, await docker("image", "inspect", "--format={{.Id}}", taken)]).toEqual([4, before]);
  });

  test("a base that is not to be had for a platform, exit 4", async (context) => {
    await needsDocker(context);
    const base = "--base=localhost:1/none:1";
    const { status, stderr } = await image([...room, base, "--platform=linux/s390x"], { cwd: roomWith(APP) });
    expect([status, stderr]).toEqual([4, expect.stringContaining("could not be pulled")]);
  });
});

describe.concurrent("an image", () => {
  test("of the same files is the same layer, whenever and wherever it is built; of others another", async (context) => {
    await needsDocker(context);
    // Docker would give the second one the first one's layer without looking at it.
    const [one, two, another] = await Promise.all([
      sharedImage(),
      buildIn(roomWith(APP), ["--no-cache"]),
      otherImage(),
    ]);
    expect([two.layer, two.tag]).toEqual([one.layer, one.tag]);
    expect(another.layer).not.toBe(one.layer);
    expect(another.tag).not.toBe(one.tag);
    expect(one.bytesAboveBase).toBe(Buffer.byteLength(APP));
  });

  test("is the same layer when BuildKit builds it, for the platform of this Docker", async (context) => {
    await needsDocker(context);
    const folder = buildKitDocker();
    if (folder === undefined) {
      process.stderr.write(`NOT RUN: "${context.task.name}". No docker here builds with BuildKit.\n`);
      context.skip("no docker here builds with BuildKit");
    }
    const env = { DOCKER_BUILDKIT: "1", PATH: [folder, process.env["PATH"]].join(path.delimiter) };
    const platform = `--platform=linux/${process.arch.replace("x64", "amd64")}`;
    const one = await sharedImage();
    const two = await buildIn(roomWith(APP), ["--no-cache", platform], env);
    expect([two.layer, two.tag, two.bytesAboveBase]).toEqual([one.layer, one.tag, one.bytesAboveBase]);
  });

  test("runs as nobody, and changes nothing of itself", async (context) => {
    await needsDocker(context);
    const made = await sharedImage();
    const run = (...flags: string[]) =>
      docker("run", "--rm", "--network=none", "--cap-drop=ALL", ...flags, made.image).then(JSON.parse);
    const [writable, readOnly] = await Promise.all([run(), run("--read-only")]);
    expect(writable).toEqual({ uid: 65532, args: ["--max-semi-space-size=4"], wrote: ["EACCES", "EACCES", "written"] });
    expect(readOnly.wrote).toEqual(["EROFS", "EROFS", "EROFS"]);
  });

  test("says what it is, by labels that do not name the day", async (context) => {
    await needsDocker(context);
    const made = await sharedImage();
    const [{ Config: config }] = JSON.parse(await docker("image", "inspect", made.image));
    expect(config.User).toBe("65532:65532");
    const { "org.opencontainers.image.base.digest": baseDigest = "sha256:none, out of a bundle", ...labels } =
      config.Labels;
    expect(baseDigest).toMatch(/^sha256:/);
    expect(labels).toEqual({
      "org.opencontainers.image.base.name": "gcr.io/distroless/nodejs24-debian12:nonroot",
      "org.opencontainers.image.description": "an app",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.source": "https://example.com/app",
      "org.opencontainers.image.title": path.basename(name),
      "org.opencontainers.image.version": "1.2.3",
    });
  });
});
