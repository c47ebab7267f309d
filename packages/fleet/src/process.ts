import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Writable } from "node:stream";

/** How a process ended: with a code, by a signal, or without ever having run (`error`). */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error?: string;
}

export interface LaunchedProcess {
  readonly pid: number | undefined;
  readonly alive: boolean;
  /** Resolves once the process is gone and what was left of its group has been killed. */
  readonly exited: Promise<Exit>;
  /** To the process alone, as a container's first process gets it. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to the process and all it started: a container's end takes everything in it. */
  killGroup(): void;
}

/**
 * The process waits for one line on descriptor 3 before it becomes the command, so that nothing runs before the watchman knows of it:
 * if we die in between, the line never comes, the read fails and nothing is left.
 */
const waitThenRun = 'read -r go <&3 && [ "$go" = go ] && exec 3<&- && exec "$@"';

/**
 * Starts a command in a process group of its own, stdout and stderr appended to one file by the kernel (nothing to lose in between).
 * Never throws: what cannot be started exits with `error`.
 *
 * @param opts.beforeRun awaited when the process exists and before the command runs; a rejection means it never does
 */
export function launchProcess(opts: {
  command: string[];
  env: Record<string, string>;
  cwd?: string;
  logFile: string;
  beforeRun: (pid: number) => Promise<void>;
}): LaunchedProcess {
  let log: number | undefined;
  let child: ChildProcess;
  try {
    log = openSync(opts.logFile, "a");
    child = spawn("/bin/sh", ["-c", waitThenRun, "replica", ...opts.command], {
      ...(opts.cwd === undefined ? {} : { cwd: opts.cwd }),
      env: opts.env,
      detached: true,
      stdio: ["ignore", log, log, "pipe"],
    });
  } catch (error) {
    return neverRan(String(error));
  } finally {
    if (log !== undefined) closeSync(log);
  }

  let alive = child.pid !== undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("error", (error) => {
      // "error" also reports a failed kill; only a process without a pid has not run.
      if (child.pid !== undefined) return;
      resolve({ code: null, signal: null, error: error.message });
    });
    child.once("exit", (code, signal) => {
      alive = false;
      killGroup();
      resolve({ code, signal });
    });
  });

  const go = child.stdio[3] as Writable | null;
  // The process may be killed before it has read its line.
  go?.on("error", () => undefined);
  if (child.pid !== undefined) {
    opts.beforeRun(child.pid).then(
      () => go?.end("go\n"),
      () => go?.destroy(),
    );
  }

  function killGroup(): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // ESRCH: nothing is left of the group.
    }
  }

  return {
    pid: child.pid,
    get alive() {
      return alive;
    },
    exited,
    signal(signal) {
      if (alive) child.kill(signal);
    },
    killGroup,
  };
}

/** The process that could not be started at all. */
export function neverRan(reason: string): LaunchedProcess {
  return {
    pid: undefined,
    alive: false,
    exited: Promise.resolve({ code: null, signal: null, error: reason }),
    signal: () => undefined,
    killGroup: () => undefined,
  };
}

/** "exited with code 1", "was ended by SIGKILL", "could not be started: ...". */
export function describeExit(exit: Exit): string {
  if (exit.error !== undefined) return `could not be started: ${exit.error}`;
  return exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
}
