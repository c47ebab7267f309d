import { join } from "node:path";
import { afterRestart, restartDelayMs } from "./back-off.ts";
import type { BackOff } from "./back-off.ts";
import { nowMs } from "./events.ts";
import type { EndReason, FleetEventBody, ProbeName } from "./events.ts";
import type { ProbeOptions, ReplicaCommand, ResolvedOptions } from "./options.ts";
import type { PortReservation } from "./ports.ts";
import { countProbe, uncounted } from "./probe-count.ts";
import type { Prober } from "./probe.ts";
import { launchProcess, neverRan } from "./process.ts";
import type { Exit, LaunchedProcess } from "./process.ts";

/**
 * starting: its process runs, startup has not passed · ready / unready: what readiness says · terminating: deleted, its process ends ·
 * exited: its process is gone and not (yet) replaced · backoff: CrashLoopBackOff.
 */
export type ReplicaState = "starting" | "ready" | "unready" | "terminating" | "exited" | "backoff";

export interface ReplicaStatus {
  name: string;
  version: string;
  revision: number;
  state: ReplicaState;
  pid: number | undefined;
  port: number;
  adminPort: number;
  restarts: number;
  /** ms on the clock of the events. */
  createdMs: number;
  readySinceMs: number | undefined;
  lastExit: Exit | undefined;
  /** Connections that the balancer holds to it now. */
  connections: number;
  logFile: string;
}

/** A pod with one container, and the kubelet's care for it. */
export interface Replica {
  readonly name: string;
  /** Of its template: replicas with the same hash are one ReplicaSet. */
  readonly hash: string;
  readonly port: number;
  /** What the API server knows: an exit that nobody has noticed yet changes nothing. */
  readonly ready: boolean;
  readonly readySinceMs: number | undefined;
  readonly running: boolean;
  readonly ending: boolean;
  readonly restarts: number;
  readonly createdMs: number;
  /** Exits so far, 0 again once it has been ready. */
  readonly failedStarts: number;
  status(): Omit<ReplicaStatus, "connections">;
  /** Starts its first process; call it once. */
  run(): void;
  /** Undefined when there is no process to send it to. The promise resolves when SIGKILL has worked, or at once with any other signal. */
  signal(signal: NodeJS.Signals): Promise<void> | undefined;
  /** Deletes it: SIGTERM now, SIGKILL after `graceMs`. Again: may shorten the grace. Resolves when its process is gone. */
  end(opts: { reason: EndReason; graceMs: number }): Promise<void>;
}

export interface ReplicaContext {
  options: ResolvedOptions;
  prober: Prober;
  emit: (event: FleetEventBody) => void;
  /** Something changed that endpoints, rollouts or waiters may depend on. */
  changed: () => void;
  /** See launchProcess. */
  beforeRun: (pid: number) => Promise<void>;
  gone: (pid: number) => void;
  /** Its process is gone and it is not coming back. */
  ended: (replica: Replica) => void;
  /** How long from now until the kubelet stand-in next looks at its containers. */
  nextLookMs: () => number;
}

