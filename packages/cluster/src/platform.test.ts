import { cp, mkdtemp, rm, appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isUnchanged, readOwnManifests } from "./platform.ts";

let dir: string;
beforeEach(async () => {
  dir = path.join(await mkdtemp(path.join(tmpdir(), "holdfast-platform-")), "prometheus");
  await cp(path.resolve(import.meta.dirname, "../../../k8s/platform/prometheus"), dir, { recursive: true });
});
afterEach(() => rm(path.dirname(dir), { recursive: true, force: true }));

interface Deployment {
  spec: { template: { metadata: { annotations: Record<string, string> } } };
}
async function podAnnotations() {
  const deployment = (await readOwnManifests(dir)).find(({ kind }) => kind === "Deployment");
  return (deployment as unknown as Deployment).spec.template.metadata.annotations;
}

test("the namespace comes first, the configuration becomes a ConfigMap", async () => {
  const objects = await readOwnManifests(dir);
  expect(objects[0]).toMatchObject({ kind: "Namespace", metadata: { name: "monitoring" } });
  expect(objects.find(({ kind }) => kind === "ConfigMap")).toMatchObject({
    metadata: { name: "prometheus-config", namespace: "monitoring" },
    data: { "prometheus.yml": expect.stringContaining("scrape_interval: 5s") as string },
  });
});

test("a changed configuration makes new pods", async () => {
  const before = await podAnnotations();
  expect(await podAnnotations()).toEqual(before);
  await appendFile(path.join(dir, "prometheus.yml"), "# changed\n");
  const after = await podAnnotations();
  expect(after["holdfast/config"]).not.toBe(before["holdfast/config"]);
  expect(after["prometheus.io/scrape"]).toBe("true");
});

test("a part of which anything is gone is not as it was", async () => {
  const objects = await readOwnManifests(dir);
  const planned = { objects, content: "1", deployments: [], apiServices: [] };
  const present = { deployments: [], apiServices: [], missing: [] };
  expect(isUnchanged(planned, present)).toBe(true);
  const service = objects.filter(({ kind }) => kind === "Service");
  expect(isUnchanged(planned, { ...present, missing: service })).toBe(false);
});
