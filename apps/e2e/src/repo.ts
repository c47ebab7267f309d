import path from "node:path";

/** The checkout that is proved here. */
export const REPO_ROOT = path.resolve(import.meta.dirname, "../../..");
