/** For each guard values that are refused with its sentence, and the nearest ones that are not. */

interface Guard {
  /** Values -> words of the sentence: what is wrong, and what to set. */
  refused: [values: object, ...words: string[]][];
  accepted: readonly object[];
}

const hpa = (more: object) => ({ autoscaling: { mode: "hpa", ...more } });
const keda = (more: object) => ({ autoscaling: { mode: "keda", ...more } });
const external = { autoscaling: { mode: "external" } };
const upstream = { upstream: { url: "http://stock" } };
const attempt = (ms: string) => ({ extraEnv: [{ name: "STOCK_ATTEMPT_TIMEOUT_MS", value: ms }] });
const slowStart = (seconds: string) => ({ extraEnv: [{ name: "FAULT_SLOW_START_SECONDS", value: seconds }] });
const noRequests = { name: "proxy", image: "registry.example/proxy" };
const cpuOnly = { ...noRequests, resources: { requests: { cpu: "10m" } } };
const memoryMetric = {
  type: "Resource",
  resource: { name: "memory", target: { type: "Utilization", averageUtilization: 80 } },
};

const memoryShare = { type: "Utilization", averageUtilization: 80 };
const noMemory = { requests: { memory: null }, limits: { memory: null } };
/** The memory of one container, and of nothing else. */
const ofContainer = (container: string, target: object) =>
  hpa({
    cpu: { targetUtilization: null },
    hpa: { metrics: [{ type: "ContainerResource", containerResource: { name: "memory", container, target } }] },
  });
/** The CPU of one container, and of nothing else. */
const cpuOf = (containerName: string) =>
  keda({
    cpu: { targetUtilization: null },
    keda: { triggers: [{ type: "cpu", metricType: "Utilization", metadata: { value: "70", containerName } }] },
  });

const destination = "http://store.monitoring:9428/insert/opentelemetry/v1/logs";
/** Mode sidecar as it works, and with more. */
const shipping = (more: object = {}) => ({
  logShipping: { mode: "sidecar", sidecar: { endpoint: destination, ...more } },
});
/** Mode none with the numbers of {@link shipping}, which nothing reads there. */
const unread = (more: object) => ({ logShipping: { mode: "none", sidecar: { endpoint: destination, ...more } } });
const everyMinute = { metrics: { podMonitor: { enabled: true, interval: "1m" } } };
const variable = (name: string) => ({ extraEnv: [{ name, value: "1" }] });

