import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, onTestFinished, test, vi } from "vitest";

import { bundle } from "./bundle.ts";
import { licencesOf } from "./licences.ts";

vi.setConfig({ testTimeout: 20_000 });

const service = join(import.meta.dirname, "..");

/** Bundles a program of these lines as the service is bundled. */
async function bundleOf(lines: string) {
  // Inside the room, so that its packages are found.
  const directory = await mkdtemp(join(service, "dist/bundle-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "main.ts"), lines);
  return bundle(directory, "main.ts");
}

test("more of a package than the bundle keeps fails the build", async () => {
  const build = bundleOf('import { fetch } from "undici"; fetch("http://x");');
  await expect(build).rejects.toThrow(/No matching export .* for import "fetch"/);
});

test("a package that is kept as text is imported by names, or the build says so", async () => {
  const build = bundleOf('import * as undici from "undici"; new undici.Pool("http://x"); globalThis.all = undici;');
  await expect(build).rejects.toThrow("undici is imported as");
});

test("what is kept as text is compiled when it is imported, and names no file of this machine", async () => {
  const { files } = await bundleOf('import { Pool } from "undici"; new Pool("http://x");');
  const text = files.find(({ path }) => path.endsWith(".cjs"))?.text ?? "";
  expect(text).toContain('filename: "undici.cjs"');
  expect(text).not.toContain(service);
});

test("the same sources give the same bytes as they gave to the build, small enough for an image of 3 MB", async () => {
  const { files, inputs } = await bundle(service, "src/main.ts");
  const program = files.find(({ path }) => path.endsWith(".cjs"));
  // When this fails alone, dist is older than the sources: npm run build.
  expect(program?.text === (await readFile(join(service, "dist/service.cjs"), "utf8"))).toBe(true);
  expect(program?.contents.length).toBeLessThan(2_500_000);
  expect(program?.text).not.toContain(service);
  const licences = await licencesOf(service, inputs);
  for (const name of ["express", "zod", "undici", "@opentelemetry/sdk-node", "pino"]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((MIT|Apache-2.0)\\)$`, "m"));
  }
  expect(licences).not.toMatch(/\((A?GPL|LGPL)/);
});
