/** The experiments' target on a cluster: two releases of the chart in a namespace of the run's own. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  nodePorts,
  readNodes,
  upgradeRelease,
  type Cluster,
  type Deployment,
  type HorizontalPodAutoscaler,
  type List,
  type Node,
  type Pod,
  type Service,
} from "@holdfast/cluster";
import { nowMs, unlessAborted } from "./clock.ts";
import { ExperimentError } from "./errors.ts";
import { untilAllMet } from "./kind/all-met.ts";
import { chartValues } from "./kind/chart-values.ts";
import { deviations } from "./kind/deployed-system.ts";
import { clearNamespace, createNamespace, deleteNamespace, refuseOccupied } from "./kind/lab-namespace.ts";
import { createLabRules } from "./kind/lab-rules.ts";
import { returnLeftNodes } from "./kind/left-nodes.ts";
import { loadAgentCommand, startLoadAgent } from "./kind/load-agent-pod.ts";
import { createLogPlatform } from "./kind/log-platform.ts";
import { createMetricsApi } from "./kind/metrics-api.ts";
import { createNodeFault } from "./kind/node-fault.ts";
import { createPodLogs } from "./kind/pod-logs.ts";
import { createPodWatch } from "./kind/pod-watch.ts";
import { createScalerWatch, scalerDeviations } from "./kind/scaler-watch.ts";
import { parseMetrics } from "./metrics-text.ts";
import { askService, faultNames } from "./service-answers.ts";
import { replicaRange, type System } from "./system.ts";
import type { Replica, ServiceName, Target, TargetEvent, TargetFactory } from "./target.ts";

export interface KindTargetOptions {
  readonly cluster: Cluster;
  /** Directory of charts/service. */
  readonly chart: string;
  /** Directory of k8s/platform; only what adds a part of it for the time of a run needs it. */
  readonly platform?: string;
  /** As the cluster's nodes pull them. */
  readonly images: { readonly service: string; readonly agent: string };
  /** Made by the run and removed after it; default holdfast-lab. */
  readonly namespace?: string;
}

const SERVICES: readonly ServiceName[] = ["catalogue", "stock"];
const FIRST_VERSION = "1.0.0";
/** The chart's `ports.admin`. */
const ADMIN_PORT = 8081;
/** Longer than any answer of an admin port may take, the start of kubectl included. */
const ADMIN_TIMEOUT_MS = 5000;
/** Images are pulled in this time too. */
const START_WITHIN_MS = 120_000;
/** New pods are scraped twice, 5 s apart, the metric is found, within 15 s, and a scaler looks every 15 s; twice that on busy cores. */
const SCALER_WITHIN_MS = 80_000;
/** kube-proxy hears of an endpoint within a second or two; on busy cores it has taken four. */
const MET_WITHIN_MS = 30_000;
const MET_PATH = "/api/products?limit=1";
/** A rollout that takes longer has stalled: the chart's progress deadline. */
const ROLLOUT_WITHIN_MS = 180_000;
/** A node that was lost needs this long until it is ready, at most. */
const NODE_BACK_WITHIN_MS = 50_000;

export function kindTarget(opts: KindTargetOptions): TargetFactory {
  return {
    name: "kind",
    // oxlint-disable-next-line require-await -- nothing to wait for before the start
    create: async (run) => createKindTarget(opts, { note: () => {}, ...run }),
  };
}

interface Run {
  readonly system: System;
  readonly logDir: string;
  readonly note: (sentence: string) => void;
}

