import { describe, expect, test } from "vitest";

import { profiles, render, type KubernetesObject, type RenderOptions } from "./render.ts";
import { validateObject } from "./validate.ts";

const sidecar = (name: string) => ({
  name,
  image: "registry.example/proxy",
  env: [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
  ports: [{ name, containerPort: 9000 }],
  resources: { requests: { cpu: "10m", memory: "32Mi" } },
  volumeMounts: [{ name: "cache", mountPath: "/cache" }],
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  readinessProbe: { httpGet: { path: "/", port: 9000 } },
  lifecycle: { postStart: { sleep: { seconds: 1 } } },
});
const inZone = { matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: ["zone-a"] }] };

/** Everything that is passed on to Kubernetes, KEDA or the operator, once. */
const everyValue = {
  image: { tag: "2.1.0", digest: `sha256:${"0123456789abcdef".repeat(4)}`, pullPolicy: "Always" },
  imagePullSecrets: [{ name: "pull" }],
  command: ["/bin/app"],
  args: ["--verbose"],
  nameOverride: "basket",
  fullnameOverride: "shop-basket",
  commonLabels: { "example.org/team": "blue" },
  commonAnnotations: { owner: "blue@example.org" },
  podLabels: { tier: "front" },
  podAnnotations: { "example.org/inject": "false" },
  upstream: { url: "http://stock:8080" },
  upstreamAffinity: { mode: "soft", topology: "zone", release: "stock" },
  service: {
    type: "LoadBalancer",
    port: 8080,
    nodePort: 30_080,
    annotations: { "example.org/scheme": "internal" },
    headless: { enabled: true },
  },
  serviceAccount: { name: "shop", annotations: { "example.org/role": "reader" }, automountToken: true },
  shutdown: { sidecarSeconds: 2.5, graceSeconds: 60 },
  faults: { enabled: true, acceptRisk: true },
  exposeReplica: true,
  rollout: { maxSurge: "25%", maxUnavailable: "10%" },
  spread: { zone: "hard", host: "soft", nodes: 20 },
  antiAffinity: { host: "hard" },
  nodeSelector: { "kubernetes.io/os": "linux" },
  nodeAffinity: { required: [inZone], preferred: [{ weight: 10, preference: inZone }] },
  tolerations: [{ key: "pool", operator: "Equal", value: "shop", effect: "NoExecute", tolerationSeconds: 10 }],
  tolerationSeconds: { notReady: 5, unreachable: 6 },
  priorityClassName: "high",
  pdb: { maxUnavailable: "30%", unhealthyPodEvictionPolicy: "IfHealthyBudget" },
  autoscaling: {
    mode: "keda",
    keda: {
      prometheus: {
        metadata: { namespace: "shop", authModes: "bearer", unsafeSsl: "true", customHeaders: "X-Team=blue" },
        authenticationRef: { name: "prometheus", kind: "ClusterTriggerAuthentication" },
      },
      fallback: { replicas: 4 },
      triggers: [
        { type: "memory", metricType: "Utilization", metadata: { value: "80", containerName: "service" } },
        {
          type: "cron",
          name: "office",
          metadata: { timezone: "Etc/UTC", start: "0 8 * * *", end: "0 20 * * *", desiredReplicas: "5" },
          authenticationRef: { name: "cron", kind: "TriggerAuthentication" },
        },
      ],
    },
    behavior: { scaleUp: { tolerance: "0.05" } },
  },
  metrics: { podMonitor: { enabled: true, interval: "5s", labels: { release: "prometheus" } } },
  prometheusRule: {
    enabled: true,
    labels: { release: "prometheus" },
    errorRatio: {
      threshold: 0.01,
      windowSeconds: 300,
      forSeconds: 0,
      minRequestsPerSecond: 0.5,
      severity: "ticket",
      annotations: { runbook_url: "https://example.org/runbook" },
    },
  },
  telemetry: {
    otlp: { endpoint: "https://traces.example.org", headersSecret: { name: "traces", key: "token" } },
    traces: { sampleRatio: 1 },
  },
  logShipping: {
    mode: "sidecar",
    sidecar: {
      image: { repository: "registry.example/otel", tag: "1.0.0", digest: `sha256:${"0123456789abcdef".repeat(4)}` },
      endpoint: "https://logs.example.org/v1/logs?tenant=$shop",
      headersSecret: { name: "logs", key: "token", header: "X-Api-Key" },
      shipSeconds: 2.5,
      volumeSizeLimit: "1Gi",
      resources: { limits: { cpu: 1, memory: 134_217_728 } },
    },
  },
  extraEnv: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "token" } } }],
  envFrom: [{ prefix: "A_", configMapRef: { name: "more", optional: true } }, { secretRef: { name: "more" } }],
  volumes: [
    { name: "cache", emptyDir: { sizeLimit: "64Mi" } },
    { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token", audience: "shop" } }] } },
  ],
  volumeMounts: [{ name: "cache", mountPath: "/cache", readOnly: true }],
  initContainers: [{ ...sidecar("native"), restartPolicy: "Always" }],
  extraContainers: [sidecar("proxy"), { name: "bare", image: "b", resources: { limits: { cpu: "1", memory: "1Gi" } } }],
  resources: { requests: { "ephemeral-storage": "1Gi" }, limits: { cpu: 1 } },
  nodeOptions: ["--enable-source-maps"],
  podSecurityContext: { fsGroupChangePolicy: "OnRootMismatch", supplementalGroups: [1000] },
  helmTest: { command: ["/usr/local/bin/node"], path: "/status" },
};

