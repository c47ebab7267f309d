import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readUpstreamManifest } from "./manifest-source.ts";
import { readBundle } from "./bundle.ts";
import { imageReference, parsePlatformLock, readPlatformLock } from "./platform-lock.ts";
import { imagesOf, parseManifests } from "./platform-manifests.ts";
import { readOwnManifests } from "./platform.ts";

const dir = path.resolve(import.meta.dirname, "../../../k8s/platform");
const bundleDir = process.env["HOLDFAST_BUNDLE"] || undefined;
const lock = await readPlatformLock(dir);

test("the Kubernetes of choice has a node image", () => {
  expect(Object.keys(lock.nodeImages)).toContain(lock.kubernetes);
  for (const [minor, { name }] of Object.entries(lock.nodeImages)) expect(name).toContain(`:v${minor}.`);
});

test("every folder of k8s/platform is a part of the lock", async () => {
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const parts = lock.parts.map(({ name }) => name);
  expect(parts).toEqual(expect.arrayContaining(folders));
});

describe("every image that a part runs is in the lock, and the other way round", () => {
  const own = lock.parts.filter(({ manifest }) => manifest === undefined);
  const upstream = lock.parts.filter(({ manifest }) => manifest !== undefined);

  test.each(own)("$name, which we write", async (part) => {
    expect(imagesOf(await readOwnManifests(path.join(dir, part.name))).sort()).toEqual(
      part.images.map(({ name }) => name).sort(),
    );
  });

  // Upstream's manifests are not part of this repository.
  test.skipIf(bundleDir === undefined).each(upstream)(
    "$name, from the bundle of HOLDFAST_BUNDLE",
    { timeout: 30_000 },
    async (part) => {
      const bundle = await readBundle(bundleDir ?? "");
      const text = await readUpstreamManifest(part, { bundle, cacheDir: "" });
      expect(imagesOf(parseManifests(text, part.name)).sort()).toEqual(part.images.map(({ name }) => name).sort());
      for (const { name } of part.images) expect(bundle.mirror).toContainEqual({ name });
    },
  );

  test.each(upstream)("$name: its version stands in the manifest's address and in its images", (part) => {
    expect(part.manifest?.url).toContain(part.version);
    for (const { name } of part.images) expect(name).toContain(part.version);
  });
});

test("without a bundle an image goes by digest, with one by its name", () => {
  const image = { name: "docker.io/library/x:1", digest: "sha256:1" };
  expect(imageReference(image, { bundle: false })).toBe("docker.io/library/x:1@sha256:1");
  expect(imageReference(image, { bundle: true })).toBe("docker.io/library/x:1");
});

test("a lock with a mistake is refused with the place of it", async () => {
  const text = await readFile(path.join(dir, "lock.json"), "utf8");
  const broken = text.replace(/"sha256:[0-9a-f]{64}"/, '"sha256:abc"');
  expect(() => parsePlatformLock(broken, "lock.json")).toThrow(/nodeImages.*1\.34.*digest/s);
});
