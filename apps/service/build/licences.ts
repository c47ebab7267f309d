import { readdir, readFile } from "node:fs/promises";

/** The licences of all packages among the inputs, one after the other: what they ask to be handed on with their code. */
export async function licencesOf(directory: string, inputs: readonly string[]): Promise<string> {
  const roots = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const texts = await Promise.all([...roots].toSorted().map((root) => licenceOf(`${directory}/${root}`)));
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenceOf(root: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(`${root}/package.json`, "utf8")) as Record<
    string,
    string
  >;
  const file = (await readdir(root)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? "" : `\n${await readFile(`${root}/${file}`, "utf8")}`;
  return `${name} ${version} (${license})\n${text}`;
}