const target = { type: "AverageValue", averageValue: "5" };
const share = { type: "Utilization", averageUtilization: 60 };
const everyMetric = {
  podsMetric: "requests_per_second",
  metrics: [
    { type: "Pods", pods: { metric: { name: "a" }, target } },
    { type: "Object", object: { metric: { name: "a" }, target, describedObject: { kind: "Service", name: "b" } } },
    { type: "External", external: { metric: { name: "a", selector: { matchLabels: { b: "c" } } }, target } },
    { type: "Resource", resource: { name: "memory", target: share } },
    { type: "ContainerResource", containerResource: { name: "cpu", container: "proxy", target: share } },
  ],
};

/** Every object that the chart can render stands in one of these at least. */
const cases: Record<string, RenderOptions> = {
  "default values": {},
  "an upgrade": { isUpgrade: true },
  "part stock": { values: { role: "stock" }, release: "stock" },
  "a NodePort and a headless Service": {
    values: { service: { type: "NodePort", nodePort: 30080, headless: { enabled: true } } },
  },
  "a PodMonitor": { values: { metrics: { podMonitor: { enabled: true } } } },
  "every value set": { values: everyValue },
  "every metric of an HPA": { values: { ...everyValue, autoscaling: { mode: "hpa", hpa: everyMetric } } },
  "hpa on CPU": { values: { autoscaling: { mode: "hpa", cpu: { targetUtilization: 60 } } } },
};
const shipping = (mode: string) => ({ logShipping: { mode, sidecar: { endpoint: "http://store/v1/logs" } } });
for (const mode of ["node", "sidecar", "none"]) cases[`logs by ${mode}`] = { values: shipping(mode) };
for (const mode of ["none", "hpa", "keda", "external"]) {
  cases[`autoscaling by ${mode}`] = { values: { autoscaling: { mode } } };
}
for (const profile of profiles) {
  cases[`profile ${profile}`] = { profile };
  for (const mode of ["none", "hpa", "keda"])
    cases[`profile ${profile}, ${mode}`] = { profile, values: { autoscaling: { mode } } };
  for (const mode of ["node", "sidecar", "none"])
    cases[`profile ${profile}, logs by ${mode}, with rules`] = {
      profile,
      values: { ...shipping(mode), prometheusRule: { enabled: true } },
    };
}

function objectsOf(opts: RenderOptions): readonly KubernetesObject[] {
  const { objects, error } = render(opts);
  expect(error).toBe("");
  return objects;
}

describe("Kubernetes takes every object", () => {
  test.each(Object.entries(cases))("of %s", (_name, opts) => {
    const objects = objectsOf(opts);
    expect(objects.length).toBeGreaterThan(0);
    const complaints = objects.flatMap((object) =>
      validateObject(object).map((complaint) => `${object.kind} ${object.metadata.name} ${complaint}`),
    );
    expect(complaints).toEqual([]);
  });
});

