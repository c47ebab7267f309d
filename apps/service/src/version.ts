import manifest from "../package.json" with { type: "json" };

/** The version this program was built from; `SERVICE_VERSION` overrides it, since a rollout may change configuration alone. */
export const buildVersion: string = manifest.version;