export const guards: Record<string, Guard> = {
  "no image": {
    refused: [[{ image: { repository: "" } }, "image.repository is not set", "image.tag", "npm run up"]],
    accepted: [{}],
  },
  "an image's name with more in it": {
    refused: [
      [{ image: { repository: "registry.example/shop:1.2" } }, '"registry.example/shop:1.2"', "image.tag"],
      [{ image: { repository: "registry.example/shop@sha256:ab" } }, "image.digest"],
      [{ image: { repository: "registry.example/my shop" } }, "no node could pull it"],
      [{ image: { repository: "https://registry.example/shop" } }, "Write registry/name there"],
    ],
    accepted: [{ image: { repository: "localhost:5001/holdfast/my-service__x" } }, { image: { repository: "nginx" } }],
  },
  "a name that no Service may have": {
    refused: [],
    accepted: [{ fullnameOverride: "shop-catalogue" }],
  },
  "two containers of one name": {
    refused: [
      [{ extraContainers: [{ ...cpuOnly, name: "service" }] }, "name service twice", "a name of its own"],
      [{ extraContainers: [cpuOnly], initContainers: [cpuOnly] }, "name proxy twice"],
      [{ ...shipping(), extraContainers: [{ ...cpuOnly, name: "log-shipper" }] }, "log-shipper twice", '"log-shipper"'],
    ],
    accepted: [
      { extraContainers: [cpuOnly], initContainers: [{ ...cpuOnly, name: "setup" }] },
      { extraContainers: [{ ...cpuOnly, name: "log-shipper" }] },
    ],
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
      [variable("LOG_FILE_DIR"), "extraEnv sets LOG_FILE_DIR"],
      [variable("LOG_FILE_MAX_BYTES"), "extraEnv sets LOG_FILE_MAX_BYTES"],
      [variable("LOG_FILES"), "extraEnv sets LOG_FILES"],
      [variable("SHIP_SECONDS"), "extraEnv sets SHIP_SECONDS"],
      [variable("OTEL_EXPORTER_OTLP_ENDPOINT"), "extraEnv sets OTEL_EXPORTER_OTLP_ENDPOINT"],
      [variable("OTEL_EXPORTER_OTLP_HEADERS"), "extraEnv sets OTEL_EXPORTER_OTLP_HEADERS"],
      [variable("OTEL_TRACES_SAMPLER_ARG"), "extraEnv sets OTEL_TRACES_SAMPLER_ARG"],
    ],
    accepted: [{ extraEnv: [{ name: "LOG_LEVEL", value: "debug" }] }],
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
      [{ shutdown: { graceSeconds: 26, sidecarSeconds: 3 } }, "flush 2 + sidecar 3 + margin 5 need 29"],
      [{ ...shipping(), shutdown: { graceSeconds: 27 } }, "flush 2 + ship 2 + sidecar 0 + margin 5 need 28"],
    ],
    accepted: [
      { shutdown: { graceSeconds: 26 } },
      { shutdown: { graceSeconds: 29, sidecarSeconds: 3 } },
      { ...shipping(), shutdown: { graceSeconds: 28 } },
      { shutdown: { graceSeconds: 25, enabled: false, acceptLoss: true } },
    ],
  },
  "a drain shorter than the longest request": {
    refused: [
      [{ shutdown: { drainSeconds: 9.5 } }, "shutdown.drainSeconds is 9.5", "longestRequestSeconds = 10"],
      [{ longestRequestSeconds: 30 }, "Set shutdown.drainSeconds to at least 30"],
    ],
    accepted: [{ longestRequestSeconds: 30, shutdown: { drainSeconds: 30 } }],
  },
  "loss without the explicit yes": {
    refused: [[{ shutdown: { enabled: false } }, "shutdown.enabled is false", "shutdown.acceptLoss=true"]],
    accepted: [{ shutdown: { enabled: false, acceptLoss: true } }, { shutdown: { acceptLoss: true } }],
  },
  "an attempt as long as a request": {
    refused: [
      [{ ...upstream, longestRequestSeconds: 0.5 }, "longestRequestSeconds is 0.5", "500 ms", "above 0.5"],
      [{ ...upstream, ...attempt("10000") }, "longestRequestSeconds is 10", "in extraEnv below 10000"],
    ],
    accepted: [
      { ...upstream, longestRequestSeconds: 0.51 },
      { ...upstream, longestRequestSeconds: 0.5, ...attempt("499") },
      { ...upstream, role: "", longestRequestSeconds: 0.5 },
      { longestRequestSeconds: 0.05 },
    ],
  },
  "shedding without a gap": {
    refused: [[{ shedding: { above: 0.8 } }, "shedding.below is 0.8 and shedding.above is 0.8"]],
    accepted: [{ shedding: { above: 0.81 } }],
  },
  "faults without the explicit yes": {
    refused: [
      [{ faults: { enabled: true } }, "faults.enabled is true", "faults.acceptRisk=true"],
      [slowStart("5"), "FAULT_SLOW_START_SECONDS to 5", "faults.enabled is false", "refuses to start"],
    ],
    accepted: [
      { faults: { enabled: true, acceptRisk: true } },
      { faults: { acceptRisk: true } },
      { faults: { enabled: true, acceptRisk: true }, ...slowStart("5") },
      slowStart("0"),
    ],
  },
  "a heap that does not fit its limit": {
    refused: [[{ heap: { oldSpaceMebibytes: 205 } }, "heap.oldSpaceMebibytes is 205", "(256 MiB)", "at most 204"]],
    accepted: [
      { heap: { oldSpaceMebibytes: 204 } },
      { heap: { oldSpaceMebibytes: 900 }, resources: { limits: { memory: "2Gi" } } },
    ],
  },
  "a heap that no guard sees": {
    refused: [
      [{ nodeOptions: ["--max-old-space-size=900"] }, "--max-old-space-size=900", "Set heap.oldSpaceMebibytes or"],
      [{ nodeOptions: ["--max_old_space_size=900"] }, "nodeOptions has --max_old_space_size=900"],
      [{ nodeOptions: ["--max-old-space-size-percentage=95"] }, "heap.oldSpaceRatio"],
      [{ nodeOptions: ["--max-heap-size=900"] }, "--max-heap-size=900"],
      [{ nodeOptions: ["--max-semi-space-size=64"] }, "Set heap.semiSpaceMebibytes instead"],
    ],
    accepted: [{ nodeOptions: ["--max-http-header-size=8192", "--heapsnapshot-signal=SIGUSR2"] }],
  },
  "a rollout that cannot begin": {
    refused: [
      [{ rollout: { maxSurge: 0 } }, "are both 0", "rollout.maxSurge=1"],
      [{ rollout: { maxSurge: "0%", maxUnavailable: "0%" } }, "are both 0"],
    ],
    accepted: [{ rollout: { maxSurge: 0, maxUnavailable: 1 } }, { rollout: { maxSurge: "25%" } }],
  },
  "a deadline shorter than a start": {
    refused: [
      [{ rollout: { progressDeadlineSeconds: 65 } }, "is 65", "may take 60 s to start", "above 65"],
      [{ ...shipping(), rollout: { progressDeadlineSeconds: 125 } }, "120 s to start (probes.startup, after 60 s for"],
    ],
    accepted: [
      { rollout: { progressDeadlineSeconds: 66 } },
      { ...shipping(), rollout: { progressDeadlineSeconds: 126 } },
    ],
  },
  "hard host anti-affinity with surge": {
    refused: [
      [{ antiAffinity: { host: "hard" } }, "spread.nodes is not set", "at least 4", "spread.host=hard"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 3 } }, "need 4 nodes and spread.nodes says 3"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 3 }, rollout: { maxSurge: "34%" } }, "need 5 nodes"],
      [{ antiAffinity: { host: "hard" }, spread: { nodes: 9 }, ...hpa({}) }, "up to 9 replicas", "need 10 nodes"],
      [{ antiAffinity: { host: "hard" }, ...external }, "at least one more than replicas"],
    ],
    accepted: [
      // Nobody here knows how many replicas there will be.
      { antiAffinity: { host: "hard" }, spread: { nodes: 3 }, ...external },
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
    accepted: [{ pdb: { maxUnavailable: 2 } }, { replicas: 1 }, { pdb: { maxUnavailable: 3 }, ...external }],
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
      [{ autoscaling: { hpa: { podsMetric: "requests_per_second" } } }, "mode is none", "nothing would read them"],
      [{ autoscaling: { keda: { triggers: [{ type: "cron", metadata: {} }] } } }, "mode is none"],
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
      [
        { ...hpa({}), ...shipping({ resources: { requests: { cpu: null } } }) },
        'container "log-shipper" requests no cpu',
        "Set logShipping.sidecar.resources.requests.cpu",
      ],
      [{ ...hpa({ hpa: { metrics: [memoryMetric] } }), extraContainers: [cpuOnly] }, "requests no memory"],
      [
        {
          ...keda({ keda: { triggers: [{ type: "memory", metricType: "Utilization", metadata: { value: "80" } }] } }),
          extraContainers: [cpuOnly],
        },
        "requests no memory",
      ],
      [{ ...ofContainer("service", memoryShare), resources: noMemory }, 'container "service" requests no memory'],
      [{ ...ofContainer("proxy", memoryShare), extraContainers: [noRequests] }, 'container "proxy" requests no memory'],
      [ofContainer("absent", memoryShare), 'memory of container "absent"', "There are service."],
      [{ ...ofContainer("setup", memoryShare), initContainers: [{ ...noRequests, name: "setup" }] }, '"setup"'],
      [ofContainer("absent", { type: "AverageValue", averageValue: "1Gi" }), 'container "absent"'],
      [cpuOf("absent"), 'cpu of container "absent"', "There are service."],
      [{ ...cpuOf("proxy"), extraContainers: [noRequests] }, 'container "proxy" requests no cpu'],
    ],
    accepted: [
      { ...hpa({}), extraContainers: [cpuOnly] },
      { ...hpa({}), extraContainers: [{ ...noRequests, resources: { limits: { cpu: 1 } } }] },
      { ...hpa({}), initContainers: [noRequests] },
      { ...keda({ cpu: { targetUtilization: null } }), extraContainers: [noRequests] },
      { extraContainers: [noRequests] },
      ofContainer("service", memoryShare),
      { ...ofContainer("service", memoryShare), extraContainers: [noRequests] },
      { ...ofContainer("proxy", { type: "AverageValue", averageValue: "1Gi" }), extraContainers: [noRequests] },
      { ...cpuOf("proxy"), extraContainers: [cpuOnly] },
      { ...cpuOf("proxy"), initContainers: [{ ...cpuOnly, restartPolicy: "Always" }] },
      { ...cpuOf("service"), extraContainers: [noRequests] },
      { ...hpa({}), ...shipping() },
      { ...cpuOf("log-shipper"), ...shipping() },
      { ...hpa({}), ...unread({ resources: { requests: { cpu: null } } }) },
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
  "a log shipper without a destination": {
    refused: [
      [
        { logShipping: { mode: "sidecar" } },
        "logShipping.sidecar.endpoint does not say where to",
        "die with it",
        "or logShipping.mode=node",
      ],
    ],
    accepted: [shipping(), { logShipping: { mode: "none" } }, { logShipping: { mode: "node" } }],
  },
  "a wait shorter than two looks at the files": {
    refused: [
      [shipping({ shipSeconds: 0.39 }), "shipSeconds is 0.39", "one each 200 ms", "at least 0.4"],
      [shipping({ shipSeconds: 0 }), "shipSeconds is 0", "last lines would be lost in every rollout"],
      [shipping({ pollIntervalMilliseconds: 1500 }), "shipSeconds is 2", "one each 1500 ms", "at least 3"],
    ],
    accepted: [
      shipping({ shipSeconds: 0.4 }),
      shipping({ shipSeconds: 3, pollIntervalMilliseconds: 1500 }),
      unread({ shipSeconds: 0 }),
    ],
  },
  "a volume that logs could fill": {
    refused: [
      // 5 x 8 MiB + 2 x 32 MiB + 16 MiB.
      [shipping({ volumeSizeLimit: "119Mi" }), "volumeSizeLimit is 119Mi", "120 MiB", "evict", "at least 120Mi"],
      [shipping({ files: 10 }), "10 files of 8388608 bytes", "at least 168Mi"],
      [shipping({ maxFileBytes: 16_777_216 }), "4 files of 16777216 bytes", "at least 160Mi"],
      [shipping({ queueBytes: 67_108_864 }), "queue of 67108864 bytes", "at least 184Mi"],
      [shipping({ volumeSizeLimit: "120M" }), "at least 120Mi"],
    ],
    accepted: [
      shipping({ volumeSizeLimit: "120Mi" }),
      shipping({ volumeSizeLimit: 125_829_120 }),
      shipping({ files: 2, maxFileBytes: 1_048_576, queueBytes: 1_048_576, volumeSizeLimit: "21Mi" }),
      unread({ volumeSizeLimit: "1Mi" }),
    ],
  },
  "what meets the log shipper": {
    refused: [
      [{ ...shipping(), ports: { http: 13_133 } }, "ports.http is 13133", "Give the service another port"],
      [{ ...shipping(), ports: { admin: 13_133 } }, "ports.admin is 13133"],
      [{ ...shipping(), volumes: [{ name: "log-shipping", emptyDir: {} }] }, "volumes names log-shipping"],
      [
        {
          ...shipping(),
          volumes: [{ name: "logs", emptyDir: {} }],
          volumeMounts: [{ name: "logs", mountPath: "/var/log/service/" }],
        },
        "volumeMounts mounts logs at /var/log/service/",
      ],
    ],
    accepted: [
      { ports: { http: 13_133 } },
      { volumes: [{ name: "log-shipping", emptyDir: {} }] },
      {
        ...shipping(),
        volumes: [{ name: "logs", emptyDir: {} }],
        volumeMounts: [{ name: "logs", mountPath: "/var/log" }],
      },
    ],
  },
  "an alert over too few scrapes": {
    refused: [
      [
        { prometheusRule: { enabled: true }, ...everyMinute },
        "prometheusRule.errorRatio.windowSeconds is 60, but metrics.podMonitor.interval is 1m",
        "at least 240",
      ],
    ],
    accepted: [
      { prometheusRule: { enabled: true, errorRatio: { windowSeconds: 240 } }, ...everyMinute },
      { prometheusRule: { enabled: true, errorRatio: { enabled: false } }, ...everyMinute },
      { prometheusRule: { enabled: true } },
      everyMinute,
    ],
  },
};
