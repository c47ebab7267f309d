/** Who says how many replicas there are: exactly one of the chart, an HPA, KEDA or somebody else. */
import { describe, expect, test } from "vitest";

import { allOfKind, onlyOfKind, render } from "./render.ts";
import { podOf } from "./pod.ts";

const mode = (name: string, more: object = {}) => render({ values: { autoscaling: { mode: name, ...more } } }).objects;

describe("the number of replicas", () => {
  test("is the chart's in mode none only", () => {
    expect(onlyOfKind(mode("none"), "Deployment").spec?.replicas).toBe(3);
    for (const name of ["hpa", "keda", "external"]) {
      for (const isUpgrade of [false, true]) {
        const { objects } = render({ values: { replicas: 5, autoscaling: { mode: name } }, isUpgrade });
        expect(onlyOfKind(objects, "Deployment").spec).not.toHaveProperty("replicas");
      }
    }
  });

  test("has one scaler at most", () => {
    const scalers = (name: string) => [
      allOfKind(mode(name), "HorizontalPodAutoscaler").length,
      allOfKind(mode(name), "ScaledObject").length,
    ];
    expect([scalers("none"), scalers("hpa"), scalers("keda"), scalers("external")]).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
      [0, 0],
    ]);
  });
});

describe("hpa", () => {
  const spec = (more: object = {}) => onlyOfKind(mode("hpa", more), "HorizontalPodAutoscaler").spec;

  test("scales the Deployment on CPU, both ways at a pace", () => {
    expect(spec()).toMatchObject({
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "catalogue" },
      minReplicas: 3,
      maxReplicas: 9,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
      ],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0 },
        scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: "Pods", value: 1, periodSeconds: 60 }] },
      },
    });
  });

  test("reads the service's own metric where custom.metrics.k8s.io has it, and CPU second", () => {
    const metrics = spec({ hpa: { podsMetric: "requests_per_second" }, requestsPerSecond: { target: 25 } })?.metrics;
    expect(metrics?.map(({ type }) => type)).toEqual(["Pods", "Resource"]);
    expect(metrics?.[0]?.pods).toEqual({
      metric: { name: "requests_per_second" },
      target: { type: "AverageValue", averageValue: "25" },
    });
  });

  test("takes every type of metric that Kubernetes has", () => {
    const target = { type: "AverageValue", averageValue: "5" };
    const utilization = { type: "Utilization", averageUtilization: 60 };
    const metrics = [
      { type: "Pods", pods: { metric: { name: "a" }, target } },
      { type: "Object", object: { metric: { name: "a" }, target, describedObject: { kind: "Service", name: "b" } } },
      { type: "External", external: { metric: { name: "a", selector: { matchLabels: { b: "c" } } }, target } },
      { type: "Resource", resource: { name: "memory", target: utilization } },
      { type: "ContainerResource", containerResource: { name: "cpu", container: "service", target: utilization } },
    ];
    expect(spec({ cpu: { targetUtilization: null }, hpa: { metrics } })?.metrics).toEqual(metrics);
  });
});

