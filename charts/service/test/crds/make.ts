/**
 * Writes the schema of one kind, out of a release manifest of KEDA, into this folder:
 *
 *     node test/crds/make.ts keda-2.20.2.yaml
 *
 * The manifest: https://github.com/kedacore/keda/releases/download/v2.20.2/keda-2.20.2.yaml
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

import { parseAllDocuments } from "yaml";

interface CustomResourceDefinition {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  spec: { versions: { name: string; schema: { openAPIV3Schema: object } }[] };
}

const [manifest] = process.argv.slice(2);
if (manifest === undefined) throw new Error("usage: node test/crds/make.ts KEDA-MANIFEST");
const text = await readFile(manifest, "utf8");
const definition = parseAllDocuments(text)
  .map((document) => document.toJS() as CustomResourceDefinition)
  .find(({ kind, metadata }) => kind === "CustomResourceDefinition" && metadata.name === "scaledobjects.keda.sh");
const version = definition?.metadata.labels?.["app.kubernetes.io/version"];
const schema = definition?.spec.versions.find(({ name }) => name === "v1alpha1")?.schema.openAPIV3Schema;
if (version === undefined || schema === undefined) {
  throw new Error(
    `${manifest} holds no ScaledObject of v1alpha1 with a version label: is it a release manifest of KEDA?`,
  );
}
const sha256 = createHash("sha256").update(text).digest("hex");
const source = `https://github.com/kedacore/keda/releases/download/v${version}/keda-${version}.yaml`;
const $comment = `Made by make.ts from ${source} (sha256 ${sha256}), descriptions left out. KEDA is licensed under Apache-2.0.`;
await writeFile(
  `${import.meta.dirname}/scaledobject-${version}.json`,
  `${JSON.stringify({ $comment, ...withoutDescriptions(schema) }, undefined, 2)}\n`,
);

/** They are three quarters of the text. A field may be named `description`, too: that one is an object. */
function withoutDescriptions(value: object): object {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    key === "description" && typeof inner === "string" ? undefined : inner,
  ) as object;
}
