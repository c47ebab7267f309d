/** A system as values of charts/service. Only what an experiment changes is handed over: the rest is the chart as it ships. */
import { ExperimentError } from "../errors.ts";
import { defaultSystemOn, leafAt, leavesOf, type Leaf, type System } from "../system.ts";
import type { ServiceName } from "../target.ts";

interface ChartOptions {
  readonly service: ServiceName;
  readonly version: string;
  /** As a registry knows it: `host/path:tag` or `host/path@sha256:...`. */
  readonly image: string;
  /** Of the upstream's Service; the catalogue's only. */
  readonly stockUrl?: string;
  /** Where the lab itself asks, from outside of the cluster; the catalogue's only. */
  readonly nodePort?: number;
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
}

/** A value of the chart, by its dotted path, or a variable of the service that the chart has no value for. */
type Place = { readonly value: string } | { readonly values: readonly string[] } | { readonly variable: string };

/** Both services have these, as on the fleet. */
const PLACES: Readonly<Record<string, Place>> = {
  "catalogue.connectionMaxAgeSeconds": { value: "connectionMaxAgeSeconds" },
  "catalogue.longestRequestSeconds": { value: "longestRequestSeconds" },
  "catalogue.shedAbove": { value: "shedding.above" },
  "catalogue.logShipping": { value: "logShipping.mode" },
  "catalogue.shutdown.enabled": { value: "shutdown.enabled" },
  "catalogue.shutdown.lagSeconds": { value: "shutdown.preStopSeconds" },
  "catalogue.shutdown.announceSeconds": { value: "shutdown.announceSeconds" },
  "catalogue.shutdown.drainSeconds": { value: "shutdown.drainSeconds" },
  "rollout.maxSurge": { value: "rollout.maxSurge" },
  "rollout.maxUnavailable": { value: "rollout.maxUnavailable" },
  terminationGraceSeconds: { value: "shutdown.graceSeconds" },
  tolerationSeconds: { values: ["tolerationSeconds.notReady", "tolerationSeconds.unreachable"] },
  ...probePlaces("startup"),
  ...probePlaces("readiness"),
  ...probePlaces("liveness"),
};

const CATALOGUE_PLACES: Readonly<Record<string, Place>> = {
  "catalogue.extraStartSeconds": { variable: "FAULT_SLOW_START_SECONDS" },
  "catalogue.stockClient.attemptTimeoutMs": { variable: "STOCK_ATTEMPT_TIMEOUT_MS" },
  "catalogue.stockClient.maxAttempts": { variable: "STOCK_MAX_ATTEMPTS" },
  "catalogue.stockClient.breakerFailures": { variable: "STOCK_BREAKER_FAILURES" },
  "catalogue.stockClient.breakerOpenSeconds": { variable: "STOCK_BREAKER_OPEN_SECONDS" },
  "catalogue.errorAlert.windowSeconds": { value: "prometheusRule.errorRatio.windowSeconds" },
  "catalogue.errorAlert.forSeconds": { value: "prometheusRule.errorRatio.forSeconds" },
};

/** Where a sidecar sends what it reads: the platform's log store. */
const LOGS_ENDPOINT = "http://victoria-logs.monitoring:9428/insert/opentelemetry/v1/logs";

/** Said in values of their own, said to Prometheus, or, as `platform`, said about the cluster and not to it. */
const ELSEWHERE =
  /^(catalogue\.replicas|catalogue\.autoscaling\..+|stock\.replicas|catalogue\.alertRelease|platform\..+)$/;

/** As the platform's prometheus-adapter calls the requests a second of each pod. */
const PODS_METRIC = "http_requests_per_second";

