/** Real helm, never a cluster: whatever kubeconfig its caller has is kept from it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const chart = join(import.meta.dirname, "..");

const helm = process.env["HOLDFAST_HELM"] ?? "helm";

export interface HelmResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs helm with `input` on its stdin. Throws only when there is no helm to run. */
export function runHelm(args: readonly string[], input = ""): HelmResult {
  // It lives for 0.1 s: collecting its garbage costs a fifth of that, and saves nothing.
  const env = { ...process.env, KUBECONFIG: "/dev/null", GOGC: "400" };
  const { error, status, stdout, stderr } = spawnSync(helm, args, { input, env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (error !== undefined) {
    const sentence = `helm could not be started (${error.message}): \`npm test\` brings it; else put helm >= 3.21 on PATH, or its path into HOLDFAST_HELM.`;
    throw new Error(sentence);
  }
  return { status: status ?? -1, stdout, stderr };
}
