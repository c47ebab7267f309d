/** How log lines leave the pod: the node's agent, a collector beside the service, or nobody. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { chart } from "./helm.ts";
import { environmentOf, podOf, serviceContainerOf } from "./pod.ts";
import { allOfKind, onlyOfKind, render } from "./render.ts";

const endpoint = "http://store.monitoring:9428/insert/opentelemetry/v1/logs";
const inMode = (mode: string, sidecar: object = {}, more: object = {}) =>
  render({ values: { logShipping: { mode, sidecar: { endpoint, ...sidecar } }, ...more }, namespace: "shop" }).objects;
const sidecarWith = (sidecar: object, more: object = {}) => inMode("sidecar", sidecar, more);

/** A collector's configuration, as far as it is looked at here. */
interface Collector {
  receivers: { file_log: { operators: Operator[] } & Record<string, unknown> };
  processors: { transform: { log_statements: { context: string; statements: string[] }[] } } & Record<string, object>;
  exporters: { otlp_http: { headers: Record<string, string>; sending_queue: object } & Record<string, unknown> };
  extensions: Record<string, object>;
  service: { extensions: string[]; pipelines: { logs: Record<"receivers" | "processors" | "exporters", string[]> } };
}
interface Operator {
  type: string;
  [setting: string]: unknown;
}

function collectorOf(sidecar: object = {}, more: object = {}): Collector {
  const { data } = onlyOfKind(sidecarWith(sidecar, more), "ConfigMap");
  return parse(data?.["config.yaml"] ?? "") as Collector;
}

const annotationsOf = (objects: ReturnType<typeof inMode>) =>
  onlyOfKind(objects, "Deployment").spec?.template.metadata?.annotations ?? {};

/** The variables by which the service is told of files. */
const FILE_VARIABLES = new Set(["LOG_FILE_DIR", "LOG_FILE_MAX_BYTES", "LOG_FILES", "SHIP_SECONDS"]);

describe("modes node and none", () => {
  test.each(["node", "none"])("%s: the agent is told, and nothing else differs", (mode) => {
    const objects = inMode(mode);
    expect(annotationsOf(objects)["holdfast/log-shipping"]).toBe(mode);
    expect(podOf(objects)).toEqual(podOf(render({ namespace: "shop" }).objects));
    expect(podOf(objects)).not.toHaveProperty("initContainers");
    expect(allOfKind(objects, "ConfigMap")).toEqual([]);
    expect(Object.keys(environmentOf(objects)).filter((name) => FILE_VARIABLES.has(name))).toEqual([]);
  });

  test("the annotation is the chart's, whatever else a team annotates", () => {
    const more = { podAnnotations: { "holdfast/log-shipping": "none" }, commonAnnotations: { owner: "blue" } };
    expect(annotationsOf(inMode("node", {}, more))).toMatchObject({ "holdfast/log-shipping": "node", owner: "blue" });
  });
});

