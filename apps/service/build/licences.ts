import { readdir, readFile } from "node:fs/promises";

import type { Metafile } from "esbuild";

/**
 * The licences and notices of all packages of which something is in the bundle, one after the other: what they ask to be
 * handed on with their code. Throws where a package has no licence file. `directory` is the one that was bundled.
 */
export async function licencesOf(directory: string, { outputs }: Metafile): Promise<string> {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const roots = new Set(
    inputs.flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? (/^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []) : [],
    ),
  );
  const texts = await Promise.all([...roots].toSorted().map((root) => licenceOf(`${directory}/${root}`)));
  // Several copies of a package may be installed.
  return [...new Set(texts)].join(`\n${"-".repeat(80)}\n\n`);
}

async function licenceOf(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(`${root}/package.json`, "utf8")) as Record<string, string>;
  const files = await textsIn(root, /^(licen[cs]e|copying|notice)/i);
  if (!files.some((file) => /licen[cs]e|copying/i.test(file)))
    throw new Error(`${root} has no licence file to hand on.`);
  const texts = await Promise.all(files.map((file) => readFile(`${root}/${file}`, "utf8")));
  return [`${manifest["name"]} ${manifest["version"]} (${manifest["license"]})\n`, ...texts].join("\n");
}

/** Files of such names, and those in folders of such names, where a package keeps what it took over from others. */
async function textsIn(root: string, name: RegExp): Promise<string[]> {
  const entries = (await readdir(root, { withFileTypes: true })).filter((entry) => name.test(entry.name));
  const files = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isDirectory()) return [entry.name];
      return (await textsIn(`${root}/${entry.name}`, /./)).map((file) => `${entry.name}/${file}`);
    }),
  );
  return files.flat().toSorted();
}
