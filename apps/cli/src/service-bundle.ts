/** The one file that replicas run, built when it is missing or older than what it is made of. */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { withLockFile } from "@holdfast/cluster/lock-file";
import { CliError } from "./cli-error.ts";
import { runNode } from "./node-child.ts";
import { REPO_ROOT } from "./repo.ts";
import { duration } from "./words.ts";

const SERVICE = "apps/service";
const BUNDLES = ["service.cjs", "service.mjs"].map((name) => path.join(SERVICE, "dist", name));
/** Names of the files that the last build here was made of. */
const BUILT_OF = path.join(".cache", "service-bundle.inputs");
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
  await remember(root, before.inputs);
  note(`Built ${path.relative(root, built.file)} in ${duration(performance.now() - startedMs)}.`);
  return built.file;
}

interface BundleState {
  /** The bundle, when it is not older than what it is made of. */
  fresh?: string;
  /** Otherwise, why it must be built. */
  why?: string;
  /** What it would be made of now. */
  inputs: string;
}

async function stateOf(root: string): Promise<BundleState> {
  const [bundle, files, builtOf] = await Promise.all([
    findBundle(root),
    inputFiles(root),
    readFile(path.join(root, BUILT_OF), "utf8").catch(() => undefined),
  ]);
  const inputs = files.map(({ name }) => `${name}\n`).join("");
  if (!bundle) return { why: "it has no bundle yet", inputs };
  if (files.some(({ changedMs }) => changedMs > bundle.builtMs)) {
    return { why: "its sources are newer than its bundle", inputs };
  }
  // A file that is gone has no time to be compared. Where there is no list yet, what there is now is believed.
  if (builtOf !== undefined && builtOf !== inputs) return { why: "its sources are not those it was made of", inputs };
  if (builtOf === undefined) await remember(root, inputs);
  return { fresh: bundle.file, inputs };
}

async function remember(root: string, inputs: string): Promise<void> {
  await mkdir(path.join(root, path.dirname(BUILT_OF)), { recursive: true });
  await writeFile(path.join(root, BUILT_OF), inputs);
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

interface InputFile {
  /** Path from the checkout's root. */
  name: string;
  changedMs: number;
}

/** What the bundle is made of, in a fixed order. */
async function inputFiles(root: string): Promise<InputFile[]> {
  const found = await Promise.all(INPUTS.map((input) => filesIn(root, input)));
  return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function filesIn(root: string, name: string): Promise<InputFile[]> {
  const file = path.join(root, name);
  const info = await stat(file).catch(() => undefined);
  if (!info) return [];
  if (!info.isDirectory()) return [{ name, changedMs: info.mtimeMs }];
  const names = (await readdir(file)).filter(isInput);
  return (await Promise.all(names.map((each) => filesIn(root, path.join(name, each))))).flat();
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
  const { output, trouble } = await runNode(["--run", "build"], { cwd, signal });
  if (trouble !== undefined) throw buildFailed(`${trouble}\n${output.trim()}`);
}

function buildFailed(why: string): CliError {
  return new CliError(`The service does not build; \`npm run build -w ${SERVICE}\` shows why: ${why}`, {
    code: "BUILD_FAILED",
  });
}