describe("mode sidecar", () => {
  test("a native sidecar before everything else, whose first yes the service waits for", () => {
    const native = { name: "proxy", image: "registry.example/proxy", restartPolicy: "Always" };
    const objects = sidecarWith({}, { initContainers: [native] });
    const [shipper, ...others] = podOf(objects).initContainers ?? [];
    expect(others).toEqual([native]);
    expect(shipper).toMatchObject({
      name: "log-shipper",
      image: "docker.io/otel/opentelemetry-collector-k8s:0.159.0",
      restartPolicy: "Always",
      ports: [{ name: "log-health", containerPort: 13_133 }],
      startupProbe: { httpGet: { path: "/", port: "log-health" } },
    });
    // A pod serves well while its lines wait.
    expect(shipper).not.toHaveProperty("readinessProbe");
    expect(shipper).not.toHaveProperty("livenessProbe");
    expect(annotationsOf(objects)["holdfast/log-shipping"]).toBe("sidecar");
  });

  test("fits pod security `restricted`, and takes nothing of the host", () => {
    const objects = sidecarWith({});
    const [shipper] = podOf(objects).initContainers ?? [];
    expect(shipper?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(shipper?.resources?.requests?.["cpu"]).toBeDefined();
    expect(shipper?.resources?.limits?.["memory"]).toBe("128Mi");
    // 0.7 x 128.
    expect(shipper?.env).toContainEqual({ name: "GOMEMLIMIT", value: "89MiB" });
    expect(podOf(objects).volumes).toEqual([
      { name: "log-shipping", emptyDir: { sizeLimit: "144Mi" } },
      { name: "log-shipper-config", configMap: { name: "catalogue-log-shipper" } },
    ]);
  });

  test("both see one directory, in which the service keeps as many bytes as the volume's guard counts", () => {
    const objects = sidecarWith({ maxFileBytes: 16_777_216, files: 3, shipSeconds: 4.5, volumeSizeLimit: "200Mi" });
    const mount = { name: "log-shipping", mountPath: "/var/log/service" };
    expect(serviceContainerOf(objects).volumeMounts).toEqual([mount]);
    expect(podOf(objects).initContainers?.[0]?.volumeMounts).toContainEqual(mount);
    expect(environmentOf(objects)).toMatchObject({
      LOG_FILE_DIR: "/var/log/service",
      LOG_FILE_MAX_BYTES: "16777216",
      LOG_FILES: "3",
      SHIP_SECONDS: "4.5",
    });
    // 26 s without, and 4.5 s for the last lines.
    expect(podOf(objects).terminationGracePeriodSeconds).toBe(31);
  });

  test("volumes and mounts of a team stay beside", () => {
    const more = {
      volumes: [{ name: "cache", emptyDir: {} }],
      volumeMounts: [{ name: "cache", mountPath: "/cache" }],
    };
    const objects = sidecarWith({}, more);
    expect(podOf(objects).volumes?.at(-1)).toEqual(more.volumes[0]);
    expect(serviceContainerOf(objects).volumeMounts?.at(-1)).toEqual(more.volumeMounts[0]);
  });

  test("another configuration rolls the pods, since the collector reads it once", () => {
    const mark = (sidecar: object) => annotationsOf(sidecarWith(sidecar))["holdfast/log-shipper-config"];
    expect(mark({})).toMatch(/^[0-9a-f]{16}$/);
    expect(mark({ endpoint: "http://other/v1/logs" })).not.toBe(mark({}));
    expect(mark({ queueBytes: 16_777_216 })).not.toBe(mark({}));
  });

  test("another image, by its digest", () => {
    const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
    const [shipper] =
      podOf(sidecarWith({ image: { repository: "registry.example/otel", digest } })).initContainers ?? [];
    expect(shipper?.image).toBe(`registry.example/otel@${digest}`);
  });
});

describe("the collector", () => {
  test("reads what the service writes, from the beginning, and keeps its place and what waits on the volume", () => {
    const { receivers, exporters, extensions } = collectorOf({ pollIntervalMilliseconds: 500, queueBytes: 16_777_216 });
    expect(receivers.file_log).toMatchObject({
      include: ["/var/log/service/service-*.log"],
      start_at: "beginning",
      poll_interval: "500ms",
      storage: "file_storage",
      retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
    });
    expect(exporters.otlp_http).toMatchObject({
      logs_endpoint: endpoint,
      retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
      sending_queue: { storage: "file_storage", sizer: "bytes", queue_size: 16_777_216, block_on_overflow: true },
    });
    expect(extensions["file_storage"]).toMatchObject({ directory: "/var/log/service/.log-shipper" });
  });

  test("keeps what waits in memory only where a test's control asks for it", () => {
    expect(collectorOf({ queueStorage: "memory" }).exporters.otlp_http.sending_queue).not.toHaveProperty("storage");
    expect(collectorOf({ queueStorage: "memory" }).receivers.file_log["storage"]).toBe("file_storage");
  });

  test("uses only what OpenTelemetry's k8s distribution holds, all of which it sets up, and no batch processor", () => {
    const { receivers, processors, exporters, extensions, service } = collectorOf();
    expect(Object.keys({ ...receivers, ...exporters })).toEqual(["file_log", "otlp_http"]);
    expect(Object.keys(processors)).toEqual(["memory_limiter", "transform"]);
    expect(Object.keys(extensions)).toEqual(["health_check", "file_storage"]);
    expect(service.extensions).toEqual(Object.keys(extensions));
    expect(service.pipelines).toEqual({
      logs: {
        receivers: Object.keys(receivers),
        processors: Object.keys(processors),
        exporters: Object.keys(exporters),
      },
    });
  });

  test("says of each line whose it is, by the names that the node's agent has", () => {
    expect(collectorOf().receivers.file_log["resource"]).toEqual({
      "k8s.namespace.name": "shop",
      "k8s.pod.name": "${env:POD_NAME}",
      "k8s.pod.uid": "${env:POD_UID}",
      "k8s.container.name": "service",
      "k8s.node.name": "${env:NODE_NAME}",
      "k8s.pod.label.instance": "catalogue",
      "holdfast.log_shipping": "sidecar",
    });
    const [shipper] = podOf(sidecarWith({})).initContainers ?? [];
    const given = (shipper?.env ?? []).map(({ name, valueFrom }) => [name, valueFrom?.fieldRef?.fieldPath]);
    expect(Object.fromEntries(given)).toMatchObject({
      NODE_NAME: "spec.nodeName",
      POD_NAME: "metadata.name",
      POD_UID: "metadata.uid",
    });
  });

  test("names a header whose value is a Secret's", () => {
    const headersSecret = { name: "store", key: "token", header: "X-Api-Key" };
    expect(collectorOf({ headersSecret }).exporters.otlp_http.headers["X-Api-Key"]).toBe("${env:HEADER}");
    expect(podOf(sidecarWith({ headersSecret })).initContainers?.[0]?.env).toContainEqual({
      name: "HEADER",
      valueFrom: { secretKeyRef: { name: "store", key: "token" } },
    });
    expect(Object.keys(collectorOf().exporters.otlp_http.headers)).toEqual(["VL-Stream-Fields"]);
  });

  test("takes the destination as it is written, dollars too", () => {
    const address = "https://logs.example.org/v1/logs?tenant=$shop";
    // The collector reads two of them as one.
    expect(collectorOf({ endpoint: address }).exporters.otlp_http["logs_endpoint"]).toBe(address.replace("$", "$$$$"));
  });
});

describe("the node's agent and the sidecar make the same records", () => {
  const agent = parse(
    readFileSync(join(chart, "../../k8s/platform/log-agent/log-agent.yml"), "utf8"),
  ) as unknown as Collector;
  const shipper = collectorOf();
  const statementsOf = ({ processors }: Collector) =>
    processors.transform.log_statements.flatMap((one) => one.statements);

  test("of the same text", () => {
    // Before that the agent undoes containerd's form, which files do not have.
    const [container, ...operators] = agent.receivers.file_log.operators;
    expect(container).toMatchObject({ type: "container", format: "containerd" });
    expect(operators.length).toBeGreaterThan(0);
    expect(shipper.receivers.file_log.operators).toEqual(operators);
    expect(shipper.receivers.file_log["max_log_size"]).toBe(container?.["max_log_size"]);
  });

  test("of the same fields", () => {
    const [first, ...statements] = statementsOf(shipper);
    // That of containerd's form is the time that the sidecar has to find otherwise.
    expect(first).toContain("set(log.time_unix_nano, log.observed_time_unix_nano)");
    expect(statements.length).toBeGreaterThan(1);
    expect(statements).toEqual(statementsOf(agent));
  });

  test("in the same streams, and as safely", () => {
    expect(shipper.exporters.otlp_http.headers).toEqual(agent.exporters.otlp_http.headers);
    const gate = "--feature-gates=stanza.synchronousLogEmitter";
    const daemonSet = readFileSync(join(chart, "../../k8s/platform/log-agent/daemonset.yaml"), "utf8");
    expect(daemonSet).toContain(gate);
    const [container] = podOf(sidecarWith({})).initContainers ?? [];
    expect(container?.args).toContain(gate);
    expect(daemonSet).toContain(`image: ${container?.image}`);
  });

  test("and the agent drops what the sidecar stores", () => {
    const conditions = JSON.stringify(agent.processors["filter"]);
    expect(conditions).toContain('log_shipping\\"] == \\"sidecar\\"');
    expect(conditions).toContain('holdfast.log_shipping\\"] == \\"none\\"');
    expect(JSON.stringify(agent.processors["k8s_attributes"])).toContain('"holdfast/log-shipping"');
  });
});
