/** One life of a replica: start, serve, drain, exit. */

import { createConnections } from "./connections.ts";
import type { Connections } from "./connections.ts";
import { closingPhase, drain, runPhase, ship } from "./drain.ts";
import type { Closeable } from "./drain.ts";
import { lifecycleError, sentence } from "./errors.ts";
import type { LifecycleEvent } from "./events.ts";
import type { Settings } from "./options.ts";
import { SIGNAL_EXIT_CODE, watchProcess } from "./process-watch.ts";
import type { CrashOrigin, StopSignal } from "./process-watch.ts";
import { createServer } from "./servers.ts";
import type { ServerOptions } from "./servers.ts";
import type { Facts } from "./state.ts";

export interface RunOptions {
  /** The API. Listens when `prepare` is done. */
  public: ServerOptions;
  /** Probes and metrics. Listens first and answers until just before the exit; its requests are not counted. */
  admin: ServerOptions;
  /** Start-up work. The replica is ready when it resolves; SIGTERM meanwhile aborts the signal and exits 0, after `flush` and `ship`. */
  prepare?: (signal: AbortSignal) => Promise<void>;
  /** Dependencies: closed side by side after the last request. */
  close?: readonly Closeable[];
  /** Telemetry: closed side by side at the very end. Events after the start of phase `flush` come when it is closed. */
  flush?: readonly Closeable[];
  /** Ends the process; default `process.exit`. */
  exit?: (code: number) => void;
  /** Whether to listen to SIGTERM, SIGINT and uncaught errors; default true. Taken away at the end. */
  signals?: boolean;
  /** Asked at each signal; true ignores it. For experiments with a process that does not obey. */
  ignoreSignal?: (signal: StopSignal) => boolean;
  /** Drains as SIGTERM does when aborted; for programs that own the signals themselves. */
  stop?: AbortSignal;
}

export interface RunContext {
  readonly settings: Settings;
  /** The public server's. */
  readonly connections: Connections;
  readonly emit: (event: LifecycleEvent) => void;
  readonly enter: (stage: Facts["stage"], reason: string) => void;
}

/** npm forwards one Ctrl-C twice, within milliseconds; a person who means it needs longer. */
const REPEAT_MS = 1000;

/** Nothing was served yet, so there is little to flush: only the last lines of the start-up. */
const FLUSH_UNSTARTED_SECONDS = 0.5;

/** Admin sockets are few and long-lived (a scraper's): nothing is gained by sending them away. */
const AGELESS = { maxRequests: 0, maxAgeSeconds: 0, jitter: 0 };

/**
 * Runs the replica to its end.
 *
 * @throws LifecycleError PREPARE_FAILED, or one that says why a server cannot listen. Nothing is left open then.
 */
