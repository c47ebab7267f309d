import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { ensureBase } from "./base.ts";

const BASE = "registry.example/node:24";
const image = (Id: string, Architecture = "amd64") => JSON.stringify([{ Id, Os: "linux", Architecture }]);

/** A docker that has the image of present.json, and gets that of loaded.json or pulled.json. */
const DOCKER = `#!/bin/sh
cd "$(dirname "$0")"
case "$1" in
  image) cat present.json ;;
  load) cp loaded.json present.json ;;
  pull) echo "$@" >pull.txt; cp pulled.json present.json ;;
esac
`;

let dir: string;
let said: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "holdfast-base-"));
  said = "";
  vi.stubEnv("PATH", `${dir}${path.delimiter}${process.env["PATH"]}`);
  vi.stubEnv("HOLDFAST_BUNDLE", undefined);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
  writeFileSync(path.join(dir, "docker"), DOCKER, { mode: 0o755 });
  return () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(dir, { recursive: true, force: true });
  };
});

const dockerHas = (images: { present?: string; loaded?: string; pulled?: string }) => {
  for (const [name, is] of Object.entries(images)) writeFileSync(path.join(dir, `${name}.json`), is);
};

function bundleHolds(id: string): void {
  writeFileSync(path.join(dir, "base.tar"), "an image");
  const sha256 = createHash("sha256").update("an image").digest("hex");
  const list = { platform: "linux/amd64", host: [{ name: BASE, id, file: "base.tar", sha256 }] };
  writeFileSync(path.join(dir, "bundle.json"), JSON.stringify(list));
  vi.stubEnv("HOLDFAST_BUNDLE", dir);
}

const pulled = () => existsSync(path.join(dir, "pull.txt")) && readFileSync(path.join(dir, "pull.txt"), "utf8").trim();

test("the bundle's base is taken where this machine has another one of that name, and it is said", async () => {
  dockerHas({ present: image("sha256:old"), loaded: image("sha256:bundled") });
  bundleHolds("sha256:bundled");
  expect(await ensureBase(BASE)).toMatchObject({ Id: "sha256:bundled" });
  expect(said).toBe(`the image ${BASE} of this machine is not the bundle's, which is loaded\n`);
});

test("the bundle's base is not loaded again", async () => {
  dockerHas({ present: image("sha256:bundled") });
  bundleHolds("sha256:bundled");
  expect(await ensureBase(BASE)).toMatchObject({ Id: "sha256:bundled" });
  expect(said).toBe("");
});

test("without a bundle, what this machine has is taken", async () => {
  dockerHas({ present: image("sha256:ours") });
  expect(await ensureBase(BASE)).toMatchObject({ Id: "sha256:ours" });
  expect(pulled()).toBe(false);
});

test("for another platform the base is pulled, past a bundle for this one", async () => {
  dockerHas({ present: image("sha256:bundled"), pulled: image("sha256:arm", "arm64") });
  bundleHolds("sha256:bundled");
  expect(await ensureBase(BASE, "linux/arm64")).toMatchObject({ Id: "sha256:arm" });
  expect(pulled()).toBe(`pull --quiet --platform=linux/arm64 ${BASE}`);
});

test("a base of another platform than was asked for is refused", async () => {
  dockerHas({ pulled: image("sha256:ours") });
  await expect(ensureBase(BASE, "linux/arm64")).rejects.toThrow(`${BASE} is not to be had for linux/arm64`);
});
