/**
 * Makes dist/agent.cjs, the load agent in one file for its image, with its source map and the licences of what is in it
 * beside it. On this machine the agent runs from its sources; nothing here needs the bundle.
 */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";

import { build } from "esbuild";

const here = import.meta.dirname;
const { metafile, outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: ["src/agent.ts"],
  outfile: "dist/agent.cjs",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  sourcemap: "external",
  legalComments: "none",
  logLevel: "silent",
  metafile: true,
  write: false,
});
const roots = new Set(
  Object.keys(metafile.inputs).flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []),
);
const licences = await Promise.all([...roots].toSorted().map(licenceOf));

await mkdir(`${here}/dist`, { recursive: true });
for (const { path, contents } of outputFiles) await put(path, contents);
await put(`${here}/dist/agent.cjs.LICENCES.txt`, Buffer.from(licences.join(`\n${"-".repeat(80)}\n\n`)));

async function licenceOf(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(`${here}/${root}/package.json`, "utf8")) as Record<string, string>;
  const file = (await readdir(`${here}/${root}`)).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${root} has no licence file to hand on.`);
  const text = await readFile(`${here}/${root}/${file}`, "utf8");
  return `${manifest["name"]} ${manifest["version"]} (${manifest["license"]})\n\n${text}`;
}

/** Whole or not at all: somebody may be reading the file at this moment. */
async function put(path: string, contents: Uint8Array): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}
