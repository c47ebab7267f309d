import { cp, mkdtemp, rm, appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseParts, isUnchanged, planPart, readOwnManifests } from "./platform.ts";
import type { PlannedPart, Present } from "./platform.ts";
import { readPlatformLock } from "./platform-lock.ts";

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
  const planned = { objects, content: "1", workloads: [], apiServices: [] };
  const present = { workloads: [], apiServices: [], missing: [] };
  expect(isUnchanged(planned, present)).toBe(true);
  const service = objects.filter(({ kind }) => kind === "Service");
  expect(isUnchanged(planned, { ...present, missing: service })).toBe(false);
});

const platformDir = path.resolve(import.meta.dirname, "../../../k8s/platform");
const { parts } = await readPlatformLock(platformDir);

async function planned(name: string, traceExporters: string[] = []): Promise<PlannedPart> {
  const part = parts.find((one) => one.name === name);
  if (part === undefined) throw new Error(`no part ${name}`);
  const cluster = { kubeconfig: path.join(dir, "kubeconfig"), bundle: true };
  return planPart(cluster, part, { dir: platformDir, bundle: undefined, traceExporters });
}

/** As the cluster shows a part that was installed as planned and works. */
function working({ objects, workloads }: PlannedPart): Present["workloads"] {
  return objects
    .filter(({ kind, metadata }) => workloads.some((one) => one.kind === kind && one.name === metadata.name))
    .map(({ kind, metadata, spec }) => {
      const made = { uid: "1", creationTimestamp: "", namespace: "", ...metadata, generation: 1 };
      const status =
        kind === "DaemonSet"
          ? { observedGeneration: 1, desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4 }
          : { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
      return { kind, metadata: made, spec, status } as Present["workloads"][number];
    });
}

test.each(["victoria-logs", "log-agent", "trace-gateway", "prometheus"])(
  "%s is left alone where it works, and made again where it does not",
  async (name) => {
    const plan = await planned(name);
    expect(plan.workloads).toHaveLength(1);
    const workloads = working(plan);
    const present = { workloads, apiServices: [], missing: [] };
    expect(isUnchanged(plan, present)).toBe(true);
    expect(isUnchanged(plan, { ...present, workloads: [] })).toBe(false);
    expect(isUnchanged({ ...plan, content: "other" }, present)).toBe(false);
    for (const { status } of workloads) Object.assign(status ?? {}, { availableReplicas: 0, numberAvailable: 3 });
    expect(isUnchanged(plan, present)).toBe(false);
  },
);

test("a store that somebody has scaled to nothing is started again", async () => {
  const plan = await planned("victoria-logs");
  const [stopped] = working(plan);
  if (stopped === undefined) throw new Error("no StatefulSet");
  Object.assign(stopped.spec, { replicas: 0 });
  Object.assign(stopped.status ?? {}, { replicas: 0, updatedReplicas: 0, availableReplicas: 0 });
  expect(isUnchanged(plan, { workloads: [stopped], apiServices: [], missing: [] })).toBe(false);
});

test("the agent runs on every node, all else of ours on the control plane's", async () => {
  const selectorOf = async (name: string) => {
    const { objects } = await planned(name);
    const specs = objects.flatMap(
      ({ spec }) => (spec as { template?: { spec: object } } | undefined)?.template?.spec ?? [],
    );
    return specs.map((spec) => (spec as { nodeSelector?: object }).nodeSelector);
  };
  expect(await selectorOf("log-agent")).toEqual([undefined]);
  for (const name of ["victoria-logs", "trace-gateway", "jaeger", "prometheus-adapter"]) {
    expect(await selectorOf(name)).toEqual([{ "node-role.kubernetes.io/control-plane": "" }]);
  }
});

test("only the log agent's namespace is not restricted", async () => {
  const namespaces = (await Promise.all(["prometheus", "log-agent"].map((name) => planned(name))))
    .flatMap(({ objects }) => objects)
    .filter(({ kind }) => kind === "Namespace");
  expect(
    namespaces.map(({ metadata }) => [metadata.name, metadata.labels?.["pod-security.kubernetes.io/enforce"]]),
  ).toEqual([
    ["monitoring", "restricted"],
    ["telemetry", "privileged"],
  ]);
});

test("a part's configuration stands in the namespace of what reads it", async () => {
  const { objects } = await planned("log-agent");
  expect(objects.find(({ kind }) => kind === "ConfigMap")?.metadata).toMatchObject({
    name: "log-agent-config",
    namespace: "telemetry",
  });
});

test("a bundle may lack what is optional, and only that; what is there on demand is never installed by `up`", () => {
  const names = (bundle: Parameters<typeof chooseParts>[1]) => {
    const { chosen, leftOut } = chooseParts(parts, bundle);
    return { chosen: chosen.map(({ name }) => name), leftOut: leftOut.map(({ image }) => image) };
  };
  const mirror = parts.flatMap(({ images }) => images);
  const jaeger = "docker.io/jaegertracing/jaeger:2.19.0";
  expect(names(undefined)).toMatchObject({ leftOut: [] });
  expect(names(undefined).chosen).toContain("jaeger");
  expect(names({ mirror }).chosen).toContain("jaeger");
  expect(names({ mirror }).chosen).not.toContain("prometheus-adapter");
  const lacking = names({ mirror: mirror.filter(({ name }) => name !== jaeger) });
  expect(lacking.leftOut).toEqual([jaeger]);
  expect(lacking.chosen).not.toContain("jaeger");
  // What is not optional stays chosen: the pull says that its image is missing.
  expect(names({ mirror: [] }).chosen).toContain("victoria-logs");
});

test("where Jaeger is installed, the trace gateway hands spans on, which makes it another gateway", async () => {
  const alone = await planned("trace-gateway");
  const both = await planned("trace-gateway", ["otlp_grpc/jaeger"]);
  expect(JSON.stringify(alone.objects)).toContain('{"name":"TRACE_EXPORTERS","value":"[file]"}');
  expect(JSON.stringify(both.objects)).toContain('{"name":"TRACE_EXPORTERS","value":"[file, otlp_grpc/jaeger]"}');
  expect(both.content).not.toBe(alone.content);
});
