/** The experiments' target on this machine: two fleets of processes, the catalogue's and its upstream's. */
import { createFleet, FleetError, type Fleet, type FleetEvent, type ReplicaStatus } from "@holdfast/fleet";
import { request } from "undici";
import { ExperimentError } from "./errors.ts";
import { parseMetrics } from "./metrics-text.ts";
import { askService, faultNames } from "./service-answers.ts";
import type { System } from "./system.ts";
import type { FaultRequest, Replica, ServiceName, Target, TargetEvent, TargetFactory } from "./target.ts";

export interface FleetTargetOptions {
  /** The program of each service, without environment: `[process.execPath, "service.cjs"]`. */
  readonly catalogue: { readonly command: readonly string[]; readonly cwd?: string };
  readonly stock: { readonly command: readonly string[]; readonly cwd?: string };
  /** Named in the results; default 1.0.0. */
  readonly version?: string;
  /** The catalogue's Service; default any free port. */
  readonly port?: number;
}

/** Longer than any answer of an admin port may take; a stuck replica must not stop the run. */
const ADMIN_TIMEOUT_MS = 2000;
/** After the end of a run nobody waits for an answer: what still drains then may be cut. */
const STOP_GRACE_MS = 8000;

/** A target factory for packages/fleet. It knows the service by its environment and its admin port only. */
export function fleetTarget(opts: FleetTargetOptions): TargetFactory {
  return {
    name: "fleet",
    // oxlint-disable-next-line require-await -- a cluster's factory has something to wait for
    create: async (run) => createFleetTarget(opts, run),
  };
}

function createFleetTarget(opts: FleetTargetOptions, { system, logDir }: { system: System; logDir: string }): Target {
  if (system.catalogue.autoscaling.mode !== "none") {
    throw new ExperimentError("TARGET_UNSUITED", "Processes on one machine have no scaler.");
  }
  const version = opts.version ?? "1.0.0";
  const listeners = new Set<(event: TargetEvent) => void>();
  const common = { version, logDir, ...fleetSettings(system) };
  const stock = createFleet({
    ...common,
    name: "stock",
    port: 0,
    replicas: system.stock.replicas,
    replica: (spec) => ({
      ...programOf(opts.stock),
      env: { ...serviceEnvironment(spec, system), SERVICE_ROLE: "stock" },
    }),
  });
  const catalogue = createFleet({
    ...common,
    name: "catalogue",
    port: opts.port ?? 0,
    replicas: system.catalogue.replicas,
    replica: (spec) => ({
      ...programOf(opts.catalogue),
      // Known by then: the catalogue starts after its upstream.
      env: {
        ...serviceEnvironment(spec, system),
        ...catalogueEnvironment(system),
        STOCK_URL: stock.url,
      },
    }),
  });
  const fleets: Record<ServiceName, Fleet> = { catalogue, stock };
  const services: readonly ServiceName[] = ["catalogue", "stock"];
  for (const service of services) {
    fleets[service].on((event) => {
      for (const listener of listeners) listener(targetEvent(service, event));
    });
  }

  const adminOf = (replica: Replica) => {
    const status = fleets[replica.service].replicas().find(({ name }) => name === replica.name);
    if (!status) throw new ExperimentError("TARGET_FAILED", `There is no replica ${replica.name} (any more).`);
    return `http://127.0.0.1:${status.adminPort}`;
  };

  return {
    name: "fleet",
    load: {
      get url() {
        return catalogue.url;
      },
    },
    async start({ signal }) {
      await stock.start({ signal });
      await catalogue.start({ signal });
    },
    // oxlint-disable-next-line require-await -- a cluster has to be asked
    replicas: async (service) => fleets[service].replicas().map((status) => replicaOf(service, status)),
    rollOut: (service, rollout) => fleets[service].rollOut(rollout),
    settled: (service, { withinMs }) => fleets[service].settled({ withinMs }),
    scale: (service, replicas) => fleets[service].scale(replicas),
    kill: ({ service, name }) => fleets[service].kill(name, "SIGKILL"),
    end: () => Promise.reject(noPods()),
    // oxlint-disable-next-line require-await -- a cluster has to be asked
    nodes: async () => [],
    loseNode: () => Promise.reject(noNodes()),
    returnNode: () => Promise.reject(noNodes()),
    async fault(replica, fault) {
      await admin(`${adminOf(replica)}/faults`, { method: "POST", body: fault });
    },
    async faults(replica) {
      return faultNames(await admin(`${adminOf(replica)}/faults`));
    },
    async clearFaults(replica) {
      await admin(`${adminOf(replica)}/faults`, { method: "DELETE" });
    },
    async metrics(replica) {
      return parseMetrics(await admin(`${adminOf(replica)}/metrics`));
    },
    ask: (path) => askService(`${catalogue.url}${path}`),
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    // oxlint-disable-next-line require-await -- a cluster has to be asked
    versions: async () => ({
      service: version,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    }),
    async repair({ signal }) {
      for (const service of services)
        await repairFleet(fleets[service], { system, replicas: system[service].replicas, signal });
      for (const service of services) {
        for (const status of fleets[service].replicas()) {
          await admin(`http://127.0.0.1:${status.adminPort}/faults`, { method: "DELETE" });
        }
      }
    },
    async stop() {
      await Promise.all(services.map((service) => fleets[service].stop({ graceMs: STOP_GRACE_MS })));
    },
    // The fleet has written them where they belong.
    collectLogs: async () => {},
  };
}