describe("keda", () => {
  const scaledObject = (more: object = {}) => onlyOfKind(mode("keda", more), "ScaledObject").spec;

  test("asks Prometheus for what is offered, served or shed, and CPU second", () => {
    const { triggers } = scaledObject();
    expect(triggers).toEqual([
      {
        type: "prometheus",
        name: "offered-requests",
        metricType: "AverageValue",
        metadata: {
          serverAddress: "http://prometheus.monitoring:9090",
          query: `sum(rate(http_server_request_duration_seconds_count{namespace="holdfast",pod=~"catalogue-[a-z0-9]{1,10}-[a-z0-9]{5}"}[30s]))`,
          threshold: "20",
          ignoreNullValues: "false",
        },
      },
      { type: "cpu", name: "cpu", metricType: "Utilization", metadata: { value: "70" } },
    ]);
  });

  test("counts the pods of its own Deployment, whatever it is called", () => {
    const pattern = (release: string) => {
      const { objects } = render({ release, values: { autoscaling: { mode: "keda" } } });
      const [, text = ""] = /pod=~\\\\\\"([^"\\]+)/.exec(JSON.stringify(JSON.stringify(objects))) ?? [];
      return new RegExp(`^(?:${text})$`);
    };
    expect(pattern("shop")).toEqual(/^(?:shop-[a-z0-9]{1,10}-[a-z0-9]{5})$/);
    expect("shop-5969c96cd9-77sml").toMatch(pattern("shop"));
    expect("shop-b-5969c96cd9-77sml").not.toMatch(pattern("shop"));
    // The pod of `helm test`, and one of a Job that is called shop-nightly.
    expect("shop-test-answers").not.toMatch(pattern("shop"));
    expect("shop-nightly-report-77sml").not.toMatch(pattern("shop"));
    const long = `a${"b".repeat(51)}c`;
    // Kubernetes cuts the generated part of a pod's name at 58 characters and adds five.
    expect(`${`${long}-5969c96cd9-`.slice(0, 58)}77sml`).toMatch(pattern(long));
  });

  test("never scales in for want of an answer", () => {
    expect(scaledObject()["fallback"]).toEqual({
      failureThreshold: 3,
      replicas: 3,
      behavior: "currentReplicasIfHigher",
    });
    expect(scaledObject({ minReplicas: 2 })["fallback"]).toMatchObject({ replicas: 2 });
    expect(scaledObject({ keda: { fallback: { replicas: 6 } } })["fallback"]).toMatchObject({ replicas: 6 });
  });

  test("goes both ways at a pace, one replica at a time downwards", () => {
    expect(scaledObject()).toMatchObject({
      minReplicaCount: 3,
      maxReplicaCount: 9,
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: { scaleUp: {}, scaleDown: { policies: [{ type: "Pods", value: 1, periodSeconds: 60 }] } },
        },
      },
    });
  });

  test("takes another query, more triggers, and who asks", () => {
    const trigger = {
      type: "cron",
      metadata: { timezone: "Etc/UTC", start: "0 8 * * *", end: "0 20 * * *", desiredReplicas: "5" },
    };
    const { triggers } = scaledObject({
      cpu: { targetUtilization: null },
      keda: {
        prometheus: {
          query: "sum(up)",
          metadata: { namespace: "shop", unsafeSsl: "true" },
          authenticationRef: { name: "prometheus", kind: "ClusterTriggerAuthentication" },
        },
        triggers: [trigger],
      },
    });
    expect(triggers).toMatchObject([
      {
        metadata: { query: "sum(up)", namespace: "shop", unsafeSsl: "true", ignoreNullValues: "false" },
        authenticationRef: { name: "prometheus", kind: "ClusterTriggerAuthentication" },
      },
      trigger,
    ]);
  });
});

describe("profiles", () => {
  test("ha and workshop are scaled by KEDA, the others by nobody", () => {
    const scaler = (profile?: "dev" | "ha" | "workshop") => {
      const { objects } = render(profile === undefined ? {} : { profile });
      const [spec] = allOfKind(objects, "ScaledObject").map((object) => object.spec);
      return spec && [spec["minReplicaCount"], spec["maxReplicaCount"]];
    };
    expect([scaler(), scaler("dev"), scaler("ha"), scaler("workshop")]).toEqual([
      undefined,
      undefined,
      [3, 12],
      [3, 7],
    ]);
  });

  const behaviorOf = (profile: "ha" | "workshop") => {
    const { objects } = render({ profile, values: { autoscaling: { mode: "hpa" } } });
    return onlyOfKind(objects, "HorizontalPodAutoscaler").spec?.behavior?.scaleDown;
  };
  test("ha waits 300 s before it scales in; the workshop 15 s, one pod per 15 s", () => {
    expect(behaviorOf("ha")).toMatchObject({ stabilizationWindowSeconds: 300, policies: [{ type: "Pods", value: 1 }] });
    expect(behaviorOf("workshop")).toMatchObject({
      stabilizationWindowSeconds: 15,
      policies: [{ type: "Pods", value: 1, periodSeconds: 15 }],
    });
  });
});

test("what needs CRDs is rendered where it is asked for, whatever the cluster has", () => {
  const { objects } = render({ values: { autoscaling: { mode: "keda" }, metrics: { podMonitor: { enabled: true } } } });
  expect(onlyOfKind(objects, "ScaledObject").apiVersion).toBe("keda.sh/v1alpha1");
  const monitor = onlyOfKind(objects, "PodMonitor");
  expect(monitor.spec).toMatchObject({
    selector: { matchLabels: onlyOfKind(objects, "Deployment").spec?.selector.matchLabels },
    podMetricsEndpoints: [{ port: "admin", path: "/metrics", interval: "5s" }],
  });
  expect(podOf(objects).containers[0]?.ports).toContainEqual({ name: "admin", containerPort: 8081 });
});

test("pods say where Prometheus scrapes, unless a PodMonitor does", () => {
  const annotations = (values: object) =>
    onlyOfKind(render({ values }).objects, "Deployment").spec?.template.metadata?.annotations;
  const other = { "holdfast/log-shipping": "node" };
  const scrape = { "prometheus.io/scrape": "true", "prometheus.io/port": "8081", "prometheus.io/path": "/metrics" };
  expect(annotations({})).toEqual({ ...scrape, ...other });
  expect(annotations({ podAnnotations: { team: "blue" } })).toEqual({ ...scrape, ...other, team: "blue" });
  expect(annotations({ metrics: { podAnnotations: false } })).toEqual(other);
  expect(annotations({ metrics: { podMonitor: { enabled: true } } })).toEqual(other);
});
