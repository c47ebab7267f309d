import { FleetError } from "./errors.ts";

/** What the fleet is told about one replica before it starts it. */
export interface ReplicaSpec {
  name: string;
  version: string;
  port: number;
  adminPort: number;
}

/** How to run one replica. The environment is the whole of it, but for PATH, HOME, TMPDIR, TZ and LANG, which are inherited. */
export interface ReplicaCommand {
  command: string[];
  env: Record<string, string>;
  cwd?: string;
}

/** An httpGet probe on the admin port, as Kubernetes means it: 200..399 within `timeoutMs` is a success. */
export interface ProbeOptions {
  path: string;
  periodMs: number;
  timeoutMs: number;
  /** Failures in a row that count as failed. */
  failureThreshold: number;
  /** Successes in a row that count as passed; more than 1 only for readiness. */
  successThreshold: number;
  /** Wait after the start (startup) or after startup has passed (the others). */
  initialDelayMs: number;
  /** Grace between SIGTERM and SIGKILL when this probe has a replica restarted; default: the fleet's. */
  terminationGraceMs?: number;
}

/** Each probe may be changed in part, or switched off with `false` (then it counts as passed). */
export interface ProbesOptions {
  startup?: Partial<ProbeOptions> | false;
  readiness?: Partial<ProbeOptions> | false;
  liveness?: Partial<ProbeOptions> | false;
}

export interface RolloutOptions {
  /** Replicas above the wanted number while rolling; 1. */
  maxSurge: number;
  /** Replicas that may be missing while rolling; 0. Not both may be 0. */
  maxUnavailable: number;
  /** A rollout in which nothing got further for so long has failed; 600 000, as in Kubernetes. */
  progressDeadlineMs?: number;
}

/** Restart delays: none, then `initialMs`, doubling up to `maxMs`; forgotten after a run longer than 2 x `maxMs`. */
export interface RestartBackoffOptions {
  /** 10 000 */
  initialMs: number;
  /** 300 000 */
  maxMs: number;
}

export interface FleetOptions {
  /** The Deployment's name: replicas are called `<name>-<template hash>-<random>`. Lower case, digits and hyphens. */
  name: string;
  /** The Service's port on 127.0.0.1; 0 = any free one. */
  port: number;
  replicas: number;
  version: string;
  /** The fleet knows no app: this says how to run one. */
  replica: (spec: ReplicaSpec) => ReplicaCommand;
  /** One `<replica>.log` each, stdout and stderr, appended over restarts. Made when missing. */
  logDir: string;
  /** How much later the balancer learns of an endpoint that came or went; 1 000. */
  endpointLagMs?: number;
  /** One-way delay of the link between clients and replicas, which loopback lacks; 0. */
  linkDelayMs?: number;
  probes?: ProbesOptions;
  rollout?: RolloutOptions;
  /** From SIGTERM to SIGKILL; 30 000. */
  terminationGraceMs?: number;
  restartBackoffMs?: RestartBackoffOptions;
  /** The kubelet looks at its containers every so often: an exit is noticed up to this much later; 1 000. */
  exitNoticeMs?: number;
  /**
   * true. With false nobody looks after a replica that was ready once: a dead or stuck one is neither restarted nor taken out of the
   * endpoints. The control of experiments.
   */
  selfHealing?: boolean;
}

/** Every option with its default filled in. */
export interface ResolvedOptions extends Omit<FleetOptions, "probes" | "rollout"> {
  endpointLagMs: number;
  linkDelayMs: number;
  probes: { [probe in keyof ProbesOptions]-?: ProbeOptions | false };
  rollout: Required<RolloutOptions>;
  terminationGraceMs: number;
  restartBackoffMs: RestartBackoffOptions;
  exitNoticeMs: number;
  selfHealing: boolean;
}

/** The paths and numbers of the chart: liveness is slow on purpose, since 1 s timeouts cause the cascades they are meant to end. */
const defaultProbes: { startup: ProbeOptions; readiness: ProbeOptions; liveness: ProbeOptions } = {
  startup: probe({ path: "/startupz", periodMs: 1_000, timeoutMs: 1_000, failureThreshold: 60 }),
  readiness: probe({ path: "/readyz", periodMs: 5_000, timeoutMs: 2_000, failureThreshold: 2 }),
  liveness: probe({ path: "/livez", periodMs: 10_000, timeoutMs: 5_000, failureThreshold: 3 }),
};

function probe(opts: Omit<ProbeOptions, "successThreshold" | "initialDelayMs">): ProbeOptions {
  return { ...opts, successThreshold: 1, initialDelayMs: 0 };
}

