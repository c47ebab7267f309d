import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromBalancer, ToBalancer } from "./balancer-protocol.ts";
import { FleetError } from "./errors.ts";
import type { Endpoint } from "./kube-proxy.ts";
import { describeExit } from "./process.ts";
import type { Exit } from "./process.ts";

export interface BalancerOptions {
  port: number;
  lagMs: number;
  linkDelayMs: number;
  /** What replicas get between SIGTERM and SIGKILL when the balancer has to end them in our place. */
  graceMs: number;
  onStarted: (pid: number) => void;
  onApplied: (applied: { generation: number; backends: string[]; atMs: number }) => void;
  onPortTaken: (message: string) => void;
  onConnections: (open: Record<string, number>) => void;
  /** It ended though nobody told it to, or could not be started; another is started, and connections are lost. */
  onExited: (exit: Exit, lastWords: string) => void;
}

export interface Balancer {
  readonly pid: number | undefined;
  setEndpoints(generation: number, endpoints: Endpoint[]): void;
  /** Resolves when the balancer will end this process if we cannot. */
  watch(pid: number): Promise<void>;
  unwatch(pid: number): void;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("./balancer-process.ts", import.meta.url));
/** A balancer that dies at once is not started in a busy loop. */
const restartDelayMs = 200;
/** After "stop" it gives slow clients 2 s (and the link's delay); then it is ended. */
const stopWithinMs = 4_000;
const maxLastWords = 2_000;

function forkBalancer(): ChildProcess {
  return fork(program, [], {
    detached: true,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    // Nothing of our environment belongs in there: NODE_OPTIONS, for one, could attach a debugger or a loader.
    env: {},
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
}

/** Starts the balancer process and keeps one running until stop(). Throws FLEET_BALANCER_FAILED when it does not come up. */
export async function startBalancer(opts: BalancerOptions): Promise<Balancer> {
  const watched = new Map<number, () => void>();
  let endpoints: ToBalancer | undefined;
  let stopping = false;
  let child: ChildProcess;
  let exited: Promise<void>;
  let restart: NodeJS.Timeout | undefined;

  function launch(): Promise<void> {
    return new Promise((started, failed) => {
      let lastWords = "";
      const gone = Promise.withResolvers<void>();
      exited = gone.promise;
      let next: ChildProcess;
      try {
        next = forkBalancer();
      } catch (error) {
        // Of what the system refuses, Node throws some (no memory) and emits the rest (no descriptors, no processes).
        ended({ code: null, signal: null, error: String(error) });
        return;
      }
      child = next;
      next.stderr?.setEncoding("utf8").on("data", (text: string) => {
        lastWords = (lastWords + text).slice(-maxLastWords);
      });
      next.on("error", (error) => {
        // A process without a pid has not run, and no "exit" follows.
        if (next.pid === undefined) ended({ code: null, signal: null, error: error.message });
        else failed(error);
      });
      next.on("message", (message) => {
        const heard = message as FromBalancer;
        if (heard.type === "started") started();
        receive(heard);
      });
      next.once("exit", (code, signal) => ended({ code, signal }));
      tell({ type: "start", port: opts.port, lagMs: opts.lagMs, linkDelayMs: opts.linkDelayMs, graceMs: opts.graceMs });
      for (const pid of watched.keys()) tell({ type: "watch", pid });
      if (endpoints !== undefined) tell(endpoints);

      function ended(exit: Exit): void {
        gone.resolve();
        failed(new Error(lastWords.trim() || `it ${describeExit(exit)}`));
        if (stopping) return;
        opts.onExited(exit, lastWords.trim());
        restart = setTimeout(relaunch, restartDelayMs);
      }
    });
  }

  function relaunch(): void {
    // Whatever fails has ended as well, which tries again.
    launch().catch(() => undefined);
  }

  function tell(message: ToBalancer): void {
    if (child.connected) child.send(message, () => undefined);
  }

  function receive(message: FromBalancer): void {
    switch (message.type) {
      case "started":
        if (child.pid !== undefined) opts.onStarted(child.pid);
        return;
      case "watching":
        watched.get(message.pid)?.();
        return;
      case "applied":
        opts.onApplied(message);
        return;
      case "port-taken":
        opts.onPortTaken(message.message);
        return;
      case "connections":
        opts.onConnections(message.open);
        return;
      default:
        message satisfies never;
    }
  }

  try {
    await launch();
  } catch (error) {
    stopping = true;
    clearTimeout(restart);
    throw new FleetError(
      "FLEET_BALANCER_FAILED",
      `The balancer process did not start: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  return {
    get pid() {
      return child.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    setEndpoints(generation, list) {
      endpoints = { type: "endpoints", generation, endpoints: list };
      tell(endpoints);
    },
    watch(pid) {
      const { promise, resolve } = Promise.withResolvers<void>();
      watched.set(pid, resolve);
      tell({ type: "watch", pid });
      return promise;
    },
    unwatch(pid) {
      watched.delete(pid);
      tell({ type: "unwatch", pid });
    },
    async stop() {
      stopping = true;
      clearTimeout(restart);
      tell({ type: "stop" });
      const overdue = setTimeout(() => child.kill("SIGKILL"), stopWithinMs + opts.linkDelayMs);
      await exited;
      clearTimeout(overdue);
    },
  };
}