function noPods(): ExperimentError {
  return new ExperimentError("TARGET_UNSUITED", "Processes on one machine have no pods that could be deleted.");
}

function noNodes(): ExperimentError {
  return new ExperimentError("TARGET_UNSUITED", "Processes on one machine have no nodes that could be lost.");
}

/** As many replicas as there should be and each alive, also after a rollout that was stopped half-way. */
async function repairFleet(
  fleet: Fleet,
  opts: { system: System; replicas: number; signal: AbortSignal },
): Promise<void> {
  const { system, replicas, signal } = opts;
  const dead = fleet.replicas().find(({ state }) => state === "exited");
  // Where nobody restarts the dead, only new replicas take their places.
  if (dead && !system.selfHealing) await fleet.rollOut({ version: dead.version, signal });
  try {
    await fleet.scale(replicas);
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== "FLEET_ROLLOUT_PAUSED") throw error;
    await fleet.rollBack({ signal });
    await fleet.scale(replicas);
  }
}

/** What of the system is the platform's, as the fleet takes it. */
export function fleetSettings(system: System) {
  const { probes, platform, rollout, selfHealing, terminationGraceSeconds } = system;
  return {
    endpointLagMs: platform.endpointLagMs,
    linkDelayMs: platform.linkDelayMs,
    exitNoticeMs: platform.exitNoticeMs,
    selfHealing,
    terminationGraceMs: terminationGraceSeconds * 1000,
    rollout: { maxSurge: rollout.maxSurge, maxUnavailable: rollout.maxUnavailable },
    probes: {
      startup: probeSettings("/startupz", probes.startup),
      readiness: probeSettings("/readyz", probes.readiness),
      liveness: probeSettings("/livez", probes.liveness),
    },
  };
}

function probeSettings(path: string, probe: System["probes"]["readiness"]) {
  return {
    path,
    periodMs: probe.periodSeconds * 1000,
    timeoutMs: probe.timeoutSeconds * 1000,
    failureThreshold: probe.failureThreshold,
  };
}

/** What of the system is the service's, whichever part it plays: its environment. */
export function serviceEnvironment(
  spec: { name: string; version: string; port: number; adminPort: number },
  system: System,
): Record<string, string> {
  const { shutdown, longestRequestSeconds, connectionMaxAgeSeconds, shedAbove } = system.catalogue;
  return {
    REPLICA_NAME: spec.name,
    SERVICE_VERSION: spec.version,
    HOST: "127.0.0.1",
    PORT: String(spec.port),
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: String(spec.adminPort),
    EXPOSE_REPLICA: "true",
    FAULTS_ENABLED: "true",
    CONNECTION_MAX_AGE_SECONDS: String(connectionMaxAgeSeconds),
    LONGEST_REQUEST_SECONDS: String(longestRequestSeconds),
    SHED_ABOVE: String(shedAbove),
    DRAIN_ENABLED: String(shutdown.enabled),
    LAG_SECONDS: String(shutdown.lagSeconds),
    ANNOUNCE_SECONDS: String(shutdown.announceSeconds),
    DRAIN_SECONDS: String(shutdown.drainSeconds),
  };
}

/** The same for the catalogue alone. */
export function catalogueEnvironment({
  catalogue: { stockClient, extraStartSeconds },
}: System): Record<string, string> {
  return {
    SERVICE_ROLE: "catalogue",
    FAULT_SLOW_START_SECONDS: String(extraStartSeconds),
    STOCK_ATTEMPT_TIMEOUT_MS: String(stockClient.attemptTimeoutMs),
    STOCK_MAX_ATTEMPTS: String(stockClient.maxAttempts),
    STOCK_BREAKER_FAILURES: String(stockClient.breakerFailures),
    STOCK_BREAKER_OPEN_SECONDS: String(stockClient.breakerOpenSeconds),
  };
}

function programOf({ command, cwd }: FleetTargetOptions["catalogue"]): { command: string[]; cwd?: string } {
  return { command: [...command], ...(cwd === undefined ? {} : { cwd }) };
}

function replicaOf(service: ServiceName, status: ReplicaStatus): Replica {
  return {
    service,
    name: status.name,
    version: status.version,
    state: status.state,
    ready: status.state === "ready",
    restarts: status.restarts,
    connections: status.connections,
    ...(status.pid === undefined ? {} : { pid: status.pid }),
  };
}

function targetEvent(service: ServiceName, event: FleetEvent): TargetEvent {
  const { atMs, type, ...rest } = event;
  if (!("replica" in rest)) return { atMs, type, service, detail: rest };
  const { replica, ...detail } = rest;
  return { atMs, type, service, replica, detail };
}

/** @throws ExperimentError TARGET_FAILED with what the admin port said */
async function admin(
  url: string,
  opts: { method?: "GET" | "POST" | "DELETE"; body?: FaultRequest } = {},
): Promise<string> {
  const { method = "GET", body } = opts;
  const answer = await request(url, {
    method,
    headersTimeout: ADMIN_TIMEOUT_MS,
    bodyTimeout: ADMIN_TIMEOUT_MS,
    ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 400) {
    throw new ExperimentError(
      "TARGET_FAILED",
      `${method} ${url} was answered ${answer.statusCode}: ${text.slice(0, 300)}`,
    );
  }
  return text;
}
