/**
 * The system under test, as data: what is deployed and how the platform around it is set. An experiment says only what
 * differs from `defaultSystem`; a control changes exactly one leaf of what results. Words are Kubernetes' own, so that
 * one file means the same on processes and on a cluster; a target translates them (`shutdown.lagSeconds` is the
 * service's own lag on the fleet, and a preStop sleep in the chart).
 */

interface ShutdownSystem {
  /** false: exit at SIGTERM as a program without a handler would. */
  readonly enabled: boolean;
  /** Wait before anything else, until every balancer has forgotten the replica. */
  readonly lagSeconds: number;
  /** Accept, and say `Connection: close` on every response. */
  readonly announceSeconds: number;
  /** Wait for requests in flight; at least the longest allowed request. */
  readonly drainSeconds: number;
}

interface StockClientSystem {
  /** One attempt's time limit. */
  readonly attemptTimeoutMs: number;
  readonly maxAttempts: number;
  /** Failures after which the breaker opens. */
  readonly breakerFailures: number;
  /** How long it stays open before it lets a probe through. */
  readonly breakerOpenSeconds: number;
}

interface CatalogueSystem {
  readonly replicas: number;
  /** Age at which a kept-alive connection is ended by its next answer, so that new replicas get their share. */
  readonly connectionMaxAgeSeconds: number;
  /** Added to what it takes to start. */
  readonly extraStartSeconds: number;
  readonly longestRequestSeconds: number;
  /** Event-loop utilisation, 0..1, above which requests are shed. */
  readonly shedAbove: number;
  readonly shutdown: ShutdownSystem;
  readonly stockClient: StockClientSystem;
  /** Who takes the lines that both services write: the cluster's agent of each node, or a sidecar of each replica's own. The fleet keeps them in files. */
  readonly logShipping: "node" | "sidecar";
  readonly autoscaling: AutoscalingSystem;
  /** Whose requests the error-ratio alert looks at: a release. Empty: Prometheus has no such rule. The fleet has no Prometheus. */
  readonly alertRelease: string;
  readonly errorAlert: ErrorAlertSystem;
}

/** The error-ratio alert's own times. */
interface ErrorAlertSystem {
  /** Over how long the share of failed answers is taken. */
  readonly windowSeconds: number;
  /** For how long it must be too high. */
  readonly forSeconds: number;
}

/** Whoever owns the number of replicas, and by which numbers. The fleet knows `none` only. */
interface AutoscalingSystem {
  /** none: `replicas` says how many. keda: on the requests that Prometheus has counted. hpa: on the same, through custom.metrics.k8s.io. */
  readonly mode: "none" | "keda" | "hpa";
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** Requests a second for each replica that the scaler aims at. */
  readonly requestsPerSecondTarget: number;
  /** Over how long the requests a second are measured. */
  readonly windowSeconds: number;
  /** A replica goes only when all of this time has asked for fewer. */
  readonly scaleDownWindowSeconds: number;
  /** At most one replica goes within it. */
  readonly scaleDownPodsPeriodSeconds: number;
}

interface StockSystem {
  readonly replicas: number;
}

