/**
 * Keeps whatever the program imports with `import()` as a comment at the end of the bundle, and compiles it when it is
 * first imported. V8 looks at every function of a program before it runs the first line, at 50 KB a millisecond, but skips
 * a comment; and a program without `import()` in it needs no wrappers around its modules, so that esbuild leaves out more.
 *
 * What it gives up: stacks inside these parts name the text (`client.cjs`) and have no source map.
 */
import { basename, join, relative } from "node:path";

import { build, type Metafile, type OutputFile, type Plugin, type PluginBuild } from "esbuild";

/** What esbuild makes of a program with `splitting`: its entry, the parts that are imported later, and shared chunks. */
export interface Split {
  /** To which all paths of `metafile` are relative. */
  directory: string;
  metafile: Metafile;
  outputFiles: readonly OutputFile[];
}

export interface Deferred {
  /** Joins the entry and the chunks to one program again, which loads the parts from their comments. */
  plugin: Plugin;
  /** The comments, to be put after that program; complete when it has been built. */
  comments: () => string;
}

export function deferred({ directory, metafile, outputFiles }: Split, entry: string): Deferred {
  const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const parts = importedLater(metafile, entry);
  const chunks = sharedChunks(metafile, { entry, parts });
  const comments: string[] = [];

  function setup({ onLoad, onResolve }: PluginBuild): void {
    onResolve({ filter: /^deferred:/ }, ({ path }) => ({ path: path.replace("deferred:", ""), namespace: "deferred" }));
    onLoad({ filter: /./, namespace: "deferred" }, async function loadPart({ path }) {
      const name = partName(path);
      comments.push(commentOf(name, await textOf(path, { directory, texts, chunks })));
      return { contents: loader(name, chunks), resolveDir: directory };
    });
    // What was split is not on the disk.
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => found(texts, join(resolveDir, path)));
    onLoad({ filter: /\.js$/ }, ({ path }) => ({ contents: withoutImports(texts.get(path) ?? "", parts) }));
  }

  return { plugin: { name: "deferred", setup }, comments: () => comments.toSorted().join("\n") };
}

function found(texts: ReadonlyMap<string, string>, path: string): { path: string } | undefined {
  return texts.has(path) ? { path } : undefined;
}

/** What an output needs, itself included: by `import`, or by `import()` as well. */
function needed({ outputs }: Metafile, output: string, opts: { later: boolean }): Set<string> {
  const all = new Set([output]);
  // A set goes on with what is added to it meanwhile.
  for (const each of all) {
    for (const { path, kind, external } of outputs[each]?.imports ?? []) {
      if (external !== true && (opts.later || kind !== "dynamic-import")) all.add(path);
    }
  }
  return all;
}

/** What the program imports with `import()`, without what only those parts themselves import so. */
function importedLater(metafile: Metafile, entry: string): string[] {
  const imports = [...needed(metafile, entry, { later: false })].flatMap(
    (path) => metafile.outputs[path]?.imports ?? [],
  );
  return [...new Set(imports.flatMap(({ kind, path }) => (kind === "dynamic-import" ? path : [])))];
}

/** Chunks of which there is one instance, in the joined program: what the entry needs, and what several parts do. */
function sharedChunks(metafile: Metafile, { entry, parts }: { entry: string; parts: readonly string[] }): string[] {
  const ofEntry = needed(metafile, entry, { later: false });
  ofEntry.delete(entry);
  const ofParts = parts.flatMap((part) => [...needed(metafile, part, { later: true })]);
  return [...new Set([...ofEntry, ...ofParts.filter((chunk, index) => ofParts.indexOf(chunk) !== index)])];
}

/** `import("./part.js")` becomes a call, so that no module of the joined program needs a wrapper. */
function withoutImports(text: string, parts: readonly string[]): string {
  const imports: string[] = [];
  const calls = text.replaceAll(/\bimport\("\.\/([^"]+)"\)/g, function callLoader(original: string, file: string) {
    const part = parts.find((path) => basename(path) === file);
    if (part === undefined) return original;
    const load = `load_${partName(part)}`;
    imports.push(`import { load as ${load} } from ${JSON.stringify(`deferred:${part}`)};`);
    return `Promise.resolve().then(${load})`;
  });
  // On the first line, which keeps the lines of the source map.
  return [...imports, calls].join(" ");
}

interface TextOptions {
  directory: string;
  texts: ReadonlyMap<string, string>;
  chunks: readonly string[];
}

/** A part and what it alone needs, as a function body that fills `module.exports`. */
async function textOf(part: string, { directory, texts, chunks }: TextOptions): Promise<string> {
  function setup({ onLoad, onResolve }: PluginBuild): void {
    onResolve({ filter: /./ }, function resolveOutput({ path, resolveDir }) {
      const file = join(resolveDir, path);
      const chunk = relative(directory, file);
      return chunks.includes(chunk) ? { path: chunk, external: true } : found(texts, file);
    });
    onLoad({ filter: /\.js$/ }, ({ path }) => ({ contents: texts.get(path) ?? "" }));
  }
  const { outputFiles } = await build({
    absWorkingDir: directory,
    entryPoints: [`./${part}`],
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // A script that is compiled by itself has no loader for import(); Node's own modules come by require as well.
    supported: { "dynamic-import": false },
    legalComments: "none",
    logLevel: "silent",
    write: false,
    plugins: [{ name: "part", setup }],
  });
  return outputFiles[0]?.text ?? "";
}

/** `client` of `dist/client-3MFWEB3Z.js`. */
function partName(part: string): string {
  return basename(part)
    .replace(/-[A-Z0-9]{8}\.js$/, "")
    .replaceAll(/\W/g, "_");
}

/** Stands for the end of a comment inside of one. */
const COMMENT_END = "*\\u002f";

/** A function that V8 skips, and whose source, which V8 keeps as it is, can be asked for. */
function commentOf(name: string, text: string): string {
  if (text.includes(COMMENT_END)) throw new Error(`${name} has ${COMMENT_END} in it: choose another stand-in.`);
  return `function kept_${name}() {/*${text.replaceAll("*/", COMMENT_END)}*/}`;
}

/** A module that compiles a part at its first import, and hands it those chunks that it shares with the program. */
function loader(name: string, chunks: readonly string[]): string {
  return `
    ${chunks.map((path, index) => `import * as chunk${index} from ${JSON.stringify(`./${path}`)};`).join("\n")}
    let exports;
    export function load() {
      if (exports !== undefined) return exports;
      const chunks = { ${chunks.map((path, index) => `${JSON.stringify(path)}: chunk${index}`).join(", ")} };
      const { Script } = require("node:vm");
      const text = String(kept_${name}).slice(${`function kept_${name}() {/*`.length}, -3).replaceAll(${JSON.stringify(COMMENT_END)}, "*/");
      const program = new Script("(function (module, require, importMetaUrl) {" + text + "\\n})", { filename: ${JSON.stringify(`${name}.cjs`)} });
      const module = { exports: {} };
      program.runInThisContext()(module, (path) => chunks[path] ?? require(path), importMetaUrl);
      return (exports = module.exports);
    }`;
}