export function createReplica(
  spec: {
    name: string;
    revision: { number: number; version: string; env: Record<string, string>; hash: string };
    ports: { public: PortReservation; admin: PortReservation };
  },
  context: ReplicaContext,
): Replica {
  const { name, revision } = spec;
  const { version } = revision;
  const { options, emit, changed } = context;
  const port = spec.ports.public.port;
  const adminPort = spec.ports.admin.port;
  const logFile = join(options.logDir, `${name}.log`);
  const createdMs = nowMs();
  const ended = Promise.withResolvers<void>();

  let container: Container | undefined;
  let backOff: BackOff | undefined;
  let restartTimer: NodeJS.Timeout | undefined;
  let restarts = 0;
  let failedStarts = 0;
  let lastExit: Exit | undefined;
  let ready = false;
  let readySinceMs: number | undefined;
  let wasReady = false;
  let ending: { sinceMs: number; killed: boolean; killAtMs: number; timer?: NodeJS.Timeout } | undefined;

  /** With selfHealing off, what has been ready once is left to itself. */
  function isLeftAlone(): boolean {
    return !options.selfHealing && wasReady;
  }

  function start(): void {
    const startedMs = nowMs();
    const process = launch();
    const current = createContainer(process);
    container = current;
    emit({ type: "replica.starting", replica: name, version, pid: process.pid, port, adminPort, restarts });
    void process.exited.then((exit) => exited(current, exit));

    current.probe("startup", () => {
      current.started = true;
      current.stopProbe("startup");
      current.probe("liveness", () => undefined);
      current.probe("readiness", () => becomeReady(startedMs));
      changed();
    });
  }

  function launch(): LaunchedProcess {
    let handed: ReplicaCommand;
    try {
      handed = options.replica({ name, version, port, adminPort });
    } catch (error) {
      return neverRan(String(error));
    }
    const env = { ...inheritedEnv(), ...handed.env, ...revision.env };
    return launchProcess({ ...handed, env, logFile, beforeRun: context.beforeRun });
  }

  /** One run of the process, and the probes that watch it. */
  function createContainer(process: LaunchedProcess): Container {
    const running = new Map<ProbeName, { stop(): void }>();
    let killTimer: NodeJS.Timeout | undefined;

    function probe(probeName: ProbeName, passed: () => void): void {
      const options_ = options.probes[probeName];
      if (options_ === false) return passed();
      let count = uncounted;
      const answered = (ok: boolean, reason: string) => {
        const counted = countProbe(count, ok ? "success" : "failure", options_);
        count = counted.count;
        if (!ok) {
          const { failureThreshold: threshold } = options_;
          emit({
            type: "replica.probe-failed",
            replica: name,
            version,
            probe: probeName,
            reason,
            failures: count.run,
            threshold,
          });
        }
        if (counted.verdict === "success") passed();
        if (counted.verdict === "failure") failed(probeName, { reason, failures: count.run, probe: options_ });
      };
      running.set(
        probeName,
        context.prober.probe({
          port: adminPort,
          probe: options_,
          answered: (answer) => answered(answer.ok, answer.ok ? "" : answer.reason),
        }),
      );
    }

    function failed(probeName: ProbeName, why: { reason: string; failures: number; probe: ProbeOptions }): void {
      if (isLeftAlone()) return;
      if (probeName === "readiness") return becomeUnready(why.reason);
      const type = probeName === "startup" ? "replica.startup-failed" : "replica.liveness-failed";
      emit({ type, replica: name, version, failures: why.failures, reason: why.reason });
      // On hold until there is a new container, as the kubelet's worker; readiness goes on.
      stopProbe("startup");
      stopProbe("liveness");
      if (!process.alive) return;
      self.killedByUs = true;
      process.signal("SIGTERM");
      killTimer = setTimeout(process.killGroup, why.probe.terminationGraceMs ?? options.terminationGraceMs);
    }

    function stopProbe(probeName: ProbeName): void {
      running.get(probeName)?.stop();
      running.delete(probeName);
    }

    const self: Container = {
      process,
      started: false,
      killedByUs: false,
      probe,
      stopProbe,
      stop() {
        clearTimeout(killTimer);
        for (const probeName of running.keys()) stopProbe(probeName);
      },
    };
    return self;
  }

  function becomeReady(startedMs: number): void {
    if (ready) return;
    ready = true;
    wasReady = true;
    failedStarts = 0;
    readySinceMs = nowMs();
    if (ending === undefined) emit({ type: "replica.ready", replica: name, version, tookMs: readySinceMs - startedMs });
    changed();
  }

  function becomeUnready(reason: string): void {
    if (!ready) return;
    ready = false;
    readySinceMs = undefined;
    if (ending === undefined) emit({ type: "replica.unready", replica: name, version, reason });
    changed();
  }

  function exited(current: Container, exit: Exit): void {
    const exitedMs = nowMs();
    lastExit = exit;
    failedStarts += 1;
    if (current.process.pid !== undefined) context.gone(current.process.pid);
    if (ending !== undefined) return finish();
    emit({ type: "replica.exited", replica: name, version, exit, pid: current.process.pid });
    changed();
    if (isLeftAlone()) return current.stop();
    // A container that the kubelet has killed itself it need not notice.
    const noticeMs = current.killedByUs ? 0 : context.nextLookMs();
    if (noticeMs === 0) noticed(current, exitedMs);
    else restartTimer = setTimeout(noticed, noticeMs, current, exitedMs);
  }

  function noticed(current: Container, exitedMs: number): void {
    current.stop();
    emit({ type: "replica.exit-noticed", replica: name, version, tookMs: nowMs() - exitedMs });
    becomeUnready("its process has exited");
    const waitMs = exitedMs + restartDelayMs(backOff, exitedMs, options.restartBackoffMs) - nowMs();
    if (waitMs <= 0) return restart(exitedMs);
    container = undefined;
    emit({ type: "replica.backoff", replica: name, version, delayMs: waitMs, restarts });
    restartTimer = setTimeout(restart, waitMs, exitedMs);
    changed();
  }

  function restart(exitedMs: number): void {
    backOff = afterRestart(backOff, { exitedMs, startedMs: nowMs() }, options.restartBackoffMs);
    restarts += 1;
    emit({ type: "replica.restarted", replica: name, version, restarts });
    start();
    changed();
  }

  function end({ reason, graceMs }: { reason: EndReason; graceMs: number }): Promise<void> {
    const killAtMs = nowMs() + graceMs;
    if (ending !== undefined) {
      if (killAtMs < ending.killAtMs) armKill(ending, killAtMs);
      return ended.promise;
    }
    ending = { sinceMs: nowMs(), killed: false, killAtMs };
    clearTimeout(restartTimer);
    container?.stopProbe("startup");
    container?.stopProbe("liveness");
    emit({ type: "replica.ending", replica: name, version, reason });
    if (container?.process.alive === true) {
      container.process.signal("SIGTERM");
      armKill(ending, killAtMs);
    } else {
      finish();
    }
    changed();
    return ended.promise;
  }

  function armKill(deletion: NonNullable<typeof ending>, killAtMs: number): void {
    clearTimeout(deletion.timer);
    deletion.killAtMs = killAtMs;
    deletion.timer = setTimeout(
      () => {
        deletion.killed = true;
        container?.process.killGroup();
      },
      Math.max(0, killAtMs - nowMs()),
    );
  }

  /** A deleted replica's process is gone. */
  function finish(): void {
    if (ending === undefined) return;
    clearTimeout(ending.timer);
    container?.stop();
    ready = false;
    readySinceMs = undefined;
    spec.ports.public.release();
    spec.ports.admin.release();
    const { killed, sinceMs } = ending;
    const exit = container === undefined ? undefined : lastExit;
    emit({ type: "replica.ended", replica: name, version, exit, killed, tookMs: nowMs() - sinceMs });
    ended.resolve();
    context.ended(replica);
  }

  function state(): ReplicaState {
    if (ending !== undefined) return "terminating";
    if (container === undefined) return "backoff";
    if (!container.process.alive) return "exited";
    if (!container.started) return "starting";
    return ready ? "ready" : "unready";
  }

  const replica: Replica = {
    name,
    hash: revision.hash,
    port,
    createdMs,
    get ready() {
      return ready;
    },
    get readySinceMs() {
      return readySinceMs;
    },
    get running() {
      return container?.process.alive === true;
    },
    get ending() {
      return ending !== undefined;
    },
    get restarts() {
      return restarts;
    },
    get failedStarts() {
      return failedStarts;
    },
    status: () => ({
      name,
      version,
      revision: revision.number,
      state: state(),
      pid: container?.process.alive === true ? container.process.pid : undefined,
      port,
      adminPort,
      restarts,
      createdMs,
      readySinceMs,
      lastExit,
      logFile,
    }),
    signal(signal) {
      const { process } = container ?? {};
      if (process?.alive !== true) return undefined;
      emit({ type: "replica.signalled", replica: name, version, signal });
      if (signal !== "SIGKILL") return Promise.resolve(process.signal(signal));
      process.killGroup();
      return process.exited.then(() => undefined);
    },
    run: start,
    end,
  };
  return replica;
}

interface Container {
  readonly process: LaunchedProcess;
  started: boolean;
  killedByUs: boolean;
  probe(name: ProbeName, passed: () => void): void;
  stopProbe(name: ProbeName): void;
  stop(): void;
}

/** What a program needs to find others and to know where it is; the rest of our environment is not a replica's business. */
function inheritedEnv(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