interface ProbeSystem {
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface System {
  readonly catalogue: CatalogueSystem;
  readonly stock: StockSystem;
  readonly probes: { readonly startup: ProbeSystem; readonly readiness: ProbeSystem; readonly liveness: ProbeSystem };
  readonly rollout: { readonly maxSurge: number; readonly maxUnavailable: number };
  /** Between SIGTERM and SIGKILL. */
  readonly terminationGraceSeconds: number;
  /** false: nothing restarts what exits, and nothing takes it out of the endpoints. */
  readonly selfHealing: boolean;
  /** How long a pod stays bound to a node that is not ready or not reachable. The fleet has no nodes. */
  readonly tolerationSeconds: number;
  /**
   * What a cluster has of its own. The fleet is told, since processes on one machine have none of it; for a cluster
   * these state what it has, at most, and bounds are computed from them.
   */
  readonly platform: {
    /** How late the kubelet sees that a container has exited, at most. */
    readonly exitNoticeMs: number;
    /** How late the balancer learns of an endpoint that came or went. */
    readonly endpointLagMs: number;
    /** Between client and replica, one way. */
    readonly linkDelayMs: number;
    /** Until the control plane says that a node it no longer hears of is not ready. */
    readonly nodeNoticeMs: number;
    /** Where log lines wait for a store that is away. The fleet has none. */
    readonly logQueue: "disk" | "memory";
    /** How often Prometheus asks each pod. */
    readonly scrapeSeconds: number;
    /** How often it looks at its rules. */
    readonly evaluationSeconds: number;
  };
}

/** A system as an experiment writes it: what differs, and nothing else. */
export type SystemChange<T = System> = { readonly [K in keyof T]?: T[K] extends object ? SystemChange<T[K]> : T[K] };

export type Leaf = string | number | boolean;

/** One changed value. */
export interface LeafChange {
  /** Dotted, such as `catalogue.shutdown.enabled`. */
  readonly path: string;
  readonly from: Leaf;
  readonly to: Leaf;
}

/** What an experiment on the fleet starts from; each number with its reason. */
export const defaultSystem: System = {
  catalogue: {
    replicas: 3,
    connectionMaxAgeSeconds: 300,
    extraStartSeconds: 0,
    longestRequestSeconds: 10,
    // Never: on two cores that also carry the clients and every starting replica, others' work reads as overload, and shedding is
    // another experiment's matter.
    shedAbove: 1,
    shutdown: {
      enabled: true,
      // Twice `platform.endpointLagMs`: the fleet has no preStop hook, so the replica itself outlasts the endpoints' lag.
      lagSeconds: 2,
      // More than the idle gap of a persistent client.
      announceSeconds: 2,
      // At least the longest allowed request.
      drainSeconds: 10,
    },
    // As the service has them by default.
    stockClient: { attemptTimeoutMs: 500, maxAttempts: 2, breakerFailures: 5, breakerOpenSeconds: 2 },
    // As the chart has it.
    logShipping: "node",
    autoscaling: {
      mode: "none",
      // One for each of three zones.
      minReplicas: 3,
      maxReplicas: 7,
      requestsPerSecondTarget: 20,
      // Four scrapes of the platform's 5 s: one that is late or lost does not look like half the load.
      windowSeconds: 20,
      // The chart's own 300 s and 60 s are for production; here somebody waits.
      scaleDownWindowSeconds: 15,
      scaleDownPodsPeriodSeconds: 15,
    },
    // Rules take their time to be loaded: only where an alert is what is looked at.
    alertRelease: "",
    // As the chart has them by default.
    errorAlert: { windowSeconds: 60, forSeconds: 60 },
  },
  stock: { replicas: 1 },
  probes: {
    // 30 s to come up, asked often, so that a rollout does not wait for the clock.
    startup: { periodSeconds: 0.25, timeoutSeconds: 1, failureThreshold: 120 },
    readiness: { periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 2 },
    // 1 s timeouts *cause* cascades: a stuck loop is what liveness is for, not a slow one.
    liveness: { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
  },
  rollout: { maxSurge: 1, maxUnavailable: 0 },
  // Above lag + announce + drain + close + flush of the defaults.
  terminationGraceSeconds: 30,
  selfHealing: true,
  // Kubernetes' own.
  tolerationSeconds: 300,
  platform: {
    // The kubelet looks at its containers once a second.
    exitNoticeMs: 1000,
    // kube-proxy learns of an endpoint within about a second on a small cluster.
    endpointLagMs: 1000,
    // A real network's one way; on loopback no answer could ever race a FIN.
    linkDelayMs: 10,
    // `--node-monitor-grace-period` is 50 s (40 s before Kubernetes 1.32); its controller looks every 5 s.
    nodeNoticeMs: 60_000,
    // As the platform and the chart have it.
    logQueue: "disk",
    // k8s/platform/prometheus/prometheus.yml.
    scrapeSeconds: 5,
    evaluationSeconds: 5,
  },
};

/**
 * What the chart's own defaults make of a cluster. A target hands the chart only what an experiment changes of it, so
 * that what runs is the chart as it ships, and looks whether the objects in the cluster say the same.
 */
const kindSystem: System = changeSystem(defaultSystem, {
  catalogue: {
    connectionMaxAgeSeconds: 60,
    shedAbove: 0.95,
    // The preStop sleep; the service's own lag is 0 behind it.
    shutdown: { lagSeconds: 5 },
  },
  probes: { startup: { periodSeconds: 1, failureThreshold: 60 }, readiness: { periodSeconds: 5 } },
  // preStop + announce + drain + close + flush + margin, as the chart adds them up.
  terminationGraceSeconds: 26,
  platform: {
    // The kubelet relists its containers every second, works on one pod at a time and tells the API server of it afterwards.
    exitNoticeMs: 3000,
    linkDelayMs: 0,
  },
});

/** What an experiment starts from on a target. */
export function defaultSystemOn(target: "fleet" | "kind"): System {
  return target === "kind" ? kindSystem : defaultSystem;
}

/** How many replicas of a service there may be when all is well: one number, or what its scaler keeps to. */
export function replicaRange(system: System, service: "catalogue" | "stock"): { least: number; most: number } {
  const { mode, minReplicas, maxReplicas } = system.catalogue.autoscaling;
  if (service === "catalogue" && mode !== "none") return { least: minReplicas, most: maxReplicas };
  const { replicas } = system[service];
  return { least: replicas, most: replicas };
}

/** Every leaf of a tree of values, by its dotted path. */
export function leavesOf(tree: object, prefix = ""): { path: string; value: unknown }[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "object" && value !== null
      ? leavesOf(value, `${prefix}${key}.`)
      : [{ path: `${prefix}${key}`, value }],
  );
}

/** A system with some leaves changed. @throws TypeError, naming the path, where the system has no such leaf */
export function changeSystem(system: System, change: SystemChange): System {
  const changed = structuredClone(system);
  for (const { path, value } of leavesOf(change)) setLeaf(changed, path, value);
  return changed;
}

/** A system with a control's one value changed. */
export function changeLeaf(system: System, { path, to }: LeafChange): System {
  const changed = structuredClone(system);
  setLeaf(changed, path, to);
  return changed;
}

/** The leaf's value, or undefined where there is none. */
export function leafAt(system: System, path: string): Leaf | undefined {
  const found = path
    .split(".")
    .reduce<unknown>((tree, key) => (isTree(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined), system);
  return isLeaf(found) ? found : undefined;
}

function setLeaf(system: System, path: string, value: unknown): void {
  const present = leafAt(system, path);
  if (present === undefined) throw new TypeError(`\`${path}\` is no value of the system`);
  if (typeof value !== typeof present) {
    throw new TypeError(`\`${path}\` is a ${typeof present}, not ${JSON.stringify(value)}`);
  }
  const keys = path.split(".");
  const last = keys.pop() ?? path;
  // Every step was walked by leafAt just now.
  const parent = keys.reduce<Record<string, unknown>>(
    (tree, key) => tree[key] as Record<string, unknown>,
    system as never,
  );
  parent[last] = value;
}

/** `catalogue.shutdown.enabled: true -> false` */
export function describeChange(change: LeafChange): string {
  return `${change.path}: ${JSON.stringify(change.from)} -> ${JSON.stringify(change.to)}`;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isLeaf(value: unknown): value is Leaf {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
