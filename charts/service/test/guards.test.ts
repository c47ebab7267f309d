/** Each guard both ways: values that are refused with its sentence, and the nearest ones that are not. */
import { readFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { chart, runHelm } from "./helm.ts";
import { render } from "./render.ts";

interface Guard {
  /** Values -> words of the sentence: what is wrong, and what to set. */
  refused: [values: object, ...words: string[]][];
  accepted: readonly object[];
}

const hpa = (more: object) => ({ autoscaling: { mode: "hpa", ...more } });
const keda = (more: object) => ({ autoscaling: { mode: "keda", ...more } });
const noRequests = { name: "proxy", image: "registry.example/proxy" };
const cpuOnly = { ...noRequests, resources: { requests: { cpu: "10m" } } };
const memoryMetric = {
  type: "Resource",
  resource: { name: "memory", target: { type: "Utilization", averageUtilization: 80 } },
};

const guards: Record<string, Guard> = {
  "no image": {
    refused: [[{ image: { repository: "" } }, "image.repository is not set", "npm run image", "npm run up"]],
    accepted: [{}],
  },
  "a name that no Service may have": {
    refused: [],
    accepted: [{ fullnameOverride: "shop-catalogue" }],
  },
  "labels that select the pods": {
    refused: [
      [{ podLabels: { "app.kubernetes.io/name": "shop" } }, "podLabels sets app.kubernetes.io/name", "nameOverride"],
      [{ commonLabels: { "app.kubernetes.io/instance": "x" } }, "commonLabels sets app.kubernetes.io/instance"],
    ],
    accepted: [{ podLabels: { "app.kubernetes.io/part-of": "shop" }, commonLabels: { team: "blue" } }],
  },
  "a variable that the chart sets": {
    refused: [
      [{ extraEnv: [{ name: "DRAIN_SECONDS", value: "1" }] }, "extraEnv sets DRAIN_SECONDS"],
      [{ extraEnv: [{ name: "FAULTS_ENABLED", value: "true" }] }, "extraEnv sets FAULTS_ENABLED"],
      [{ extraEnv: [{ name: "NODE_OPTIONS", value: "--inspect" }] }, "extraEnv sets NODE_OPTIONS"],
      [{ extraEnv: [{ name: "STOCK_URL", value: "http://stock" }] }, "extraEnv sets STOCK_URL"],
    ],
    accepted: [{ extraEnv: [{ name: "FAULT_SLOW_START_SECONDS", value: "5" }] }],
  },
  "a node port without a type that has one": {
    refused: [[{ service: { nodePort: 30080 } }, "service.nodePort is 30080", "service.type=NodePort"]],
    accepted: [{ service: { type: "NodePort", nodePort: 30080 } }, { service: { type: "NodePort" } }],
  },
  "ports that are one, or not there": {
    refused: [
      [{ ports: { http: 8080, admin: 8080 } }, "are both 8080", "Give each its own"],
      [{ ports: { admin: null } }, "probes.liveness.port, probes.readiness.port, probes.startup.port, metrics.port"],
    ],
    accepted: [
      {
        ports: { admin: null },
        probes: { startup: { port: "http" }, readiness: { port: "http" }, liveness: { port: "http" } },
        metrics: { port: "http" },
      },
    ],
  },
  "one path for liveness and readiness": {
    refused: [[{ probes: { liveness: { path: "/readyz" } } }, "both ask /readyz", "would be killed"]],
    accepted: [{ probes: { liveness: { path: "/healthz" } } }],
  },
  "a grace period that is too short": {
    refused: [
      [{ shutdown: { graceSeconds: 25 } }, "is 25, but preStop 5 + announce 2 + drain 10", "need 26", "Set it to 26"],
      [{ shutdown: { graceSeconds: 30, drainSeconds: 15 } }, "shutdown.graceSeconds is 30", "need 31"],
    ],
    accepted: [{ shutdown: { graceSeconds: 26 } }, { shutdown: { graceSeconds: 25, enabled: false } }],
  },
  "a drain shorter than the longest request": {
    refused: [
      [{ shutdown: { drainSeconds: 9.5 } }, "shutdown.drainSeconds is 9.5", "longestRequestSeconds = 10"],
      [{ longestRequestSeconds: 30 }, "Set shutdown.drainSeconds to at least 30"],
    ],
    accepted: [{ longestRequestSeconds: 30, shutdown: { drainSeconds: 30 } }],
  },
  "shedding without a gap": {
    refused: [[{ shedding: { above: 0.8 } }, "shedding.below is 0.8 and shedding.above is 0.8"]],
    accepted: [{ shedding: { above: 0.81 } }],
  },
  "faults without the explicit yes": {
    refused: [[{ faults: { enabled: true } }, "faults.enabled is true", "faults.acceptRisk=true"]],
    accepted: [{ faults: { enabled: true, acceptRisk: true } }, { faults: { acceptRisk: true } }],
  },
  "a heap that does not fit its limit": {
    refused: [[{ heap: { oldSpaceMebibytes: 205 } }, "heap.oldSpaceMebibytes is 205", "(256 MiB)", "at most 204"]],
    accepted: [
      { heap: { oldSpaceMebibytes: 204 } },
      { heap: { oldSpaceMebibytes: 900 }, resources: { limits: { memory: "2Gi" } } },
    ],
  },
  "a rollout that cannot begin": {
    refused: [
      [{ rollout: { maxSurge: 0 } }, "are both 0", "rollout.maxSurge=1"],
      [{ rollout: { maxSurge: "0%", maxUnavailable: "0%" } }, "are both 0"],
    ],
    accepted: [{ rollout: { maxSurge: 0, maxUnavailable: 1 } }, { rollout: { maxSurge: "25%" } }],
  },
  "a deadline shorter than a start": {
    refused: [[{ rollout: { progressDeadlineSeconds: 65 } }, "is 65", "may take 60 s to start", "above 65"]],
    accepted: [{ rollout: { progressDeadlineSeconds: 66 } }],
  },
  "hard host anti-affinity with surge": {
    refused: [
      [{ antiAffinity: { host: "hard" } }, "spread.nodes is not set", "at least 4", "spread.host=hard"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 3 } }, "need 4 nodes and spread.nodes says 3"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 3 }, rollout: { maxSurge: "34%" } }, "need 5 nodes"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 9 }, ...hpa({}) }, "up to 9 replicas", "need 10 nodes"],
    ],
    accepted: [
      { antiAffinity: { host: "hard" }, spread: { nodes: 4 } },
      { antiAffinity: { host: "hard" }, rollout: { maxSurge: 0, maxUnavailable: 1 } },
      { antiAffinity: { host: "soft" } },
      { spread: { host: "hard" } },
    ],
  },
  "an upstream that is not named": {
    refused: [[{ upstreamAffinity: { mode: "soft" } }, "upstreamAffinity.release does not say near whom"]],
    accepted: [{ upstreamAffinity: { mode: "soft", release: "stock" } }],
  },
  "a PDB that blocks": {
    refused: [
      [{ pdb: { maxUnavailable: 0 } }, "pdb.maxUnavailable is 0", "every node drain", "Set it to 1"],
      [{ pdb: { maxUnavailable: "0%" } }, "pdb.maxUnavailable is 0%"],
    ],
    accepted: [{ pdb: { maxUnavailable: 0, enabled: false } }, { pdb: { maxUnavailable: "10%" } }],
  },
  "a PDB that takes all": {
    refused: [
      [{ pdb: { maxUnavailable: 3 } }, "pdb.maxUnavailable is 3", "only 3 replicas"],
      [{ pdb: { maxUnavailable: "100%" } }, "pdb.maxUnavailable is 100%"],
      [{ pdb: { maxUnavailable: 2 }, ...keda({ minReplicas: 2 }) }, "only 2 replicas"],
    ],
    accepted: [{ pdb: { maxUnavailable: 2 } }, { replicas: 1 }],
  },
  "min above max": {
    refused: [
      [hpa({ minReplicas: 4, maxReplicas: 3 }), "autoscaling.minReplicas is 4 and autoscaling.maxReplicas is 3"],
      [keda({ minReplicas: 4, maxReplicas: 3 }), "autoscaling.minReplicas is 4"],
    ],
    accepted: [hpa({ minReplicas: 3, maxReplicas: 3 }), { autoscaling: { minReplicas: 4, maxReplicas: 3 } }],
  },
  "keda with fewer than two": {
    refused: [[keda({ minReplicas: 1 }), "autoscaling.minReplicas is 1 in mode keda", "at least 2"]],
    accepted: [keda({ minReplicas: 2 }), hpa({ minReplicas: 1 })],
  },
  "two scalers": {
    refused: [
      [keda({ hpa: { podsMetric: "requests_per_second" } }), "mode is keda", "autoscaling.mode=hpa"],
      [keda({ hpa: { metrics: [memoryMetric] } }), "mode is keda", "autoscaling.keda.triggers"],
      [hpa({ keda: { triggers: [{ type: "cron", metadata: {} }] } }), "mode is hpa", "autoscaling.mode=keda"],
      [{ autoscaling: { mode: "external", hpa: { metrics: [memoryMetric] } } }, "mode is external"],
    ],
    accepted: [
      keda({ keda: { triggers: [{ type: "cron", metadata: {} }] } }),
      hpa({ hpa: { podsMetric: "requests_per_second", metrics: [memoryMetric] } }),
    ],
  },
  "nothing to scale on": {
    refused: [[hpa({ cpu: { targetUtilization: null } }), "nothing to scale on", "autoscaling.hpa.podsMetric"]],
    accepted: [
      hpa({ cpu: { targetUtilization: null }, hpa: { podsMetric: "requests_per_second" } }),
      keda({ cpu: { targetUtilization: null } }),
    ],
  },
  "utilisation with a container that requests nothing": {
    refused: [
      [{ ...hpa({}), extraContainers: [noRequests] }, 'container "proxy" requests no cpu', "never scale"],
      [{ ...keda({}), extraContainers: [noRequests] }, 'container "proxy" requests no cpu'],
      [{ ...hpa({}), initContainers: [{ ...noRequests, restartPolicy: "Always" }] }, 'container "proxy"'],
      [{ ...hpa({}), resources: { requests: { cpu: null } } }, 'container "service" requests no cpu'],
      [{ ...hpa({ hpa: { metrics: [memoryMetric] } }), extraContainers: [cpuOnly] }, "requests no memory"],
      [
        {
          ...keda({ keda: { triggers: [{ type: "memory", metricType: "Utilization", metadata: { value: "80" } }] } }),
          extraContainers: [cpuOnly],
        },
        "requests no memory",
      ],
    ],
    accepted: [
      { ...hpa({}), extraContainers: [cpuOnly] },
      { ...hpa({}), extraContainers: [{ ...noRequests, resources: { limits: { cpu: 1 } } }] },
      { ...hpa({}), initContainers: [noRequests] },
      { ...keda({ cpu: { targetUtilization: null } }), extraContainers: [noRequests] },
      { extraContainers: [noRequests] },
    ],
  },
  "a window of too few scrapes": {
    refused: [
      [
        { ...keda({}), metrics: { podMonitor: { enabled: true, interval: "15s" } } },
        "windowSeconds is 30, but metrics.podMonitor.interval is 15s",
        "at least 60",
      ],
      [{ ...keda({}), metrics: { podMonitor: { enabled: true, interval: "1m" } } }, "at least 240"],
    ],
    accepted: [
      { ...keda({}), metrics: { podMonitor: { enabled: true, interval: "5s" } } },
      {
        ...keda({ keda: { prometheus: { query: "up" } } }),
        metrics: { podMonitor: { enabled: true, interval: "1m" } },
      },
    ],
  },
};

