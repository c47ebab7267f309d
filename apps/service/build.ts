/**
 * Makes dist/service.cjs: the whole service in one file that runs from an empty directory, with its source map and the
 * licences of what is in it beside it. Run by Node as it is: `node build.ts [--analyze]`.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";

import { analyzeMetafile } from "esbuild";

import { bundle } from "./build/bundle.ts";
import { licencesOf } from "./build/licences.ts";

const here = import.meta.dirname;
const { text, map, metafile } = await bundle(here, "src/main.ts");

await mkdir(`${here}/dist`, { recursive: true });
await put("service.cjs.map", map);
await put("service.cjs", text);
await put("service.cjs.LICENCES.txt", await licencesOf(here, metafile));
if (process.argv.includes("--analyze")) process.stdout.write(await analyzeMetafile(metafile));

/** Whole or not at all: somebody may be starting the file at this moment. */
async function put(name: string, contents: string): Promise<void> {
  const path = `${here}/dist/${name}`;
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
  process.stdout.write(`dist/${name} ${Math.ceil(Buffer.byteLength(contents) / 1024)} KiB\n`);
}
