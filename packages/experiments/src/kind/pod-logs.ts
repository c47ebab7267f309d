/** Follows every pod's log into a file of its own from its first line on, since a pod's log goes with the pod. */
import { spawn, type ChildProcess } from "node:child_process";
import { open } from "node:fs/promises";
import path from "node:path";
import type { Kubectl } from "@holdfast/cluster";

export interface PodLogs {
  /** A container of the pod runs now: also after a restart, which goes on in the same file. */
  follow(pod: string): void;
  /** Resolves when what is left of every log is written; what still hangs, on a node that is lost, is cut. */
  finish(): Promise<void>;
}

/** After a pod's end its stream ends by itself; longer than the kubelet needs for it. */
const FINISH_WITHIN_MS = 5000;

export function createPodLogs(kubectl: Kubectl, { namespace, logDir }: { namespace: string; logDir: string }): PodLogs {
  const streams = new Set<Promise<void>>();
  const children = new Set<ChildProcess>();

  async function stream(pod: string): Promise<void> {
    const [program = "kubectl", ...args] = kubectl.command(["logs", "-n", namespace, "-f", pod]);
    const file = await open(path.join(logDir, `${pod}.log`), "a");
    try {
      // In a group of its own: Ctrl-C in a terminal is the lab's to order.
      const child = spawn(program, args, { stdio: ["ignore", file.fd, "ignore"], detached: true });
      children.add(child);
      await new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.once("error", () => resolve());
      });
      children.delete(child);
    } finally {
      await file.close();
    }
  }

  return {
    follow(pod) {
      // A log that cannot be had is no reason to end a run.
      const followed = stream(pod).catch(() => {});
      streams.add(followed);
      void followed.then(() => streams.delete(followed));
    },
    async finish() {
      const cut = setTimeout(() => {
        for (const child of children) child.kill("SIGTERM");
      }, FINISH_WITHIN_MS);
      await Promise.all(streams);
      clearTimeout(cut);
    },
  };
}
