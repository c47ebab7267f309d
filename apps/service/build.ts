/**
 * Makes dist/service.cjs: the whole service in one file that runs from an empty directory, with its source map and the
 * licences of what is in it beside it. Run by Node as it is: `node build.ts [--analyze]`.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename } from "node:path";

import { analyzeMetafile } from "esbuild";

import { bundle } from "./build/bundle.ts";
import { licencesOf } from "./build/licences.ts";

const here = import.meta.dirname;
const { files, metafile, inputs } = await bundle(here, "src/main.ts");

await mkdir(`${here}/dist`, { recursive: true });
for (const { path, contents } of files) await put(path, contents);
await put(`${here}/dist/service.cjs.LICENCES.txt`, Buffer.from(await licencesOf(here, inputs)));
if (process.argv.includes("--analyze")) process.stdout.write(await analyzeMetafile(metafile));

/** Whole or not at all: somebody may be starting the file at this moment. */
async function put(path: string, contents: Uint8Array): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
  process.stdout.write(`dist/${basename(path)} ${Math.ceil(contents.length / 1024)} KiB\n`);
}
