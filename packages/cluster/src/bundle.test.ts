import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isMirrored, readBundle, verifyBundle, verifyFile } from "./bundle.ts";
import type { BundleManifest } from "./bundle.ts";

const hash = (content: string) => createHash("sha256").update(content).digest("hex");
const storage = "registry/docker/registry/v2";
const blob = (digest: string) => `${storage}/blobs/sha256/${digest.slice(0, 2)}/${digest}/data`;

describe("a bundle", () => {
  let dir: string;
  let content: BundleManifest;
  const layer = "a layer";

  async function put(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), text);
  }

  async function write(change: Partial<Record<keyof BundleManifest, unknown>> = {}): Promise<void> {
    await put("bundle.json", JSON.stringify({ ...content, ...change }));
  }

  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "holdfast-bundle-"));
    const config = "{}";
    const manifest = JSON.stringify({
      config: { digest: `sha256:${hash(config)}`, size: config.length },
      layers: [{ digest: `sha256:${hash(layer)}`, size: layer.length }],
    });
    for (const text of [config, layer, manifest]) await put(blob(hash(text)), text);
    await put(
      `${storage}/repositories/ghcr.io/kedacore/keda/_manifests/tags/2.20.2/current/link`,
      `sha256:${hash(manifest)}`,
    );
    await put("bin/kind", "kind");
    await put("manifests/keda.yaml", "keda");
    await put("host/node.tar", "node");
    const image = { name: "kindest/node:v1.36.4", id: `sha256:${"0".repeat(64)}`, file: "host/node.tar" };
    content = {
      schemaVersion: 1,
      platform: "linux/amd64",
      kubernetes: "v1.36.4",
      nodeImage: image.name,
      registryImage: image.name,
      baseImage: image.name,
      host: [{ ...image, sha256: hash("node") }],
      mirror: [{ name: "ghcr.io/kedacore/keda:2.20.2" }],
      tools: [{ name: "kind", version: "0.33.0", file: "bin/kind", sha256: hash("kind") }],
      manifests: [{ name: "keda", version: "2.20.2", file: "manifests/keda.yaml", sha256: hash("keda") }],
    };
    await write();
  });

  afterEach(() => rm(dir, { recursive: true, force: true }));

  async function refusal(): Promise<string> {
    const error: unknown = await readBundle(dir)
      .then((bundle) => verifyBundle(bundle))
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "BUNDLE_INVALID" });
    return (error as Error).message;
  }

  it("is accepted when all of it is there", async () => {
    const bundle = await readBundle(dir);
    await verifyBundle(bundle);
    expect(bundle.registryDir).toBe(path.join(dir, "registry"));
    expect(isMirrored(bundle, "ghcr.io/kedacore/keda:2.20.2")).toBe(true);
    expect(isMirrored(bundle, "ghcr.io/kedacore/keda:2.20.1")).toBe(false);
  });

  it("names a directory without bundle.json, and what to give instead", async () => {
    await rm(path.join(dir, "bundle.json"));
    expect(await refusal()).toMatch(/no bundle\.json.*--bundle or HOLDFAST_BUNDLE/);
  });

  it("says where bundle.json is not what it must be", async () => {
    await put("bundle.json", "{");
    expect(await refusal()).toContain("bundle.json is not JSON");
    await write({ schemaVersion: 2, platform: "linux" });
    expect(await refusal()).toMatch(/schemaVersion: .*1.*; bundle\.json: platform: must be os\/architecture/);
  });

  it("refuses files outside of itself", async () => {
    await write({ tools: [{ ...content.tools[0], file: "../kind" }] });
    expect(await refusal()).toContain("tools.0.file: must be a path inside the bundle");
  });

  it("refuses to name an image that it does not bring", async () => {
    await write({ baseImage: "gcr.io/distroless/nodejs24-debian12:nonroot" });
    expect(await refusal()).toContain("no host image is gcr.io/distroless/nodejs24-debian12:nonroot");
  });

  it("names a file whose checksum differs, and what to do", async () => {
    await put("bin/kind", "kinx");
    expect(await refusal()).toMatch(/the checksum of bin\/kind is .* Copy it again/);
  });

  it("names every missing file in one sentence", async () => {
    await rm(path.join(dir, "manifests/keda.yaml"));
    await rm(path.join(dir, "host/node.tar"));
    expect(await refusal()).toContain("manifests/keda.yaml is missing; host/node.tar is missing");
  });

  it("names an image that the mirror does not have", async () => {
    await write({ mirror: [...content.mirror, { name: "quay.io/prometheus/prometheus:v3" }] });
    expect(await refusal()).toContain("image quay.io/prometheus/prometheus:v3 is missing from registry/");
  });

  it("names a layer that was cut short, and a manifest that is another", async () => {
    await truncate(path.join(dir, blob(hash(layer))), 3);
    expect(await refusal()).toContain("of image ghcr.io/kedacore/keda:2.20.2 has 3 bytes, not 7");
    const link = path.join(dir, storage, "repositories/ghcr.io/kedacore/keda/_manifests/tags/2.20.2/current/link");
    const digest = (await readFile(link, "utf8")).replace("sha256:", "");
    await put(blob(digest), "{}");
    expect(await refusal()).toContain("the manifest of image ghcr.io/kedacore/keda:2.20.2");
  });

  it("verifies an image for the host only when it is asked for", async () => {
    await put("host/node.tar", "nodx");
    const bundle = await readBundle(dir);
    await verifyBundle(bundle);
    await expect(verifyFile(bundle, content.host[0] ?? { file: "", sha256: "" })).rejects.toThrow(
      "the checksum of host/node.tar",
    );
  });
});
