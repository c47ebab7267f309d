import { build, type BuildOptions, type Metafile } from "esbuild";

import { deferred } from "./deferred.ts";
import { minifiedPackages } from "./minified.ts";
import { finishedOpenApi } from "./openapi.ts";
import { slim } from "./slim.ts";

export interface Bundle {
  /** The program. */
  text: string;
  /** Its source map. */
  map: string;
  /** Of what went into it; its paths are relative to the bundled directory. */
  metafile: Metafile;
}

const common = {
  bundle: true,
  platform: "node",
  target: "node24",
  // The licences themselves are written instead.
  legalComments: "none",
  // Whoever translates a stack has the sources.
  sourcesContent: false,
  logLevel: "silent",
  write: false,
} satisfies BuildOptions;

/** Bundles the program that begins in `entry`, relative to `directory`: one CommonJS file and its source map. */
export async function bundle(directory: string, entry: string): Promise<Bundle> {
  const split = await build({
    ...common,
    absWorkingDir: directory,
    entryPoints: [{ in: entry, out: "service" }],
    outdir: "dist",
    format: "esm",
    splitting: true,
    // What ES modules among the dependencies ask for has no meaning in CommonJS by itself.
    define: { "import.meta.url": "importMetaUrl" },
    sourcemap: "inline",
    metafile: true,
    plugins: [finishedOpenApi, slim, minifiedPackages],
  });
  const parts = deferred({ directory, ...split }, "dist/service.js");
  const { outputFiles } = await build({
    ...common,
    absWorkingDir: directory,
    entryPoints: ["./dist/service.js"],
    outfile: "dist/service.cjs",
    minifyWhitespace: true,
    // Node prints the line in which an uncaught error was thrown.
    lineLimit: 120,
    // It starts faster than the same bundle as an ES module; see the README.
    format: "cjs",
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    // Beside the bundle and not named in it: stacks are translated where somebody reads them, not at every start.
    sourcemap: "external",
    plugins: [parts.plugin],
  });
  const [map, program] = [".map", ".cjs"].map((end) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "");
  return {
    text: inAscii(`${program}${parts.comments()}\n`),
    map: map ?? "",
    metafile: split.metafile,
  };
}

/** V8 starts a program sooner when all of it is ASCII. What esbuild leaves over is in comments, and would mean the same elsewhere. */
function inAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
