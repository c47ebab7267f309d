import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bundleDirOf } from "./mounted-bundle.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), "holdfast-mount-"));
  await mkdir(path.join(dir, "bundle", "registry"), { recursive: true });
  await writeFile(path.join(dir, "bundle", "bundle.json"), "{}");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A Docker client that knows one mirror, which serves `source`. */
async function clusterWith(source: string, label = "hf"): Promise<Parameters<typeof bundleDirOf>[0]> {
  const mirror = {
    Id: "1",
    Name: "/hf-mirror",
    Created: "",
    Image: "",
    State: { Status: "running" },
    Config: { Image: "", Labels: { "holdfast.cluster": label } },
    HostConfig: { PortBindings: null },
    Mounts: [{ Source: source, Destination: "/var/lib/registry" }],
    NetworkSettings: { Networks: null },
  };
  const docker = path.join(dir, "docker");
  await writeFile(docker, `#!/bin/sh\necho '${JSON.stringify([mirror])}'\n`, { mode: 0o755 });
  return { name: "hf", tools: { docker } };
}

it("is the directory around what the mirror serves", async () => {
  expect(await bundleDirOf(await clusterWith(path.join(dir, "bundle", "registry")))).toBe(path.join(dir, "bundle"));
});

it("is nothing where the bundle has gone, the mirror is a stranger's, or nothing answers", async () => {
  expect(await bundleDirOf(await clusterWith(path.join(dir, "gone", "registry")))).toBeUndefined();
  expect(await bundleDirOf(await clusterWith(path.join(dir, "bundle", "registry"), "other"))).toBeUndefined();
  expect(await bundleDirOf({ name: "hf", tools: { docker: "/nowhere/docker" } })).toBeUndefined();
});
