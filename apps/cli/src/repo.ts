import { readFileSync } from "node:fs";
import path from "node:path";

/** The checkout that this command line belongs to. */
export const REPO_ROOT = path.resolve(import.meta.dirname, "../../..");

/** What `./holdfast --version` says: the version of the checkout. */
export function repoVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(REPO_ROOT, "package.json"), "utf8"));
  return manifest && typeof manifest === "object" && "version" in manifest ? String(manifest.version) : "unknown";
}
