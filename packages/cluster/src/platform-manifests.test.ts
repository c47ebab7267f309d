import { expect, test } from "vitest";
import type { PlatformPart } from "./platform-lock.ts";
import { addTraceExporters, adjustManifests, imagesOf, markManifests, parseManifests } from "./platform-manifests.ts";
import type { Manifest } from "./platform-manifests.ts";

const digest = `sha256:${"a".repeat(64)}`;
const part: PlatformPart = {
  name: "metrics-server",
  version: "1.2.3",
  images: [{ name: "registry.example/metrics-server:v1.2.3", digest }],
};

const upstream = `
apiVersion: v1
kind: Namespace
metadata: {name: metrics}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: metrics-server, namespace: metrics}
spec:
  template:
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      containers:
      - name: metrics-server
        image: registry.example/metrics-server:v1.2.3
        args: [--cert-dir=/tmp, --metric-resolution=15s]
        livenessProbe: {httpGet: {path: /livez, port: https}, failureThreshold: 3}
        readinessProbe: {httpGet: {path: /readyz, port: https}, initialDelaySeconds: 20}
        resources: {requests: {cpu: 100m, memory: 200Mi}}
---
# a document of comments only
`;

const read = () => parseManifests(upstream, "test");
interface Deployment {
  spec: { template: { spec: { containers: Record<string, unknown>[] } } };
}
const podSpec = (objects: Manifest[]) => (objects[1] as unknown as Deployment).spec.template.spec;

test("everything goes to the control plane's node, beside what upstream asks for", () => {
  const spec = podSpec(adjustManifests(read(), part, { bundle: true }));
  expect(spec).toMatchObject({
    nodeSelector: { "kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": "" },
    tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" }],
  });
});

test("with a bundle images go by tag, without one by the digest of the lock", () => {
  expect(imagesOf(adjustManifests(read(), part, { bundle: true }))).toEqual(["registry.example/metrics-server:v1.2.3"]);
  expect(imagesOf(adjustManifests(read(), part, { bundle: false }))).toEqual([
    `registry.example/metrics-server:v1.2.3@${digest}`,
  ]);
});

test("an image that the lock does not know is refused", () => {
  const other = { ...part, images: [{ name: "registry.example/metrics-server:v1.2.4", digest }] };
  expect(() => adjustManifests(read(), other, { bundle: true })).toThrow(/v1\.2\.3, which .*lock\.json does not list/);
});

test("metrics-server trusts kind's kubelets, and no flag stands there twice", () => {
  const spec = podSpec(adjustManifests(adjustManifests(read(), part, { bundle: true }), part, { bundle: true }));
  expect(spec.containers[0]?.["args"]).toEqual([
    "--cert-dir=/tmp",
    "--kubelet-insecure-tls",
    "--metric-resolution=10s",
    "--kubelet-request-timeout=5s",
  ]);
});

test("requests are small, memory has a limit, CPU has none", () => {
  const spec = podSpec(adjustManifests(read(), part, { bundle: true }));
  expect(spec.containers[0]?.["resources"]).toEqual({
    requests: { cpu: "20m", memory: "48Mi" },
    limits: { memory: "192Mi" },
  });
});

test("probes ask early and wait long for an answer", () => {
  const [container] = podSpec(adjustManifests(read(), part, { bundle: true })).containers;
  expect(container?.["readinessProbe"]).toMatchObject({ httpGet: { path: "/readyz" }, initialDelaySeconds: 1 });
  expect(container?.["livenessProbe"]).toMatchObject({ httpGet: { path: "/livez" }, timeoutSeconds: 5 });
});

test("namespaces enforce the restricted Pod Security Standard", () => {
  const [namespace] = adjustManifests(read(), part, { bundle: true });
  expect(namespace?.metadata.labels).toEqual({ "pod-security.kubernetes.io/enforce": "restricted" });
});

test("the content's hash changes with any object and with the version, and with nothing else", () => {
  const content = (objects: Manifest[], version = part.version) => markManifests(objects, { ...part, version }).content;
  expect(content(read())).toBe(content(read()));
  expect(content(read(), "1.2.4")).not.toBe(content(read()));
  const changed = read();
  if (changed[0] !== undefined) changed[0].metadata.name = "other";
  expect(content(changed)).not.toBe(content(read()));
});

test("broken YAML is named by where it came from", () => {
  expect(() => parseManifests("a: [", "the manifest of keda")).toThrow(/^the manifest of keda is not valid YAML/);
});

test.each([
  ["[file]", "[file, otlp_grpc/jaeger]"],
  ["[otlp_http/ours]", "[otlp_http/ours, otlp_grpc/jaeger]"],
  ["[file, otlp_grpc/jaeger]", "[file, otlp_grpc/jaeger]"],
])("Jaeger comes to the exporters that somebody has named: %s", (before, after) => {
  const env = [{ name: "TRACE_EXPORTERS", value: before }];
  const spec = { template: { spec: { containers: [{ name: "collector", image: "x", env }] } } };
  addTraceExporters(
    [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "gateway" }, spec }],
    ["otlp_grpc/jaeger"],
  );
  expect(env[0]?.value).toBe(after);
});
