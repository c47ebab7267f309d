/** The one file that replicas run, built when it is missing or older than what it is made of. */
import { spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { CliError } from "./cli-error.ts";
import { withLockFile } from "./lock-file.ts";
import { REPO_ROOT } from "./repo.ts";
import { duration } from "./words.ts";

const SERVICE = "apps/service";
const BUNDLES = ["service.cjs", "service.mjs"].map((name) => path.join(SERVICE, "dist", name));
/** What the bundle is made of. Tests are not in it. */
const INPUTS = ["package-lock.json", SERVICE, "packages/lifecycle", "packages/resilience", "packages/telemetry"];

export interface BundleOptions {
  /** Hears that a build is needed, why, and how long it took. */
  note: (line: string) => void;
  signal?: AbortSignal;
  /** The checkout; this one by default. */
  root?: string;
}

/**
 * The path of a bundle that is not older than its sources. Builds it first when it must, and says so through `note`.
 * Throws a CliError with the build's own words when it cannot be built.
 */
export async function ensureServiceBundle(opts: BundleOptions): Promise<string> {
  const { root = REPO_ROOT, signal } = opts;
  const { fresh } = await stateOf(root);
  if (fresh) return fresh;
  // A build begins by removing what was built before: two at once would take it from each other.
  const lock = path.join(root, ".cache", "service-bundle.lock");
  return withLockFile(lock, () => buildWhereStale({ ...opts, root }), signal ? { signal } : {});
}

async function buildWhereStale({ note, signal, root }: BundleOptions & { root: string }): Promise<string> {
  const before = await stateOf(root);
  if (before.fresh) return before.fresh;
  note(`Building the service: ${before.why} ...`);
  const startedMs = performance.now();
  await build(path.join(root, SERVICE), signal);
  const built = await findBundle(root);
  if (!built) throw buildFailed(`it ended well and left nothing in ${SERVICE}/dist`);
  note(`Built ${path.relative(root, built.file)} in ${duration(performance.now() - startedMs)}.`);
  return built.file;
}

interface BundleState {
  /** The bundle, when it is not older than what it is made of. */
  fresh?: string;
  /** Otherwise, why it must be built. */
  why?: string;
}

async function stateOf(root: string): Promise<BundleState> {
  const inputs = INPUTS.map((input) => path.join(root, input));
  const [bundle, newestInputMs] = await Promise.all([findBundle(root), newestMs(inputs)]);
  if (!bundle) return { why: "it has no bundle yet" };
  return bundle.builtMs >= newestInputMs ? { fresh: bundle.file } : { why: "its sources are newer than its bundle" };
}

async function findBundle(root: string): Promise<{ file: string; builtMs: number } | undefined> {
  const found = await Promise.all(
    BUNDLES.map(async (name) => {
      const file = path.join(root, name);
      return { file, builtMs: (await stat(file).catch(() => undefined))?.mtimeMs ?? -1 };
    }),
  );
  // Newest first: a bundle that changed its format leaves the old one lying there.
  return found.filter((bundle) => bundle.builtMs >= 0).sort((a, b) => b.builtMs - a.builtMs)[0];
}

/** When the newest of these files, or of the files in these directories, was changed. */
async function newestMs(paths: string[]): Promise<number> {
  const times = await Promise.all(
    paths.map(async (entry) => {
      const info = await stat(entry).catch(() => undefined);
      if (!info) return 0;
      if (!info.isDirectory()) return info.mtimeMs;
      const names = await readdir(entry);
      return newestMs(names.filter(isInput).map((name) => path.join(entry, name)));
    }),
  );
  return Math.max(0, ...times);
}

function isInput(name: string): boolean {
  return (
    !["node_modules", "dist", ".turbo", "coverage"].includes(name) &&
    !name.endsWith(".test.ts") &&
    !name.endsWith(".md")
  );
}

async function build(cwd: string, signal: AbortSignal | undefined): Promise<void> {
  // Node's own runner of package scripts: npm would add half a second.
  const child = spawn(process.execPath, ["--run", "build"], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal ? { signal } : {}),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, killed) => resolve(code === 0 ? undefined : `exit ${code ?? killed}`));
  });
  signal?.throwIfAborted();
  if (outcome !== undefined) throw buildFailed(`${outcome}\n${output.trim()}`);
}

function buildFailed(why: string): CliError {
  return new CliError(`The service does not build; \`npm run build -w ${SERVICE}\` shows why: ${why}`, {
    code: "BUILD_FAILED",
  });
}