describe("what Kubernetes would not take is found", () => {
  /** A kind -> where its spec is spoilt: a field that needs a type, and what it is set to. */
  const spoilt: Record<string, { field: string; wrong: unknown }> = {
    Deployment: { field: "minReadySeconds", wrong: "soon" },
    HorizontalPodAutoscaler: { field: "maxReplicas", wrong: "ten" },
    Pod: { field: "containers", wrong: {} },
    PodDisruptionBudget: { field: "selector", wrong: "all" },
    PodMonitor: { field: "podMetricsEndpoints", wrong: "admin" },
    PrometheusRule: { field: "groups", wrong: "all" },
    ScaledObject: { field: "maxReplicaCount", wrong: "ten" },
    Service: { field: "ports", wrong: 80 },
  };
  const objects = new Map(
    Object.values(cases)
      .flatMap((opts) => render(opts).objects)
      .map((object) => [object.kind, object]),
  );

  test("in each kind that the chart renders", () => {
    expect([...objects.keys()].toSorted()).toEqual([...Object.keys(spoilt), "ConfigMap", "ServiceAccount"].toSorted());
  });

  test.each(Object.entries(spoilt))("%s: a field of the wrong type, a misspelt one", (kind, { field, wrong }) => {
    const object = objects.get(kind);
    const spec = object?.spec as Record<string, unknown>;
    const withSpec = (more: object) => ({ ...object, spec: { ...spec, ...more } }) as KubernetesObject;
    expect(validateObject(withSpec({}))).toEqual([]);
    expect(validateObject(withSpec({ [field]: wrong })).join()).toContain(field);
    expect(validateObject(withSpec({ [`${field}x`]: spec[field] }))).toEqual([`/spec/${field}x: unknown field`]);
  });

  test("ServiceAccount: a field of the wrong type, a misspelt one", () => {
    const object = objects.get("ServiceAccount") as KubernetesObject;
    const wrong: object = { ...object, automountServiceAccountToken: "no" };
    expect(validateObject(wrong as KubernetesObject).join()).toContain("automountServiceAccountToken");
    const misspelt: object = { ...object, automountToken: false };
    expect(validateObject(misspelt as KubernetesObject)).toEqual(["/automountToken: unknown field"]);
  });

  test("ConfigMap: a field of the wrong type, a misspelt one", () => {
    const object = objects.get("ConfigMap") as KubernetesObject;
    const wrong: object = { ...object, data: { "config.yaml": 1 } };
    expect(validateObject(wrong as KubernetesObject).join()).toContain("config.yaml");
    const misspelt: object = { ...object, datas: {} };
    expect(validateObject(misspelt as KubernetesObject)).toEqual(["/datas: unknown field"]);
  });

  test("deep inside of a rule", () => {
    const rule = structuredClone(objects.get("PrometheusRule")) as KubernetesObject & {
      spec: { groups: { rules: Record<string, unknown>[] }[] };
    };
    const [alert] = rule.spec.groups.flatMap(({ rules }) => rules);
    if (alert === undefined) throw new Error("the PrometheusRule has no rule");
    alert["for"] = "soon";
    expect(validateObject(rule).join()).toMatch(/for/);
    alert["for"] = "10s";
    alert["fore"] = "10s";
    expect(validateObject(rule)).toEqual(["/spec/groups/0/rules/0/fore: unknown field"]);
  });

  test("deep inside of a pod, where most of the chart's work is", () => {
    const deployment = structuredClone(objects.get("Deployment")) as KubernetesObject & {
      spec: { template: { spec: { containers: { lifecycle: object }[] } } };
    };
    const [container] = deployment.spec.template.spec.containers;
    if (container === undefined) throw new Error("the Deployment has no container");
    container.lifecycle = { preStop: { sleep: { second: 5 } } };
    expect(validateObject(deployment).join()).toMatch(/preStop\/sleep.*second/);
    container.lifecycle = { preStop: { sleep: { seconds: 5, reason: "lag" } } };
    expect(validateObject(deployment)).toEqual([
      "/spec/template/spec/containers/0/lifecycle/preStop/sleep/reason: unknown field",
    ]);
  });

  test("a kind without a schema", () => {
    const [complaint] = validateObject({ apiVersion: "v1", kind: "Secret", metadata: { name: "a" } });
    expect(complaint).toContain("there is no schema for v1/Secret");
  });
});