function createKindTarget(opts: KindTargetOptions, { system, logDir, note }: Run): Target {
  const { cluster, chart, images, namespace = "holdfast-lab" } = opts;
  const { kubectl, helm } = cluster;
  const scaled = system.catalogue.autoscaling.mode !== "none";
  const listeners = new Set<(event: TargetEvent) => void>();
  const waiting = new Set<() => void>();
  const watches: { stop(): Promise<void> }[] = [];
  const wanted: Record<ServiceName, { replicas: number; version: string }> = {
    catalogue: { replicas: system.catalogue.replicas, version: FIRST_VERSION },
    stock: { replicas: system.stock.replicas, version: FIRST_VERSION },
  };
  const nodes = createNodeFault({ cluster, tell });
  const pods = createPodWatch({ zoneOf: nodes.zoneOf });
  const scalers = createScalerWatch();
  const logs = createPodLogs(kubectl, { namespace, logDir });
  const logPlatform = createLogPlatform({ cluster, system, namespace, note });
  const rules = createLabRules({
    cluster,
    chart,
    namespace,
    release: system.catalogue.alertRelease,
    values: () => valuesOf("catalogue"),
    note,
  });
  let clientUrl: string | undefined;
  let watchFailure: Error | undefined;
  /** From here on the namespace is ours to delete. */
  let owned = false;
  const metricsApi = createMetricsApi({ cluster, dir: opts.platform, note });

  function tell(event: TargetEvent): void {
    for (const listener of listeners) listener(event);
  }

  function lookAgain(): void {
    for (const look of waiting) look();
  }

  function tellAll(events: readonly TargetEvent[]): void {
    for (const event of events) {
      // Every start of a container opens its log anew.
      if (event.type === "replica.starting" && event.replica !== undefined) logs.follow(event.replica);
      tell(event);
    }
    // Also when there is nothing to tell: a status may change without an event.
    lookAgain();
  }

  function watchAll(): void {
    const onEnd = (error?: Error) => {
      watchFailure = error;
      lookAgain();
    };
    // What happened meanwhile is told later than it was; whoever reads the ledger sees by how much.
    const onGap = ({ lengthMs, reason }: { lengthMs: number; reason: string }) =>
      tell({ atMs: nowMs(), type: "watch.gap", detail: { lengthMs, reason } });
    watches.push(
      kubectl.watch<Node>(["nodes"], { onEvent: (event) => tellAll(nodes.note(event, nowMs())), onEnd, onGap }),
      kubectl.watch<Pod>(["pods", "-n", namespace], {
        onEvent: (event) => tellAll(pods.note(event, nowMs())),
        onEnd,
        onGap,
      }),
    );
    if (!scaled) return;
    watches.push(
      kubectl.watch<HorizontalPodAutoscaler>(["horizontalpodautoscalers.v2.autoscaling", "-n", namespace], {
        onEvent: (event) => tellAll(scalers.note(event, nowMs())),
        onEnd,
        onGap,
      }),
    );
  }

  /** Looks again whenever something has happened. */
  async function until(
    what: () => string,
    { holds, withinMs, signal }: { holds: () => boolean; withinMs: number; signal: AbortSignal },
  ): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const look = () => {
      if (watchFailure) reached.reject(watchFailure);
      else if (holds()) reached.resolve();
    };
    waiting.add(look);
    const over = new AbortController();
    const timeout = sleep(withinMs, undefined, { signal: over.signal }).then(
      () => {
        throw new ExperimentError("TARGET_FAILED", `Within ${Math.round(withinMs / 1000)} s ${what()}`);
      },
      () => {},
    );
    try {
      look();
      await unlessAborted(Promise.race([reached.promise, timeout]), signal);
    } finally {
      waiting.delete(look);
      over.abort();
    }
  }

  function isScaled(service: ServiceName): boolean {
    return scaled && service === "catalogue";
  }

  /** Where a scaler owns the number, it is what that wants now, and at least its least: it begins with one. */
  function isRightNumber(service: ServiceName, replicas: number): boolean {
    if (!isScaled(service)) return replicas === wanted[service].replicas;
    const { least, most } = replicaRange(system, service);
    const desired = scalers.desired(service);
    return replicas >= least && replicas <= most && (desired === undefined || replicas === Math.max(desired, least));
  }

  function isSettled(service: ServiceName): boolean {
    const { version } = wanted[service];
    const present = pods.replicas(service);
    return (
      isRightNumber(service, present.length) && present.every((replica) => replica.ready && replica.version === version)
    );
  }

  function unsettled(service: ServiceName): string {
    const { replicas, version } = wanted[service];
    const found = pods.replicas(service).map(({ name, state, version: own }) => `${name} ${own} ${state}`);
    const there = found.join(", ") || "there is none";
    if (!isScaled(service)) return `${service} did not come to ${replicas} ready replicas of ${version}: ${there}.`;
    const { least, most } = replicaRange(system, service);
    const trouble = scalers.trouble(service);
    return `${service} did not come to the ${scalers.desired(service) ?? `${least} to ${most}`} ready replicas of ${version} that its scaler wants: ${there}.${trouble === undefined ? "" : ` The scaler does not work: ${trouble.replace(/\.$/, "")}.`}`;
  }

  function settled(service: ServiceName, { withinMs, signal }: { withinMs: number; signal: AbortSignal }) {
    return until(() => unsettled(service), { holds: () => isSettled(service), withinMs, signal });
  }

  function valuesOf(service: ServiceName): Record<string, unknown> {
    const { version, replicas } = wanted[service];
    return chartValues(
      { ...system, [service]: { ...system[service], replicas } },
      {
        service,
        version,
        image: images.service,
        ...(service === "catalogue" ? { stockUrl: "http://stock", nodePort: nodePorts.lab } : {}),
      },
    );
  }

  async function release(service: ServiceName, signal?: AbortSignal): Promise<void> {
    const values = valuesOf(service);
    await upgradeRelease(cluster, { release: service, namespace, chart, values, ...(signal ? { signal } : {}) });
  }

  async function readClusterIp(signal: AbortSignal): Promise<string> {
    const service = await kubectl.json<Service>(["get", "service", "catalogue", "-n", namespace], { signal });
    return `http://${service.spec.clusterIP}:${service.spec.ports[0]?.port ?? 80}`;
  }

  async function refuseDeviation(signal: AbortSignal): Promise<void> {
    const deployed = await kubectl.json<Deployment>(["get", "deployment", "catalogue", "-n", namespace], {
      signal,
    });
    refuseOther(deviations(system, deployed));
  }

  /** Its least is reached without a metric. A run in which it cannot read one would blame the service for it. */
  async function scalerWorks(signal: AbortSignal): Promise<void> {
    await until(() => `the scaler of catalogue read no metric: ${scalers.trouble("catalogue") ?? "it is not there"}.`, {
      holds: () => scalers.works("catalogue"),
      withinMs: SCALER_WITHIN_MS,
      signal,
    });
    refuseOtherScaler();
  }

  function refuseOtherScaler(): void {
    const scaler = scalers.scaler("catalogue");
    refuseOther(scaler ? scalerDeviations(system, scaler) : ["catalogue.autoscaling is not there"]);
  }

  function refuseOther(found: readonly string[]): void {
    if (found.length > 0) {
      throw new ExperimentError(
        "TARGET_FAILED",
        `The chart has deployed another system than the experiment computes with: ${found.join("; ")}.`,
      );
    }
  }

  /** Through the API server, since the admin port is in no Service. */
  function admin(replica: Replica, path: string, call: { method?: "GET" | "POST" | "DELETE"; body?: string } = {}) {
    return kubectl.raw(`/api/v1/namespaces/${namespace}/pods/${replica.name}:${ADMIN_PORT}/proxy${path}`, {
      ...call,
      timeoutMs: ADMIN_TIMEOUT_MS,
    });
  }

  async function rollOut(
    service: ServiceName,
    { version, signal }: { version: string; signal: AbortSignal },
  ): Promise<void> {
    wanted[service] = { ...wanted[service], version };
    tell({ atMs: nowMs(), type: "rollout.start", service, detail: { version } });
    await release(service, signal);
    // As `kubectl rollout status`: old ones may still be ending.
    await until(() => unsettled(service), {
      holds: () => {
        const staying = pods.replicas(service).filter(({ state }) => state !== "terminating");
        return (
          isRightNumber(service, staying.length) &&
          staying.every((replica) => replica.ready && replica.version === version)
        );
      },
      withinMs: ROLLOUT_WITHIN_MS,
      signal,
    });
    tell({ atMs: nowMs(), type: "rollout.end", service, detail: { version } });
  }

  return {
    name: "kind",
    load: {
      get url() {
        if (clientUrl === undefined) throw new ExperimentError("TARGET_FAILED", "The target has not been started.");
        return clientUrl;
      },
      command: loadAgentCommand(kubectl, { namespace }),
    },
    async start({ signal }) {
      await refuseOccupied(kubectl, { name: namespace, signal });
      // Nobody's run goes on there, so whoever lost a node has not lived to return it; on it nothing could be removed.
      await returnLeftNodes(cluster, { nodes: await readNodes(cluster, { signal }), note, signal });
      const wasLeft = await clearNamespace(kubectl, { name: namespace, note, signal });
      // Whoever left the namespace may have left that too.
      if (wasLeft) await metricsApi.removeLeft();
      await createNamespace(kubectl, { name: namespace });
      owned = true;
      watchAll();
      if (system.catalogue.autoscaling.mode === "hpa") await metricsApi.add({ signal });
      await logPlatform.prepare({ signal });
      await rules.load({ signal });
      await Promise.all([
        ...SERVICES.map((service) => release(service, signal)),
        startLoadAgent(kubectl, { image: images.agent, namespace, signal }),
      ]);
      await refuseDeviation(signal);
      for (const service of SERVICES) await settled(service, { withinMs: START_WITHIN_MS, signal });
      if (scaled) await scalerWorks(signal);
      await untilAllMet({
        names: () => pods.replicas("catalogue").map(({ name }) => name),
        ask: () => askService(`http://127.0.0.1:${cluster.ports.lab}${MET_PATH}`),
        withinMs: MET_WITHIN_MS,
        signal,
      });
      clientUrl = await readClusterIp(signal);
    },
    // oxlint-disable-next-line require-await -- known already, by the watch
    replicas: async (service) => pods.replicas(service),
    rollOut,
    settled,
    async scale(service, replicas) {
      if (isScaled(service)) {
        throw new ExperimentError(
          "TARGET_UNSUITED",
          `The number of ${service}'s replicas is its scaler's, which would undo what anybody else sets.`,
        );
      }
      const from = wanted[service].replicas;
      wanted[service] = { ...wanted[service], replicas };
      tell({ atMs: nowMs(), type: "scale", service, detail: { from, to: replicas } });
      await release(service);
    },
    async kill(replica) {
      const container = pods.container(replica.name);
      if (!container) {
        throw new ExperimentError("TARGET_FAILED", `There is no container of ${replica.name} that could be killed.`);
      }
      await cluster.killContainer(container);
      // After the fact: what is measured from here on is not longer than it was.
      tellAll(pods.noteKilled({ pod: replica.name, containerId: container.containerId }, nowMs()));
    },
    async end({ name }) {
      await kubectl.run(["delete", "pod", name, "-n", namespace, "--wait=false"], { what: `end ${name}` });
    },
    // oxlint-disable-next-line require-await -- known already, by the watch
    nodes: async () => nodes.nodes(),
    loseNode: nodes.lose,
    returnNode: nodes.return,
    async fault(replica, fault) {
      await admin(replica, "/faults", { method: "POST", body: JSON.stringify(fault) });
    },
    async faults(replica) {
      return faultNames(await admin(replica, "/faults"));
    },
    async clearFaults(replica) {
      await admin(replica, "/faults", { method: "DELETE" });
    },
    async metrics(replica) {
      return parseMetrics(await admin(replica, "/metrics"));
    },
    platform: { ...logPlatform.calls, ...rules.calls },
    ask: (path) => askService(`http://127.0.0.1:${cluster.ports.lab}${path}`),
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async versions() {
      const [server, releases] = await Promise.all([
        kubectl.json<{ serverVersion: { gitVersion: string } }>(["version"]),
        helm.list(namespace),
      ]);
      const info = (await kubectl.json<List<Node>>(["get", "nodes"])).items[0]?.status?.nodeInfo;
      return {
        service: FIRST_VERSION,
        image: pods.imageIds("catalogue").join(", "),
        chart: releases.find(({ name }) => name === "catalogue")?.chart ?? "",
        kubernetes: server.serverVersion.gitVersion.replace(/^v/, ""),
        runtime: info?.containerRuntimeVersion ?? "",
        nodes: info?.osImage ?? "",
        cluster: cluster.name,
      };
    },
    async repair({ signal }) {
      await logPlatform.repair();
      await nodes.returnAll();
      await until(() => "not every node came back.", {
        holds: () => nodes.nodes().every(({ ready }) => ready),
        withinMs: NODE_BACK_WITHIN_MS,
        signal,
      });
      for (const { name } of nodes.nodes().filter(({ schedulable }) => !schedulable)) {
        await kubectl.run(["uncordon", name], { signal });
      }
      for (const service of SERVICES) {
        if (isSettled(service) && wanted[service].replicas === system[service].replicas) continue;
        wanted[service] = { ...wanted[service], replicas: system[service].replicas };
        // Where a scaler is still at it, it is only waited for: a release says nothing of its number.
        await release(service, signal);
        await settled(service, { withinMs: ROLLOUT_WITHIN_MS, signal });
      }
      const replicas = SERVICES.flatMap((service) => pods.replicas(service));
      await Promise.all(replicas.map((replica) => admin(replica, "/faults", { method: "DELETE" })));
    },
    async stop() {
      if (!owned) return;
      try {
        await nodes.returnAll();
        // Releases live in their namespace and the chart has nothing outside of it, so they go with it; pods get their grace period.
        await deleteNamespace(kubectl, { name: namespace });
      } finally {
        // After the namespace: an API that is gone half-way holds up the deletion of whatever may have been served by it.
        await metricsApi
          .remove()
          .finally(() => logPlatform.restore())
          .finally(() => rules.unload())
          .finally(() => Promise.all(watches.map((watch) => watch.stop())));
      }
    },
    collectLogs: () => logs.finish(),
  };
}
