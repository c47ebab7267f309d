import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Watchman {
  watch(pid: number): void;
  unwatch(pid: number): void;
  /** SIGTERM to each, SIGKILL to the groups of those that are still there after `graceMs`; resolves when none is left. */
  endAll(opts: { graceMs: number }): Promise<void>;
}

/** No exit event comes from processes that are not our children. */
const pollMs = 50;
/** What SIGKILL does not end within this time hangs in the kernel; waiting longer would not help. */
const killedWithinMs = 5_000;

/** Knows which processes must not outlive the fleet, and ends them when the fleet can no longer do it itself. */
export function createWatchman(): Watchman {
  const pids = new Set<number>();

  async function untilGone(withinMs: number): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    for (;;) {
      for (const pid of pids) {
        if (isAlive(pid)) continue;
        // What it had started goes with it.
        send(-pid, "SIGKILL");
        pids.delete(pid);
      }
      if (pids.size === 0 || performance.now() >= deadlineMs) return;
      await sleep(pollMs);
    }
  }

  return {
    watch: (pid) => void pids.add(pid),
    unwatch: (pid) => void pids.delete(pid),
    async endAll({ graceMs }) {
      for (const pid of pids) send(pid, "SIGTERM");
      await untilGone(graceMs);
      for (const pid of pids) send(-pid, "SIGKILL");
      await untilGone(killedWithinMs);
    },
  };
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Whether a process still runs. One that has exited and waits to be collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // "1234 (name) Z ...": the name may hold anything, so the state is what follows the last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    // No /proc (macOS): there init collects orphans at once.
    return true;
  }
}
