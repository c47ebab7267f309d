import { mkdir } from "node:fs/promises";
import { startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";
import { createDeployment } from "./deployment.ts";
import type { Revision } from "./deployment.ts";
import { FleetError } from "./errors.ts";
import { createEmitter, nowMs } from "./events.ts";
import type { FleetListener, RolloutOutcome } from "./events.ts";
import type { Endpoint } from "./kube-proxy.ts";
import { lastLine } from "./log.ts";
import { resolveOptions } from "./options.ts";
import type { FleetOptions } from "./options.ts";
import { createPorts } from "./ports.ts";
import type { PortReservation } from "./ports.ts";
import { createProber } from "./probe.ts";
import { describeExit } from "./process.ts";
import { createReplica } from "./replica.ts";
import type { ReplicaStatus } from "./replica.ts";
import { createProgressClocks, createWaiters } from "./waiters.ts";

export interface RollOutOptions {
  version: string;
  /** Laid over what `replica()` returns, for this revision; absent: as in the revision before; `{}`: nothing. */
  env?: Record<string, string>;
  /** Aborted: the rollout stays where it is (paused) and the promise rejects with FLEET_ROLLOUT_ABORTED; roll back or out to go on. */
  signal?: AbortSignal;
}

export interface Fleet {
  /** The Service, `http://127.0.0.1:<port>`; with port 0 known from start() on, before that it throws FLEET_NOT_STARTED. */
  readonly url: string;
  /** The balancer's process, undefined while there is none. */
  readonly balancerPid: number | undefined;
  /**
   * Resolves when every replica is ready and the balancer knows it. Rejects with nothing left behind: when `signal` is aborted, when not
   * all are ready within `withinMs` (60 000), and as soon as a replica has ended twice without ever having been ready.
   */
  start(opts?: { signal?: AbortSignal; withinMs?: number }): Promise<void>;
  /** All there are, those that are ending included, oldest first. */
  replicas(): ReplicaStatus[];
  /** Resolves when as many are ready as were asked for; those that go may still be ending. */
  scale(replicas: number): Promise<void>;
  /**
   * Resolves as `kubectl rollout status` does: the new ones are ready; old ones may still be ending. The same version again is a
   * `rollout restart`. Rejects with FLEET_PROGRESS_DEADLINE when nothing gets further; the rollout then stays half-way until rollBack().
   */
  rollOut(opts: RollOutOptions): Promise<void>;
  /** `kubectl rollout undo`: back to the revision before; resolves and rejects as rollOut does. */
  rollBack(opts?: { signal?: AbortSignal }): Promise<void>;
  /** Every replica ready, none ending, and the balancer knows. Rejects with FLEET_NOT_SETTLED after `withinMs` (60 000). */
  settled(opts?: { withinMs?: number }): Promise<void>;
  /**
   * Sends a signal as something outside would, not as a deletion. SIGKILL (the default) goes to its whole group, and this resolves when
   * the process is gone; any other signal goes to the process alone, and this resolves when it is sent.
   */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  on(listener: FleetListener): () => void;
  /** Ends all replicas (SIGTERM, SIGKILL after `graceMs`, default terminationGraceMs), then the balancer. A second call may shorten the grace. */
  stop(opts?: { graceMs?: number }): Promise<void>;
}

/** How often a replica may end before it was ever ready until start() gives up: once may be chance. */
const maxFailedStarts = 2;

/**
 * Real replicas of a program as processes, behind a balancer that behaves as kube-proxy does and looked after as by a kubelet.
 * Throws FLEET_BAD_OPTIONS with every mistake at once.
 */
export function createFleet(opts: FleetOptions): Fleet {
  const options = resolveOptions(opts);
  const events = createEmitter();
  const { emit } = events;
  const waiters = createWaiters();
  const progress = createProgressClocks();
  const ports = createPorts();
  const prober = createProber();
  const createdMs = nowMs();
  let phase: "new" | "starting" | "started" | "stopping" | "stopped" = "new";
  let servicePort: PortReservation | undefined;
  let balancer: Balancer | undefined;
  let balancerStarting: Promise<Balancer> | undefined;
  let stopping: Promise<void> | undefined;
  let connections: Record<string, number> = {};
  let endpoints = "[]";
  let generation = 0;
  let appliedGeneration = 0;
  let portTaken: string | undefined;
  let activeRollout: { fail(error: FleetError): void } | undefined;

  const deployment = createDeployment({
    options,
    ports,
    create: (spec) => createReplica(spec, replicaContext),
    failed: (error) => waiters.rejectAll(error instanceof Error ? error : new Error(String(error))),
  });

  const replicaContext: Parameters<typeof createReplica>[1] = {
    options,
    prober,
    emit,
    changed,
    beforeRun: (pid) => balancer?.watch(pid) ?? Promise.reject(new Error("there is no balancer")),
    gone: (pid) => balancer?.unwatch(pid),
    ended(replica) {
      deployment.remove(replica);
      changed();
    },
    nextLookMs: () =>
      options.exitNoticeMs === 0 ? 0 : options.exitNoticeMs - ((nowMs() - createdMs) % options.exitNoticeMs),
  };

  /** Called after every change of a replica: what follows from it, in the order in which Kubernetes' parts would see it. */
  function changed(): void {
    publishEndpoints();
    deployment.reconcile();
    if (deployment.progressed()) progress.rearm();
    waiters.changed();
  }

  function publishEndpoints(): void {
    const list: Endpoint[] = deployment.replicas
      .filter(({ ready, ending }) => ready || ending)
      .map(({ name, port, ready, ending }) => ({
        name,
        port,
        ready: ready && !ending,
        serving: ready,
        terminating: ending,
      }));
    const written = JSON.stringify(list);
    if (written === endpoints) return;
    endpoints = written;
    generation += 1;
    const names = (which: (endpoint: Endpoint) => boolean) => list.filter(which).map(({ name }) => name);
    emit({
      type: "endpoints",
      generation,
      ready: names(({ ready }) => ready),
      terminating: names(({ terminating }) => terminating),
    });
    balancer?.setEndpoints(generation, list);
  }

  async function start({ signal, withinMs = 60_000 }: { signal?: AbortSignal; withinMs?: number } = {}): Promise<void> {
    if (phase === "stopping" || phase === "stopped") throw stoppedError();
    if (phase !== "new") throw new FleetError("FLEET_ALREADY_STARTED", `The fleet ${options.name} was started before.`);
    phase = "starting";
    const startedMs = nowMs();
    let givenUp: FleetError | undefined;
    function giveUp(error: FleetError): void {
      givenUp ??= error;
      waiters.rejectAll(givenUp);
    }
    /** Between two steps: is there still a reason to take the next one? */
    function checkpoint(): void {
      if (phase !== "starting") throw stoppedError();
      if (givenUp !== undefined) throw givenUp;
    }
    const abort = () =>
      giveUp(
        new FleetError("FLEET_START_ABORTED", "The start was aborted; nothing of it is left.", {
          cause: signal?.reason,
        }),
      );
    const overdue = setTimeout(
      () => giveUp(new FleetError("FLEET_START_FAILED", `Not all is ready after ${withinMs} ms: ${describe()}.`)),
      withinMs,
    );
    signal?.addEventListener("abort", abort);
    if (signal?.aborted === true) abort();
    try {
      checkpoint();
      servicePort = await (options.port === 0 ? ports.reserve() : ports.claim(options.port));
      checkpoint();
      await makeLogDir(options.logDir);
      checkpoint();
      balancerStarting = startBalancer(balancerOptions(servicePort.port));
      balancer = await balancerStarting;
      checkpoint();
      deployment.reconcile();
      await waiters.until(() => {
        checkpoint();
        return isStarted();
      }).done;
      phase = "started";
      emit({ type: "fleet.started", tookMs: nowMs() - startedMs });
    } catch (error) {
      await stop();
      throw error;
    } finally {
      clearTimeout(overdue);
      signal?.removeEventListener("abort", abort);
    }
  }

  function isStarted(): boolean {
    if (portTaken !== undefined) {
      throw new FleetError(
        "FLEET_PORT_TAKEN",
        `The Service's port was taken while the replicas started: ${portTaken}.`,
      );
    }
    if (deployment.replicas.some(({ failedStarts }) => failedStarts >= maxFailedStarts)) {
      throw new FleetError("FLEET_START_FAILED", `The replicas do not start: ${describe()}.`);
    }
    return deployment.complete && appliedGeneration === generation;
  }

  function balancerOptions(port: number): Parameters<typeof startBalancer>[0] {
    return {
      port,
      lagMs: options.endpointLagMs,
      linkDelayMs: options.linkDelayMs,
      graceMs: options.terminationGraceMs,
      onStarted: (pid) => emit({ type: "balancer.started", pid, port }),
      onApplied(applied) {
        appliedGeneration = applied.generation;
        portTaken = undefined;
        emit({ type: "endpoints.applied", generation: applied.generation, backends: applied.backends }, applied.atMs);
        waiters.changed();
      },
      onPortTaken(message) {
        if (portTaken === undefined) emit({ type: "balancer.port-taken", message });
        portTaken = message;
        waiters.changed();
      },
      onConnections(open) {
        connections = open;
      },
      onExited(exit, lastWords) {
        connections = {};
        appliedGeneration = -1;
        emit({ type: "balancer.exited", exit, lastWords });
      },
    };
  }

  /** As waiters.until, and ended by stop(), also by one that came before. */
  function until(check: () => boolean): ReturnType<typeof waiters.until> {
    return waiters.until(() => {
      mustRun();
      return check();
    });
  }

  /** Waits until the deployment is complete, or until nothing has got further for so long that it will not be. */
  async function untilComplete(
    what: string,
    opts: { cancellable?: (cancel: (error: FleetError) => void) => void } = {},
  ) {
    const waiter = until(() => deployment.complete);
    opts.cancellable?.(waiter.cancel);
    const { progressDeadlineMs } = options.rollout;
    const clock = progress.start(progressDeadlineMs, () =>
      waiter.cancel(
        new FleetError(
          "FLEET_PROGRESS_DEADLINE",
          `${what} exceeded its progress deadline, nothing got further for ${progressDeadlineMs} ms: ${describe()}.`,
        ),
      ),
    );
    try {
      await waiter.done;
    } finally {
      clock.stop();
    }
  }

  async function scale(count: number): Promise<void> {
    mustRun();
    if (!Number.isInteger(count) || count < 0) {
      throw new FleetError(
        "FLEET_BAD_OPTIONS",
        `A fleet cannot have ${count} replicas; give a whole number from 0 on.`,
      );
    }
    if (deployment.paused) {
      throw new FleetError(
        "FLEET_ROLLOUT_PAUSED",
        `A rollout of ${options.name} was stopped half-way. Roll back, or roll out again, before you scale.`,
      );
    }
    emit({ type: "scale", from: deployment.wanted, to: count });
    deployment.scale(count);
    changed();
    await untilComplete(`Scaling ${options.name} to ${count}`);
  }

  async function roll(
    revise: () => Revision,
    { rollback, signal }: { rollback: boolean; signal: AbortSignal | undefined },
  ): Promise<void> {
    mustRun();
    const aborted = () =>
      new FleetError(
        "FLEET_ROLLOUT_ABORTED",
        `The rollout was stopped where it was: ${describe()}. Roll back, or roll out again, to go on.`,
        { cause: signal?.reason },
      );
    if (signal?.aborted === true) throw aborted();
    const from = deployment.revision;
    const { number: revision, version } = revise();
    activeRollout?.fail(
      new FleetError("FLEET_ROLLOUT_SUPERSEDED", `The rollout to ${from.version} was overtaken by one to ${version}.`),
    );
    const startedMs = nowMs();
    emit({ type: "rollout.start", revision, version, from: from.version, rollback });

    let outcome: RolloutOutcome = "complete";
    const mine: typeof activeRollout = { fail: () => undefined };
    activeRollout = mine;
    function abort(): void {
      deployment.pause();
      mine?.fail(aborted());
    }
    signal?.addEventListener("abort", abort);
    try {
      // Before anything moves: a listener may abort, or overtake, at the first event.
      const done = untilComplete(`The rollout of ${options.name} to ${version}`, {
        cancellable(cancel) {
          mine.fail = cancel;
        },
      });
      changed();
      await done;
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
      if (activeRollout === mine) activeRollout = undefined;
      emit({ type: "rollout.end", revision, version, outcome, tookMs: nowMs() - startedMs });
    }
  }

  async function settled({ withinMs = 60_000 }: { withinMs?: number } = {}): Promise<void> {
    mustRun();
    const waiter = until(
      () =>
        deployment.complete &&
        deployment.replicas.every(({ ending, running }) => !ending && running) &&
        appliedGeneration === generation,
    );
    const overdue = setTimeout(
      () => waiter.cancel(new FleetError("FLEET_NOT_SETTLED", `Not settled after ${withinMs} ms: ${describe()}.`)),
      withinMs,
    );
    try {
      await waiter.done;
    } finally {
      clearTimeout(overdue);
    }
  }

  async function kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    mustRun();
    const replica = deployment.replicas.find((replica) => replica.name === name);
    if (replica === undefined) {
      const names = deployment.replicas.map((replica) => replica.name).join(", ") || "none";
      throw new FleetError("FLEET_UNKNOWN_REPLICA", `There is no replica ${name}. There are: ${names}.`);
    }
    const signalled = replica.signal(signal);
    if (signalled === undefined) {
      throw new FleetError(
        "FLEET_REPLICA_NOT_RUNNING",
        `${name} has no process to send ${signal} to: ${describe()}. Wait until it is started again.`,
      );
    }
    await signalled;
  }

  function stop({ graceMs = options.terminationGraceMs }: { graceMs?: number } = {}): Promise<void> {
    if (stopping === undefined) {
      const startedMs = nowMs();
      const wasNew = phase === "new";
      phase = "stopping";
      if (!wasNew) emit({ type: "fleet.stopping" });
      stopping = end(graceMs).then(() => {
        phase = "stopped";
        if (!wasNew) emit({ type: "fleet.stopped", tookMs: nowMs() - startedMs });
      });
      waiters.rejectAll(stoppedError());
    } else if (phase === "stopping") {
      void deployment.end({ graceMs });
    }
    return stopping;
  }

  async function end(graceMs: number): Promise<void> {
    await deployment.end({ graceMs });
    // It may be on its way up while we go down.
    await balancerStarting?.then(
      (started) => started.stop(),
      () => undefined,
    );
    servicePort?.release();
    await prober.close();
  }

  function mustRun(): void {
    if (phase === "new") {
      throw new FleetError("FLEET_NOT_STARTED", `The fleet ${options.name} is not started yet. Call start() first.`);
    }
    if (phase === "stopping" || phase === "stopped") throw stoppedError();
  }

  function stoppedError(): FleetError {
    return new FleetError("FLEET_STOPPED", `The fleet ${options.name} was stopped.`);
  }

  function replicas(): ReplicaStatus[] {
    return deployment.replicas.map((replica) => ({ ...replica.status(), connections: connections[replica.name] ?? 0 }));
  }

  /** What keeps the fleet from being settled, for error messages. */
  function describe(): string {
    const sentences = replicas()
      .filter(({ state }) => state !== "ready")
      .map((replica) => {
        const exit = replica.lastExit === undefined ? "" : `, its process ${describeExit(replica.lastExit)}`;
        const said = lastLine(replica.logFile);
        return `${replica.name} is ${replica.state}${exit}${said === "" ? "" : ` and last wrote "${said}"`} (${replica.logFile})`;
      });
    const ready = replicas().length - sentences.length;
    return [`${ready} of ${deployment.wanted} replicas are ready`, ...sentences].join("; ");
  }

  return {
    get url() {
      const port = options.port === 0 ? servicePort?.port : options.port;
      if (port === undefined) {
        throw new FleetError(
          "FLEET_NOT_STARTED",
          "The fleet takes any free port, so its address is known once it has started.",
        );
      }
      return `http://127.0.0.1:${port}`;
    },
    get balancerPid() {
      return balancer?.pid;
    },
    start,
    replicas,
    scale,
    rollOut: ({ signal, ...template }) => roll(() => deployment.revise(template), { rollback: false, signal }),
    rollBack: ({ signal } = {}) => roll(() => deployment.revert(), { rollback: true, signal }),
    settled,
    kill,
    on: events.on,
    stop,
  };
}

function outcomeOf(error: unknown): RolloutOutcome {
  switch (error instanceof FleetError ? error.code : undefined) {
    case "FLEET_PROGRESS_DEADLINE":
      return "deadline";
    case "FLEET_ROLLOUT_ABORTED":
      return "aborted";
    case "FLEET_ROLLOUT_SUPERSEDED":
      return "superseded";
    case "FLEET_STOPPED":
      return "stopped";
    default:
      return "failed";
  }
}

async function makeLogDir(logDir: string): Promise<void> {
  try {
    await mkdir(logDir, { recursive: true });
  } catch (error) {
    const { message } = error as NodeJS.ErrnoException;
    throw new FleetError(
      "FLEET_LOG_DIR",
      `The directory for logs could not be made: ${message}. Choose another logDir.`,
    );
  }
}
