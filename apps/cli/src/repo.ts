import { readFileSync } from "node:fs";
import path from "node:path";

/** The checkout that this command line belongs to. */
export const REPO_ROOT = path.resolve(import.meta.dirname, "../../..");

/** What `./holdfast --version` says: the version of the checkout. */
export function repoVersion(): string {
  return versionIn(".");
}

/** What the service's bundle is a build of. */
export function serviceVersion(): string {
  return versionIn("apps/service");
}

function versionIn(workspace: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(REPO_ROOT, workspace, "package.json"), "utf8"));
  return manifest && typeof manifest === "object" && "version" in manifest ? String(manifest.version) : "unknown";
}
