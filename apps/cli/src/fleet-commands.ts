/** What the fleets are handed: the program, and what its environment says. The fleet itself knows no app. */
import { defaultSystem } from "@holdfast/experiments";
import type { FleetOptions, ProbeOptions, ReplicaCommand, ReplicaSpec } from "@holdfast/fleet";

/** The service's command line, without its environment. */
export function serviceCommand(bundle: string): string[] {
  // A small young generation: the same throughput, and three quarters of the memory, of which every replica here takes its own.
  return [process.execPath, "--max-semi-space-size=4", bundle];
}

export interface ReplicaCommandsOptions {
  bundle: string;
  /** Known once the upstream's balancer listens. */
  stockUrl: () => string;
  /** Event-loop utilisation, 0..1, above which the catalogue sheds; 1 = never. */
  shedAbove: number;
}

/** How `start` runs a replica of each service. Experiments bring their own environment, since controls change it. */
export function replicaCommands(opts: ReplicaCommandsOptions): {
  catalogue: (spec: ReplicaSpec) => ReplicaCommand;
  stock: (spec: ReplicaSpec) => ReplicaCommand;
} {
  const command = serviceCommand(opts.bundle);
  return {
    catalogue: (spec) => ({ command, env: { ...environment(spec), ...catalogueEnvironment(opts) } }),
    stock: (spec) => ({ command, env: { ...environment(spec), SERVICE_ROLE: "stock", SHED_ABOVE: "1" } }),
  };
}

function catalogueEnvironment({ stockUrl, shedAbove }: ReplicaCommandsOptions): Record<string, string> {
  const { stockClient } = defaultSystem.catalogue;
  return {
    SERVICE_ROLE: "catalogue",
    SHED_ABOVE: String(shedAbove),
    STOCK_URL: stockUrl(),
    STOCK_ATTEMPT_TIMEOUT_MS: String(stockClient.attemptTimeoutMs),
    STOCK_MAX_ATTEMPTS: String(stockClient.maxAttempts),
    STOCK_BREAKER_FAILURES: String(stockClient.breakerFailures),
    STOCK_BREAKER_OPEN_SECONDS: String(stockClient.breakerOpenSeconds),
  };
}

function environment(spec: ReplicaSpec): Record<string, string> {
  const { shutdown, longestRequestSeconds, connectionMaxAgeSeconds } = defaultSystem.catalogue;
  return {
    NODE_ENV: "production",
    SERVICE_VERSION: spec.version,
    REPLICA_NAME: spec.name,
    // One machine, and nobody else's business.
    HOST: "127.0.0.1",
    PORT: String(spec.port),
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: String(spec.adminPort),
    // Answers say who gave them, and `break` may ask a replica to misbehave. Both are off unless asked for.
    EXPOSE_REPLICA: "true",
    FAULTS_ENABLED: "true",
    CONNECTION_MAX_AGE_SECONDS: String(connectionMaxAgeSeconds),
    LONGEST_REQUEST_SECONDS: String(longestRequestSeconds),
    // There is no preStop hook here, so a replica itself outlasts the time until the balancer has forgotten it.
    LAG_SECONDS: String(shutdown.lagSeconds),
    ANNOUNCE_SECONDS: String(shutdown.announceSeconds),
    DRAIN_SECONDS: String(shutdown.drainSeconds),
  };
}

/** What the experiments' own system says of the platform, so that what is shown here is what is proved there. */
export function platformOptions(): Pick<
  FleetOptions,
  "rollout" | "terminationGraceMs" | "probes" | "endpointLagMs" | "linkDelayMs" | "exitNoticeMs"
> {
  const { platform, rollout, terminationGraceSeconds, probes } = defaultSystem;
  const probe = (of: (typeof probes)["startup"]): Partial<ProbeOptions> => ({
    periodMs: of.periodSeconds * 1_000,
    timeoutMs: of.timeoutSeconds * 1_000,
    failureThreshold: of.failureThreshold,
  });
  return {
    ...platform,
    rollout,
    terminationGraceMs: terminationGraceSeconds * 1_000,
    probes: { startup: probe(probes.startup), readiness: probe(probes.readiness), liveness: probe(probes.liveness) },
  };
}
