/** The one shutdown budget: what the pod gets and what the program is told are the same numbers. */
import { describe, expect, test } from "vitest";

import { render, type KubernetesObject } from "./render.ts";
import { environmentOf, podOf, serviceContainerOf } from "./pod.ts";

describe("the budget", () => {
  test("is the sum of its parts, and the program gets each of them", () => {
    const { objects } = render();
    // 5 preStop + 2 announce + 10 drain + 2 close + 2 flush + 5 margin.
    expect(podOf(objects).terminationGracePeriodSeconds).toBe(26);
    const container = serviceContainerOf(objects);
    expect(container.lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
    expect(environmentOf(objects)).toMatchObject({
      DRAIN_ENABLED: "true",
      LAG_SECONDS: "0",
      ANNOUNCE_SECONDS: "2",
      DRAIN_SECONDS: "10",
      CLOSE_SECONDS: "2",
      FLUSH_SECONDS: "2",
      LONGEST_REQUEST_SECONDS: "10",
      // Readiness period 5 s x threshold 2 + 2 s.
      CRASH_LAG_SECONDS: "12",
    });
  });

  test("grows with each part, rounds up, and may be longer than it must", () => {
    const grace = (shutdown: object) => podOf(render({ values: { shutdown } }).objects).terminationGracePeriodSeconds;
    expect(grace({ preStopSeconds: 15 })).toBe(36);
    expect(grace({ announceSeconds: 3, drainSeconds: 11, closeSeconds: 3, flushSeconds: 3, marginSeconds: 6 })).toBe(
      31,
    );
    expect(grace({ announceSeconds: 2.5 })).toBe(27);
    expect(grace({ sidecarSeconds: 4 })).toBe(30);
    expect(grace({ graceSeconds: 120 })).toBe(120);
  });

  test("has room for the last lines of a pod with a log shipper, and for that one's own end", () => {
    const logShipping = { mode: "sidecar", sidecar: { endpoint: "http://store/v1/logs", shipSeconds: 3 } };
    const grace = (values: object) => podOf(render({ values }).objects).terminationGracePeriodSeconds;
    expect(grace({ logShipping })).toBe(29);
    expect(grace({ logShipping, shutdown: { sidecarSeconds: 2 } })).toBe(31);
    expect(grace({ logShipping: { ...logShipping, mode: "node" } })).toBe(26);
  });

  test("fractions reach the program as they are", () => {
    const { objects } = render({ values: { shutdown: { announceSeconds: 2.5 }, longestRequestSeconds: 0.5 } });
    expect(environmentOf(objects)).toMatchObject({ ANNOUNCE_SECONDS: "2.5", LONGEST_REQUEST_SECONDS: "0.5" });
  });
});

test("a preStop of 0 is no hook", () => {
  const { objects } = render({ values: { shutdown: { preStopSeconds: 0 } } });
  expect(serviceContainerOf(objects).lifecycle).toBeUndefined();
  expect(podOf(objects).terminationGracePeriodSeconds).toBe(21);
  expect(environmentOf(objects)["LAG_SECONDS"]).toBe("0");
});

test("the control of the tests: no hook, no drain, and nothing else differs", () => {
  const { objects } = render({ values: { shutdown: { enabled: false, acceptLoss: true } } });
  expect(serviceContainerOf(objects).lifecycle).toBeUndefined();
  expect(environmentOf(objects)["DRAIN_ENABLED"]).toBe("false");
  const protectedTwin = render().objects;
  expect(withoutShutdown(objects)).toEqual(withoutShutdown(protectedTwin));
  expect(objects).not.toEqual(protectedTwin);

  /** Everything but the hook, the one variable, and the times that contain the hook. */
  function withoutShutdown(objects: readonly KubernetesObject[]): unknown {
    const text = JSON.stringify(objects, (key, value: unknown) => {
      const isVariable =
        typeof value === "object" && value !== null && "name" in value && value.name === "DRAIN_ENABLED";
      return key === "lifecycle" || key === "terminationGracePeriodSeconds" || isVariable ? null : value;
    });
    return JSON.parse(text.replaceAll('"lifecycle":null,', ""));
  }
});

test("what liveness kills gets the hook and 5 s, since it cannot drain", () => {
  const grace = (preStopSeconds: number) => {
    const { objects } = render({ values: { shutdown: { preStopSeconds } } });
    return serviceContainerOf(objects).livenessProbe?.terminationGracePeriodSeconds;
  };
  expect(grace(5)).toBe(10);
  expect(grace(12)).toBe(17);
  expect(grace(0)).toBe(5);
});

test("probes ask three paths of the admin port by HTTP", () => {
  const { startupProbe, readinessProbe, livenessProbe } = serviceContainerOf(render().objects);
  const paths = [startupProbe, readinessProbe, livenessProbe].map((probe) => probe?.httpGet);
  expect(paths).toEqual(["/startupz", "/readyz", "/livez"].map((path) => ({ path, port: "admin" })));
});

describe("containers beside the service", () => {
  const sidecar = { name: "proxy", image: "registry.example/proxy" };
  const lifecycleOf = (container: object, shutdown: object = {}) => {
    const { objects } = render({ values: { shutdown, extraContainers: [{ ...sidecar, ...container }] } });
    return podOf(objects).containers.at(-1)?.lifecycle;
  };
  test("sleep as long as it does, or they would end while clients still come", () => {
    expect(lifecycleOf({})).toEqual({ preStop: { sleep: { seconds: 5 } } });
    const postStart = { exec: { command: ["/bin/warm"] } };
    expect(lifecycleOf({ lifecycle: { postStart } })).toEqual({ postStart, preStop: { sleep: { seconds: 5 } } });
  });
  test("keep a hook of their own, and have none where the service has none", () => {
    const lifecycle = { preStop: { exec: { command: ["/bin/leave"] } } };
    expect(lifecycleOf({ lifecycle })).toEqual(lifecycle);
    expect(lifecycleOf({}, { preStopSeconds: 0 })).toBeUndefined();
    expect(lifecycleOf({}, { enabled: false, acceptLoss: true })).toBeUndefined();
  });
});

test("what a drain waits after a crash is what Kubernetes needs to notice, and never more than the program takes", () => {
  const lag = (periodSeconds: number, failureThreshold: number) => {
    const { objects } = render({ values: { probes: { readiness: { periodSeconds, failureThreshold } } } });
    return environmentOf(objects)["CRASH_LAG_SECONDS"];
  };
  expect([lag(10, 3), lag(299, 2), lag(300, 2), lag(600, 60)]).toEqual(["32", "600", "600", "600"]);
});
