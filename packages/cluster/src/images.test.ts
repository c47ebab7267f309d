import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureBundled, isVersion, upstreamImages } from "./images.ts";
import { readPlatformLock } from "./platform-lock.ts";

describe("a Docker that gives images ids of its own", () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "holdfast-images-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  async function bundleWith(content: string) {
    await writeFile(path.join(dir, "base.tar"), content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { dir, host: [{ name: "docker.io/library/node:24", id: "sha256:archive", file: "base.tar", sha256 }] };
  }

  it("loads an archive once, and again when the archive or what bears its name is another", async () => {
    let stored: string | undefined;
    let loads = 0;
    const docker = {
      tags: async () => undefined,
      imageId: async (reference: string) => (reference === "docker.io/library/node:24" ? stored : undefined),
      run: async () => {
        stored = `sha256:own-${++loads}`;
        return "";
      },
    };
    const stateFile = path.join(dir, "state", "loaded.json");
    const load = async (content: string) => {
      const references = await ensureBundled(docker, { bundle: await bundleWith(content), stateFile });
      expect([...references.values()]).toEqual(["docker.io/library/node:24"]);
      return loads;
    };
    expect(await load("first")).toBe(1);
    expect(await load("first")).toBe(1);
    expect(await load("second")).toBe(2);
    stored = "sha256:somebody-else";
    expect(await load("second")).toBe(3);
    stored = undefined;
    expect(await load("second")).toBe(4);
  });
});

it("takes a minor version for any of its patches, and a patch for itself alone", () => {
  expect(isVersion("1.36", "v1.36.4")).toBe(true);
  expect(isVersion("v1.36.4", "docker.io/kindest/node:v1.36.4")).toBe(true);
  expect(isVersion("1.36.2", "v1.36.4")).toBe(false);
  expect(isVersion("1.3", "v1.36.4")).toBe(false);
  expect(isVersion("1.36-rc", "v1.36.4")).toBe(false);
});

it("refuses a patch that the lock does not have, and says which it has", async () => {
  const lock = await readPlatformLock(path.resolve(import.meta.dirname, "../../../k8s/platform"));
  const there = /v(1\.36\.\d+)/.exec(lock.nodeImages["1.36"]?.name ?? "")?.[1] ?? "";
  expect(upstreamImages(lock, there).node).toContain(`v${there}@sha256:`);
  expect(upstreamImages(lock, "1.36").node).toContain(`v${there}@sha256:`);
  expect(() => upstreamImages(lock, "1.36.99")).toThrow(`and of 1.36 only ${there}.`);
});
