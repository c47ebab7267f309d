/**
 * Keeps what most starts do not need as text inside the bundle, and compiles it when it is first imported. V8 looks at
 * every function of a program before it runs the first line, but not into a string.
 *
 * What it gives up: stacks inside these packages name the text (`undici.cjs`) and have no source map.
 */
import { build, type Plugin, type PluginBuild } from "esbuild";

import { slim } from "./slim.ts";

interface Group {
  /** Packages that are compiled together. The program imports names of them, no defaults and no whole namespaces. */
  packages: readonly string[];
  /** The package of the repository whose dependencies they are, relative to this folder. */
  of: string;
  /** What they must share with the rest of the bundle, since it holds state. */
  shared: readonly string[];
}

const groups: Record<string, Group> = {
  // Imported by a catalogue that has an upstream.
  undici: { packages: ["undici"], of: "..", shared: [] },
  // Imported by telemetry when there is an endpoint for traces.
  "trace-sdk": {
    packages: [
      "@opentelemetry/core",
      "@opentelemetry/exporter-trace-otlp-proto",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-node",
      "@opentelemetry/sdk-trace",
    ],
    of: "../../../packages/telemetry",
    shared: ["@opentelemetry/api"],
  },
};

/** Package name -> names that the program imports of it. */
type Imported = Map<string, readonly string[]>;

export interface Deferred {
  plugin: Plugin;
  /** Every file that went into a text, relative to `directory`; complete when the build is. */
  inputs: string[];
}

export async function deferred(directory: string, entry: string): Promise<Deferred> {
  const imported = await importedNames(directory, entry);
  const inputs: string[] = [];

  function setup({ onLoad, onResolve }: PluginBuild): void {
    for (const [name, group] of Object.entries(groups)) {
      const resolveDir = `${import.meta.dirname}/${group.of}`;

      onResolve({ filter: exactly(group.packages) }, ({ path }) => ({ path, namespace: name }));
      onLoad({ filter: /.*/, namespace: name }, ({ path }) => ({
        contents: `import { names } from "deferred:${name}"; export const { ${imported.get(path)?.join(", ")} } = names;`,
        resolveDir,
      }));

      onResolve({ filter: exactly([`deferred:${name}`]) }, ({ path }) => ({ path, namespace: "deferred" }));
      onLoad({ filter: exactly([`deferred:${name}`]), namespace: "deferred" }, async function loadText() {
        const text = await textOf(group, { imported, directory, resolveDir, inputs });
        return { contents: loader(name, group.shared, text), resolveDir };
      });
    }
  }

  return { plugin: { name: "deferred", setup }, inputs };
}

/** What the program imports of the packages: read off a bundle without them, in which their imports are left over. */
async function importedNames(directory: string, entry: string): Promise<Imported> {
  const packages = Object.values(groups).flatMap((group) => group.packages);
  const { outputFiles } = await build({
    absWorkingDir: directory,
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    write: false,
    plugins: [leftOut(packages), slim],
  });
  const program = outputFiles[0]?.text ?? "";
  return new Map(packages.map((path) => [path, namesOf(program, path)]));
}

/** Comes before every plugin that would put something into their place. */
function leftOut(packages: readonly string[]): Plugin {
  return {
    name: "left-out",
    setup({ onResolve }) {
      onResolve({ filter: exactly(packages) }, ({ path }) => ({ path, external: true }));
    },
  };
}

function namesOf(program: string, path: string): string[] {
  const names = new Set<string>();
  for (const [, clause = ""] of program.matchAll(new RegExp(`^import ([^;]*?) from "${path}";$`, "gm"))) {
    const list = /^\{([^}]*)\}$/.exec(clause)?.[1];
    if (list === undefined)
      throw new Error(`${path} is imported as "${clause}": import names of it, or take it out of build/deferred.ts.`);
    for (const name of list.split(",")) names.add(name.trim().replace(/ as .*$/, ""));
  }
  return [...names];
}

interface TextOptions {
  imported: Imported;
  directory: string;
  resolveDir: string;
  inputs: string[];
}

/** All that is imported of a group, bundled by itself as a function body that fills `module.exports`. */
async function textOf({ packages, shared }: Group, opts: TextOptions): Promise<string> {
  const exports = packages.map(
    (path) => `export { ${opts.imported.get(path)?.join(", ")} } from ${JSON.stringify(path)};`,
  );
  const { outputFiles, metafile } = await build({
    absWorkingDir: opts.directory,
    stdin: { contents: exports.join("\n"), resolveDir: opts.resolveDir },
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    external: [...shared],
    // A script that is compiled by itself has no loader for import(); Node's own modules come by require as well.
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "importMetaUrl" },
    legalComments: "none",
    logLevel: "silent",
    metafile: true,
    write: false,
    plugins: [slim],
  });
  opts.inputs.push(...Object.keys(metafile.inputs));
  return outputFiles[0]?.text ?? "";
}

/** A module that compiles the text when it is evaluated, which is at its first import. */
function loader(name: string, shared: readonly string[], text: string): string {
  const program = `(function (module, require, importMetaUrl) {${text}\n})`;
  return `
    import { Script } from "node:vm";
    ${shared.map((path, index) => `import * as shared${index} from ${JSON.stringify(path)};`).join("\n")}
    const shared = { ${shared.map((path, index) => `${JSON.stringify(path)}: shared${index}`).join(", ")} };
    const module = { exports: {} };
    const program = new Script(${JSON.stringify(program)}, { filename: ${JSON.stringify(`${name}.cjs`)} });
    program.runInThisContext()(module, (path) => shared[path] ?? require(path), importMetaUrl);
    export const names = module.exports;`;
}

function exactly(paths: readonly string[]): RegExp {
  return new RegExp(`^(${paths.join("|")})$`);
}