export async function runReplica(context: RunContext, opts: RunOptions): Promise<void> {
  const { settings, connections, enter } = context;
  const { timeouts } = settings;
  const adminConnections = createConnections(AGELESS);
  const admin = createServer("admin", {
    server: opts.admin,
    connections: adminConnections,
    timeouts,
  });
  const api = createServer("public", { server: opts.public, connections, timeouts });
  const phases = { connections, emit };
  const closing = { close: opts.close ?? [], flush: opts.flush ?? [] };

  const stopping = Promise.withResolvers<void>();
  const lagOver = Promise.withResolvers<void>();
  const halted = Promise.withResolvers<void>();
  const unprepared = new AbortController();
  let stage: Facts["stage"] = "starting";
  let stopReason: string | undefined;
  let crashed = false;
  let ended = false;
  let firstSignalMs: number | undefined;
  let crashTimer: NodeJS.Timeout | undefined;
  let lagTimer: NodeJS.Timeout | undefined;

  /** Nothing follows the exit event, even where `exit` comes back while a phase is under way. */
  function emit(event: LifecycleEvent): void {
    if (!ended || event.type === "exit") {
      context.emit(event);
    }
  }

  function go(to: Facts["stage"], reason: string): void {
    stage = to;
    enter(to, reason);
  }

  /** Not asynchronous: readiness must be gone before anything else happens. */
  function stop(reason: string): void {
    if (stopReason !== undefined) {
      return;
    }
    stopReason = reason;
    if (stage === "serving") {
      go("draining", reason);
    } else {
      unprepared.abort(new Error(reason));
    }
    stopping.resolve();
  }

  function isOver(): boolean {
    return ended || stopReason !== undefined;
  }

  function closeServers(): void {
    for (const server of [api, admin]) {
      server.close();
    }
  }

  function exit(code: number, reason: string): void {
    if (ended) {
      return;
    }
    go("stopped", reason);
    ended = true;
    unprepared.abort(new Error(reason));
    closeServers();
    emit({ type: "exit", code, reason });
    (opts.exit ?? process.exit)(code);
    halted.resolve(); // only where `exit` comes back
  }

  function onSignal(signal: StopSignal): void {
    if (opts.ignoreSignal?.(signal) === true) {
      return;
    }
    const nowMs = performance.now();
    const sinceFirstMs = firstSignalMs === undefined ? undefined : nowMs - firstSignalMs;
    firstSignalMs ??= nowMs;
    emit({ type: "signal", signal, repeated: sinceFirstMs !== undefined });

    if (!settings.drainEnabled) {
      exit(SIGNAL_EXIT_CODE[signal], `${signal}, and the drain is switched off`);
    } else if (sinceFirstMs === undefined) {
      stop(signal);
      // Who sends the signal has taken the endpoint away, so the longer lag of a crash has lost its reason.
      lagTimer = setTimeout(lagOver.resolve, settings.lagSeconds * 1000);
    } else if (sinceFirstMs >= REPEAT_MS) {
      exit(SIGNAL_EXIT_CODE[signal], `second signal (${signal})`);
    }
  }

  function onCrash(error: unknown, origin: CrashOrigin): void {
    const first = !crashed;
    crashed = true;
    emit({ type: "crash", error, origin });
    const reason = `${origin}: ${sentence(error)}`;

    if (!settings.drainEnabled) {
      exit(1, `${reason}, and the drain is switched off`);
    } else if (first) {
      const { deadlineSeconds } = settings.crash;
      crashTimer = setTimeout(
        () => exit(1, `${reason}; the drain was not done after ${deadlineSeconds} s`),
        deadlineSeconds * 1000,
      );
      stop(reason);
    }
  }

  async function start(): Promise<boolean> {
    emit({ type: "listening", server: "admin", ...(await admin.listen()) });
    if (opts.prepare !== undefined && !isOver()) {
      await Promise.race([stopping.promise, prepare(opts.prepare, unprepared.signal)]);
    }
    if (isOver()) {
      return false;
    }
    const address = await api.listen();
    if (isOver()) {
      return false;
    }
    emit({ type: "listening", server: "public", ...address });
    go("serving", "serves requests");
    return true;
  }

  async function live(): Promise<void> {
    let started: boolean;
    try {
      started = await start();
    } catch (error) {
      go("stopped", sentence(error));
      await runPhase(closingPhase("close", settings.closeSeconds, closing.close), phases);
      await runPhase(closingPhase("flush", settings.flushSeconds, closing.flush), phases);
      closeServers();
      throw error;
    }
    if (ended) {
      closeServers(); // one may have begun to listen meanwhile
      return;
    }
    if (!started) {
      const seconds = Math.min(settings.flushSeconds, FLUSH_UNSTARTED_SECONDS);
      await runPhase(closingPhase("flush", seconds, closing.flush), phases);
      await ship(settings.shipSeconds, phases);
      exit(crashed ? 1 : 0, `${stopReason} while starting`);
      return;
    }

    await stopping.promise;
    const problems = await drain({
      seconds: {
        lag: crashed ? settings.crash.lagSeconds : settings.lagSeconds,
        announce: settings.announceSeconds,
        drain: settings.drainSeconds,
        close: settings.closeSeconds,
        flush: settings.flushSeconds,
        ship: settings.shipSeconds,
      },
      ...phases,
      ...closing,
      stopListening: api.stopListening,
      lagOver: lagOver.promise,
    });
    exit(crashed ? 1 : 0, [`drained after ${stopReason}`, ...problems].join("; "));
  }

  const unwatch = opts.signals === false ? undefined : watchProcess({ onSignal, onCrash });
  const onStop = (): void => {
    const reason = "stopped by the program";
    if (settings.drainEnabled) {
      stop(reason);
    } else {
      exit(0, `${reason}, and the drain is switched off`);
    }
  };
  opts.stop?.addEventListener("abort", onStop);
  if (opts.stop?.aborted === true) {
    onStop();
  }
  try {
    await Promise.race([halted.promise, live()]);
  } finally {
    clearTimeout(crashTimer);
    clearTimeout(lagTimer);
    opts.stop?.removeEventListener("abort", onStop);
    unwatch?.();
  }
}

async function prepare(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work(signal);
  } catch (error) {
    if (signal.aborted) {
      return; // told to give up, and did
    }
    throw lifecycleError(`The start-up work failed: ${sentence(error)}.`, {
      code: "PREPARE_FAILED",
      exitCode: 4,
      cause: error,
    });
  }
}
