/** The one guard that looks at the cluster, with a server of this process in the API server's place. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { chart, runHelm } from "./helm.ts";

interface Owner {
  manager: string;
  operation: "Apply" | "Update";
  subresource?: string;
}

/** What the Deployment of the release is, on the cluster. */
let live: { replicas: number; owners: readonly Owner[] } | undefined;
let api: Server;
let dir: string;

/** Group and version -> what the chart renders of it. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: ["Service", "ServiceAccount"],
  "apps/v1": ["Deployment"],
  "policy/v1": ["PodDisruptionBudget"],
  "autoscaling/v2": ["HorizontalPodAutoscaler"],
  "keda.sh/v1alpha1": ["ScaledObject"],
};

/** As much of the API as Helm asks for: which kinds there are, and the Deployment for `lookup`. */
function answerTo(path: string): object | undefined {
  const groups = Object.keys(KINDS)
    .filter((groupVersion) => groupVersion.includes("/"))
    .map((groupVersion) => {
      const [name, version] = groupVersion.split("/");
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
    });
  const answers: Record<string, object | undefined> = {
    "/version": { major: "1", minor: "36", gitVersion: "v1.36.0" },
    "/api": { kind: "APIVersions", versions: ["v1"] },
    "/apis": { kind: "APIGroupList", apiVersion: "v1", groups },
    "/apis/apps/v1/namespaces/holdfast/deployments/catalogue": live && {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "catalogue",
        namespace: "holdfast",
        managedFields: live.owners.map((owner) => ({
          ...owner,
          apiVersion: "apps/v1",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:spec": { "f:replicas": {} } },
        })),
      },
      spec: { replicas: live.replicas },
    },
  };
  for (const [groupVersion, kinds] of Object.entries(KINDS)) {
    const resources = kinds.map((kind) => {
      const singularName = kind.toLowerCase();
      return { name: `${singularName}s`, singularName, namespaced: true, kind, verbs: ["get"] };
    });
    const list = { kind: "APIResourceList", groupVersion, resources };
    answers[groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`] = list;
  }
  return answers[path];
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "holdfast-live-"));
  api = createServer(({ url = "" }, response) => {
    const answer = answerTo(url.replace(/\?.*/, ""));
    const missing = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 };
    response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? missing));
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  const server = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  writeFileSync(
    join(dir, "kubeconfig"),
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "a", cluster: { server } }],
      users: [{ name: "a", user: {} }],
      contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
      "current-context": "a",
    }),
  );
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What an upgrade of the release to this mode says; empty where it is taken. */
async function upgradeTo(mode: string): Promise<string> {
  const values = ["--set", "image.repository=registry.example/shop", "--set", `autoscaling.mode=${mode}`];
  const cluster = [
    "--dry-run=server",
    "--disable-openapi-validation",
    "--kubeconfig",
    join(dir, "kubeconfig"),
    "--namespace",
    "holdfast",
  ];
  const args = ["template", "catalogue", chart, ...values, ...cluster, "--is-upgrade"];
  const env = { ...process.env, HELM_CACHE_HOME: dir };
  const child = spawn(process.env["HOLDFAST_HELM"] ?? "helm", args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return code === 0 ? "" : stderr;
}

/** Helm 3 deletes the field whoever owns it, so there the guard would demand what does not help. */
const isHelm3 = runHelm(["version", "--template", "{{.Version}}"]).stdout.startsWith("v3.");
const helm4: Owner = { manager: "helm", operation: "Apply" };
const helm3: Owner = { manager: "helm", operation: "Update" };
const scaler: Owner = { manager: "scaler", operation: "Apply" };
const byHand: Owner = { manager: "kubectl", operation: "Update", subresource: "scale" };

test.skipIf(isHelm3).each(["hpa", "keda", "external"])(
  "where Helm alone owns the number, mode %s is refused",
  async (mode) => {
    live = { replicas: 4, owners: [helm4] };
    const said = await upgradeTo(mode);
    expect(said).toContain(`autoscaling.mode is ${mode}, but so far this release set replicas=4 itself`);
    expect(said).toContain(
      `Hand the number over first: echo '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"catalogue"},"spec":{"replicas":4}}' | kubectl -n holdfast apply --server-side --field-manager=scaler -f -`,
    );
    expect(said).not.toContain("--server-side=true");
  },
);

test.skipIf(isHelm3)("where Helm 3 made the release, what Helm 4 must be told is said too", async () => {
  live = { replicas: 4, owners: [helm3] };
  expect(await upgradeTo("hpa")).toMatch(
    /Hand the number over first and upgrade with --server-side=true then .*: echo/,
  );
});

test.each<[string, { state: typeof live; mode: string }]>([
  ["somebody else owns it too", { state: { replicas: 4, owners: [helm4, scaler] }, mode: "hpa" }],
  ["somebody else took it", { state: { replicas: 4, owners: [byHand] }, mode: "keda" }],
  ["it is one anyway", { state: { replicas: 1, owners: [helm4] }, mode: "hpa" }],
  ["the number stays the chart's", { state: { replicas: 4, owners: [helm4] }, mode: "none" }],
  ["there is no Deployment yet", { state: undefined, mode: "hpa" }],
])("where %s, the upgrade is taken", async (_what, { state, mode }) => {
  live = state;
  expect(await upgradeTo(mode)).toBe("");
});
