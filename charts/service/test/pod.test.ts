/** What a pod is made of, and what it may do. */
import type { IContainer, IPodSpec } from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";

import { environmentOf, podOf, serviceContainerOf } from "./pod.ts";
import { onlyOfKind, profiles, render, type KubernetesObject } from "./render.ts";

const pod = (values: object) => podOf(render({ values }).objects);

describe("pod security `restricted` holds", () => {
  /** Deployment's pods and the test's. */
  function podsOf(objects: readonly KubernetesObject[]): IPodSpec[] {
    const { spec } = onlyOfKind(objects, "Pod");
    if (spec === undefined || spec === null) throw new Error("The test has no pod.");
    return [podOf(objects), spec];
  }

  test.each([undefined, ...profiles])("for every container, the test's too: profile %s", (profile) => {
    const pods = podsOf(render(profile === undefined ? {} : { profile }).objects);
    for (const { securityContext, automountServiceAccountToken, enableServiceLinks, containers } of pods) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect([automountServiceAccountToken, enableServiceLinks]).toEqual([false, false]);
      expect(containers).toHaveLength(1);
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container.resources?.limits?.["memory"]).toBeDefined();
        expect(container.resources?.requests?.["cpu"]).toBeDefined();
      }
    }
  });
});

describe("the image", () => {
  const image = (values: object) => serviceContainerOf(render({ values: { image: values } }).objects).image;
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

  test("has the chart's appVersion as its tag, or the one that is set, or a digest, which wins", () => {
    expect(image({})).toBe("registry.example/holdfast/service:0.1.0");
    expect(image({ repository: "localhost:5001/a", tag: "dev" })).toBe("localhost:5001/a:dev");
    expect(image({ repository: "localhost:5001/a", tag: "dev", digest })).toBe(`localhost:5001/a@${digest}`);
  });

  test("is the test's too, and secrets pull both", () => {
    const { objects } = render({ values: { image: { tag: "dev" }, imagePullSecrets: [{ name: "pull" }] } });
    const test_ = onlyOfKind(objects, "Pod").spec;
    expect(test_?.containers[0]?.image).toBe(serviceContainerOf(objects).image);
    expect([test_?.imagePullSecrets, podOf(objects).imagePullSecrets]).toEqual([
      [{ name: "pull" }],
      [{ name: "pull" }],
    ]);
  });
});

describe("what a team adds", () => {
  const sidecar: IContainer = {
    name: "proxy",
    image: "registry.example/proxy",
    resources: { requests: { cpu: "10m" } },
  };

  test("containers before and beside, native sidecars, volumes, variables", () => {
    const native = { ...sidecar, name: "native", restartPolicy: "Always" };
    const volumes = [{ name: "cache", emptyDir: { sizeLimit: "64Mi" } }];
    const volumeMounts = [{ name: "cache", mountPath: "/cache" }];
    const extraEnv = [
      { name: "LOG_LEVEL", value: "debug" },
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "token" } } },
    ];
    const envFrom = [{ secretRef: { name: "more", optional: true } }];
    const values = { initContainers: [native], extraContainers: [sidecar], volumes, volumeMounts, extraEnv, envFrom };
    const spec = pod(values);
    expect(spec.initContainers).toEqual([native]);
    expect(spec.containers.map(({ name }) => name)).toEqual(["service", "proxy"]);
    expect(spec.volumes).toEqual(volumes);
    const [service] = spec.containers;
    expect(service?.volumeMounts).toEqual(volumeMounts);
    expect(service?.envFrom).toEqual(envFrom);
    expect(service?.env?.slice(-2)).toEqual(extraEnv);
  });

  test("a command of its own", () => {
    const [service] = pod({ command: ["/bin/app"], args: ["--port", "8080"] }).containers;
    expect(service).toMatchObject({ command: ["/bin/app"], args: ["--port", "8080"] });
  });
});

describe("what the program is told", () => {
  test("no variable twice, and its name from Kubernetes", () => {
    const env = serviceContainerOf(render({ values: { upstream: { url: "http://stock" } } }).objects).env ?? [];
    const names = env.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(env[0]).toEqual({ name: "REPLICA_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } });
  });

  test("role, upstream, faults, replica, ages and shedding, each from its value", () => {
    const values = {
      role: "stock",
      upstream: { url: "http://stock.shop" },
      faults: { enabled: true, acceptRisk: true },
      exposeReplica: true,
      connectionMaxAgeSeconds: 86_400,
      shedding: { above: 0.9, below: 0.5 },
      ports: { http: 9000, admin: 9001 },
    };
    expect(environmentOf(render({ values }).objects)).toMatchObject({
      SERVICE_ROLE: "stock",
      STOCK_URL: "http://stock.shop",
      FAULTS_ENABLED: "true",
      EXPOSE_REPLICA: "true",
      CONNECTION_MAX_AGE_SECONDS: "86400",
      SHED_ABOVE: "0.9",
      SHED_BELOW: "0.5",
      PORT: "9000",
      ADMIN_PORT: "9001",
    });
  });

  test("where traces go, with a Secret's headers, and how many", () => {
    const env = (telemetry: object) => serviceContainerOf(render({ values: { telemetry } }).objects).env ?? [];
    const endpoint = "https://traces.example.org";
    const all = env({ otlp: { endpoint, headersSecret: { name: "otlp" } }, traces: { sampleRatio: 1 } });
    expect(all).toEqual(
      expect.arrayContaining([
        { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: endpoint },
        { name: "OTEL_EXPORTER_OTLP_HEADERS", valueFrom: { secretKeyRef: { name: "otlp", key: "headers" } } },
        { name: "OTEL_TRACES_SAMPLER_ARG", value: "1" },
      ]),
    );
    const names = (variables: typeof all) =>
      variables.map(({ name }) => name).filter((name) => name.startsWith("OTEL"));
    expect(names(env({ otlp: { endpoint } }))).toEqual(["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER_ARG"]);
    // Headers for nobody are a Secret that the pod would wait for.
    expect(names(env({ otlp: { headersSecret: { name: "otlp" } } }))).toEqual(["OTEL_TRACES_SAMPLER_ARG"]);
    expect(env({})).toContainEqual({ name: "OTEL_TRACES_SAMPLER_ARG", value: "0.1" });
  });

  test("neither a role nor an upstream where none is set", () => {
    const environment = environmentOf(render({ values: { role: "" } }).objects);
    expect(environment).not.toHaveProperty("SERVICE_ROLE");
    expect(environment).not.toHaveProperty("STOCK_URL");
  });
});

describe("V8's heap", () => {
  const options = (values: object) => environmentOf(render({ values }).objects)["NODE_OPTIONS"];
  test("fits the memory limit, whatever unit that has", () => {
    expect(options({})).toBe("--max-old-space-size=153 --max-semi-space-size=4");
    const limit = (memory: string | number) =>
      options({ resources: { limits: { memory } }, heap: { semiSpaceMebibytes: null } });
    expect(limit("1Gi")).toBe("--max-old-space-size=614");
    expect(limit("512M")).toBe("--max-old-space-size=292");
    expect(limit(536_870_912)).toBe("--max-old-space-size=307");
  });
  test("is V8's own affair without a limit, and anybody's by value", () => {
    expect(options({ resources: { limits: { memory: null } } })).toBe("--max-semi-space-size=4");
    expect(options({ heap: { oldSpaceMebibytes: 100 }, nodeOptions: ["--enable-source-maps"] })).toBe(
      "--max-old-space-size=100 --max-semi-space-size=4 --enable-source-maps",
    );
  });
});