describe.each(Object.entries(guards))("%s", (_name, { refused, accepted }) => {
  test.each(refused)("is refused: %j", (values, ...words) => {
    const { status, error } = render({ values });
    expect(status).not.toBe(0);
    for (const word of words) expect(error).toContain(word);
    expect(error.split("\n")).toHaveLength(1);
  });
  test.each(accepted)("is not seen in %j", (values) => {
    expect(render({ values }).error).toBe("");
  });
});

test("a release's name that no Service may have is refused", () => {
  expect(render({ release: "2024-catalogue" }).error).toMatch(
    /"2024-catalogue" cannot name a Service.*fullnameOverride/,
  );
  expect(render({ release: "shop.catalogue" }).error).toContain('"shop.catalogue" cannot name a Service');
  expect(render({ release: "2024-catalogue", values: { fullnameOverride: "catalogue" } }).error).toBe("");
});

test("all that is wrong is said at once", () => {
  const { error } = render({
    values: { faults: { enabled: true }, pdb: { maxUnavailable: 0 }, longestRequestSeconds: 20 },
  });
  expect(error.split("\n")).toHaveLength(3);
});

test("without any values helm says how to get an image", () => {
  const { status, stderr } = runHelm(["template", "catalogue", chart]);
  expect(status).not.toBe(0);
  expect(stderr).toContain("image.repository is not set");
});

test("every guard is on the list that is asked, and has its test here", async () => {
  const source = await readFile(`${chart}/templates/_guards.tpl`, "utf8");
  const defined = [...source.matchAll(/define "service\.guard\.(\w+)"/g)].map(([, name]) => name);
  const [, list = ""] = /\$names := list ([^}]*?)-}}/s.exec(source) ?? [];
  const asked = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  expect(asked).toEqual(defined);
  // replicasKept needs a live release: `npm run e2e` has its test.
  expect(Object.keys(guards)).toHaveLength(defined.length - 1);
});
