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
/** The packages of which something is in the bundle. */
const roots = new Set(
  Object.entries(metafile.outputs["dist/agent.cjs"]?.inputs ?? {}).flatMap(([input, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (/^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []) : [],
  ),
);
const licences = await Promise.all([...roots].toSorted().map(licenceOf));

await mkdir(`${here}/dist`, { recursive: true });
for (const { path, contents } of outputFiles) await put(path, contents);
await put(`${here}/dist/agent.cjs.LICENCES.txt`, Buffer.from(licences.join(`\n${"-".repeat(80)}\n\n`)));

async function licenceOf(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(`${here}/${root}/package.json`, "utf8")) as Record<string, string>;
  const entries = await readdir(`${here}/${root}`, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isFile() ? entry.name : [])).toSorted();
  const licences = names.filter((name) => /^(licen[cs]e|copying)/i.test(name));
  if (licences.length === 0) throw new Error(`${root} has no licence file to hand on.`);
  const files = [...licences, ...names.filter((name) => /^notice/i.test(name))];
  const texts = await Promise.all(files.map((file) => readFile(`${here}/${root}/${file}`, "utf8")));
  return [`${manifest["name"]} ${manifest["version"]} (${manifest["license"]})\n`, ...texts].join("\n");
}

/** Whole or not at all: somebody may be reading the file at this moment. */
async function put(path: string, contents: Uint8Array): Promise<void> {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}
