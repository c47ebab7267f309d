import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, onTestFinished, test, vi } from "vitest";

import { bundle } from "./bundle.ts";
import { licencesOf } from "./licences.ts";

vi.setConfig({ testTimeout: 20_000 });

const service = join(import.meta.dirname, "..");
/** Of the checkout, in which the service and its dependencies are. */
const root = join(service, "../..");

/** Bundles a program of these files, of which `main.ts` is the first, as the service is bundled. */
async function bundleOf(files: Record<string, string>) {
  // Inside the room, so that its packages are found.
  const directory = await mkdtemp(join(service, "dist/bundle-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, lines] of Object.entries(files)) await writeFile(join(directory, name), lines);
  return bundle(directory, "main.ts");
}

test("more of a package than the bundle keeps fails the build", async () => {
  const build = bundleOf({ "main.ts": 'import { fetch } from "undici"; fetch("http://x");' });
  await expect(build).rejects.toThrow(/No matching export .* for import "fetch"/);
});

test("what is imported with import() is compiled then, shares the modules of the program, and names no file of this machine", async () => {
  const { text, map } = await bundleOf({
    "main.ts": `
      import { count } from "./count.ts";
      const steps = [count(), "evaluated" in globalThis];
      const later = import("./later.ts");
      later.then(async ({ end, count, deeper }) => console.log(JSON.stringify([...steps, end, count(), await deeper()])));`,
    "count.ts": "let counted = 0; export const count = () => (counted += 1);",
    "later.ts": `
      export { count } from "./count.ts";
      globalThis.evaluated = true;
      export const end = "a*/".replace(/a*/, "ü");
      export const deeper = () => import("./deeper.ts").then(({ depth }) => depth);`,
    "deeper.ts": 'import { count } from "./count.ts"; export const depth = count();',
  });
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", text]);
  expect(JSON.parse(stdout)).toEqual([1, false, "ü*/", 2, 3]);
  expect(text.split("\nfunction kept_later() {/*")).toHaveLength(2);
  for (const written of [text, map]) expect(written).not.toContain(root);
});

test("the same sources give the same bytes as they gave to the build, small enough for an image of 3 MB", async () => {
  const { text, map, metafile } = await bundle(service, "src/main.ts");
  // When this fails alone, dist is older than the sources: npm run build.
  expect(text === (await readFile(join(service, "dist/service.cjs"), "utf8"))).toBe(true);
  expect(Buffer.byteLength(text)).toBeLessThan(2_500_000);
  for (const written of [text, map]) expect(written).not.toContain(root);
  const licences = await licencesOf(service, metafile);
  for (const name of ["express", "zod", "undici", "@opentelemetry/sdk-node", "pino"]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((MIT|Apache-2.0)\\)$`, "m"));
  }
  expect(licences).not.toMatch(/\((A?GPL|LGPL)/);
  // Stand-ins are all that the bundle has of it.
  expect(licences).not.toMatch(/^iconv-lite /m);
});

test("what a package asks to be handed on is: its licence and its notice, where something of it is in the bundle", async () => {
  const packages = { used: ["LICENSE", "NOTICE"], unused: ["LICENSE"], bare: [] };
  const directory = await mkdtemp(join(service, "dist/licences-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, files] of Object.entries(packages)) {
    const at = join(directory, "node_modules", name);
    await mkdir(at, { recursive: true });
    await writeFile(join(at, "package.json"), JSON.stringify({ name, version: "1.0.0", license: "MIT" }));
    for (const file of files) await writeFile(join(at, file), `${file} of ${name}`);
  }
  const metafile = (...names: string[]) => ({
    inputs: {},
    outputs: {
      "service.js": {
        bytes: 1,
        imports: [],
        exports: [],
        inputs: Object.fromEntries(
          names.map((name) => [`node_modules/${name}/a.js`, { bytesInOutput: name === "unused" ? 0 : 1 }]),
        ),
      },
    },
  });
  expect(await licencesOf(directory, metafile("used", "unused"))).toBe(
    "used 1.0.0 (MIT)\n\nLICENSE of used\nNOTICE of used",
  );
  await expect(licencesOf(directory, metafile("used", "bare"))).rejects.toThrow(/bare has no licence file to hand on/);
});