/** Fills in the defaults. Throws FLEET_BAD_OPTIONS with every mistake at once. */
export function resolveOptions(opts: FleetOptions): ResolvedOptions {
  const { startup, readiness, liveness } = opts.probes ?? {};
  const resolved: ResolvedOptions = {
    ...opts,
    endpointLagMs: opts.endpointLagMs ?? 1_000,
    linkDelayMs: opts.linkDelayMs ?? 0,
    probes: {
      startup: startup === false ? false : { ...defaultProbes.startup, ...startup },
      readiness: readiness === false ? false : { ...defaultProbes.readiness, ...readiness },
      liveness: liveness === false ? false : { ...defaultProbes.liveness, ...liveness },
    },
    rollout: { progressDeadlineMs: 600_000, ...(opts.rollout ?? { maxSurge: 1, maxUnavailable: 0 }) },
    terminationGraceMs: opts.terminationGraceMs ?? 30_000,
    restartBackoffMs: opts.restartBackoffMs ?? { initialMs: 10_000, maxMs: 300_000 },
    exitNoticeMs: opts.exitNoticeMs ?? 1_000,
    selfHealing: opts.selfHealing ?? true,
  };
  const mistakes = findMistakes(resolved);
  if (mistakes.length > 0) {
    throw new FleetError("FLEET_BAD_OPTIONS", `These options of the fleet cannot be used: ${mistakes.join("; ")}.`);
  }
  return resolved;
}

function findMistakes(opts: ResolvedOptions): string[] {
  const mistakes: string[] = [];
  const { rollout, restartBackoffMs: backOff } = opts;

  // 40: with a hash of 10 and a suffix of 5 a replica's name still fits the 63 characters of a DNS label.
  if (!/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/.test(opts.name)) {
    mistakes.push(
      `name is ${JSON.stringify(opts.name)}, must be 1 to 40 of a-z, 0-9 and -, from a letter to a letter or digit`,
    );
  }
  if (opts.version === "") mistakes.push("version is empty");
  if (opts.logDir === "") mistakes.push("logDir is empty");
  whole("port", opts.port, { min: 0, max: 65_535 });
  whole("replicas", opts.replicas, { min: 0 });
  whole("rollout.maxSurge", rollout.maxSurge, { min: 0 });
  whole("rollout.maxUnavailable", rollout.maxUnavailable, { min: 0 });
  if (rollout.maxSurge === 0 && rollout.maxUnavailable === 0) {
    mistakes.push("rollout.maxSurge and rollout.maxUnavailable are both 0, so no rollout could ever move");
  }
  milliseconds("rollout.progressDeadlineMs", rollout.progressDeadlineMs, 1);
  milliseconds("endpointLagMs", opts.endpointLagMs);
  milliseconds("linkDelayMs", opts.linkDelayMs);
  milliseconds("terminationGraceMs", opts.terminationGraceMs);
  milliseconds("exitNoticeMs", opts.exitNoticeMs);
  milliseconds("restartBackoffMs.initialMs", backOff.initialMs);
  milliseconds("restartBackoffMs.maxMs", backOff.maxMs, backOff.initialMs);
  for (const [name, probe] of Object.entries(opts.probes)) {
    if (probe === false) continue;
    if (!probe.path.startsWith("/")) mistakes.push(`probes.${name}.path is "${probe.path}", must begin with /`);
    milliseconds(`probes.${name}.periodMs`, probe.periodMs, 1);
    milliseconds(`probes.${name}.timeoutMs`, probe.timeoutMs, 1);
    milliseconds(`probes.${name}.initialDelayMs`, probe.initialDelayMs);
    milliseconds(`probes.${name}.terminationGraceMs`, probe.terminationGraceMs ?? 0);
    whole(`probes.${name}.failureThreshold`, probe.failureThreshold, { min: 1 });
    whole(`probes.${name}.successThreshold`, probe.successThreshold, {
      min: 1,
      max: name === "readiness" ? Infinity : 1,
    });
  }
  return mistakes;

  function whole(name: string, value: number, { min, max = Infinity }: { min: number; max?: number }): void {
    if (Number.isInteger(value) && value >= min && value <= max) return;
    mistakes.push(
      `${name} is ${value}, must be a whole number ${max === Infinity ? `from ${min} on` : `from ${min} to ${max}`}`,
    );
  }
  function milliseconds(name: string, value: number, min = 0): void {
    // 2^31 - 1 ms is the longest timer.
    if (value >= min && value <= 2_147_483_647) return;
    mistakes.push(`${name} is ${value}, must be milliseconds from ${min} to 2147483647`);
  }
}