/** @throws ExperimentError TARGET_UNSUITED where the system has something that no cluster can be told */
export function chartValues(system: System, opts: ChartOptions): Record<string, unknown> {
  const { service } = opts;
  const values: Record<string, unknown> = {
    image: imageValues(opts.image),
    role: service,
    replicas: system[service].replicas,
    exposeReplica: true,
    faults: { enabled: true, acceptRisk: true },
  };
  if (opts.nodePort !== undefined) values["service"] = { type: "NodePort", nodePort: opts.nodePort };
  if (opts.stockUrl !== undefined) values["upstream"] = { url: opts.stockUrl };
  const variables: EnvironmentVariable[] = [{ name: "SERVICE_VERSION", value: opts.version }];
  for (const { path, to } of changesOf(system)) {
    const place = PLACES[path] ?? (service === "catalogue" ? CATALOGUE_PLACES[path] : undefined);
    if (place === undefined) {
      if (CATALOGUE_PLACES[path]) continue;
      throw new ExperimentError("TARGET_UNSUITED", `No cluster can be told \`${path}\`, which the experiment changes.`);
    }
    // The chart's explicit yes: it refuses to lose requests without it.
    if (path === "catalogue.shutdown.enabled" && to === false) setValue(values, "shutdown.acceptLoss", true);
    if (path === "catalogue.logShipping" && to === "sidecar") {
      setValue(values, "logShipping.sidecar.endpoint", LOGS_ENDPOINT);
    }
    if ("variable" in place) variables.push({ name: place.variable, value: String(to) });
    else for (const at of "values" in place ? place.values : [place.value]) setValue(values, at, to);
  }
  if (service === "catalogue" && system.catalogue.autoscaling.mode !== "none") {
    // The scaler owns their number.
    delete values["replicas"];
    values["autoscaling"] = scalerValues(system.catalogue.autoscaling);
  }
  // The agents of the nodes are told by themselves.
  if (system.catalogue.logShipping === "sidecar" && system.platform.logQueue === "memory") {
    setValue(values, "logShipping.sidecar.queueStorage", "memory");
  }
  return { ...values, extraEnv: variables };
}

function scalerValues(own: System["catalogue"]["autoscaling"]): Record<string, unknown> {
  return {
    mode: own.mode,
    minReplicas: own.minReplicas,
    maxReplicas: own.maxReplicas,
    requestsPerSecond: { target: own.requestsPerSecondTarget, windowSeconds: own.windowSeconds },
    ...(own.mode === "hpa" ? { hpa: { podsMetric: PODS_METRIC } } : {}),
    // Four nodes and the client share the processors, and what a replica uses of its request says how busy they all are.
    cpu: { targetUtilization: null },
    behavior: {
      scaleDown: {
        stabilizationWindowSeconds: own.scaleDownWindowSeconds,
        policies: [{ type: "Pods", value: 1, periodSeconds: own.scaleDownPodsPeriodSeconds }],
      },
    },
  };
}

/** What differs from the chart's defaults. */
function changesOf(system: System): { path: string; to: Leaf }[] {
  const own = defaultSystemOn("kind");
  return leavesOf(system).flatMap(({ path, value }) =>
    ELSEWHERE.test(path) || leafAt(own, path) === value ? [] : [{ path, to: value as Leaf }],
  );
}

function probePlaces(probe: "startup" | "readiness" | "liveness"): Record<string, Place> {
  const settings = ["periodSeconds", "timeoutSeconds", "failureThreshold"];
  return Object.fromEntries(settings.map((name) => [`probes.${probe}.${name}`, { value: `probes.${probe}.${name}` }]));
}

/** `localhost:5001/holdfast/service:sha-1` and the like, in the chart's three parts. */
function imageValues(reference: string): Record<string, string> {
  const [name = reference, digest] = reference.split("@");
  // A colon before the last slash is a port.
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return {
    repository: colon < 0 ? name : name.slice(0, colon),
    ...(colon < 0 ? {} : { tag: name.slice(colon + 1) }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function setValue(values: Record<string, unknown>, dotted: string, value: unknown): void {
  const keys = dotted.split(".");
  const last = keys.pop() ?? dotted;
  let at = values;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = value;
}
