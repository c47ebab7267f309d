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
/** As much of kubectl's last words as a person reads. */
const LAST_WORDS = 500;

/** Streams that run. They have groups of their own, so a process that is told to end at once has to take them along. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGTERM");
});

export function createPodLogs(
  kubectl: Pick<Kubectl, "command">,
  { namespace, logDir }: { namespace: string; logDir: string },
): PodLogs {
  const streams = new Set<Promise<void>>();
  const own = new Set<ChildProcess>();
  let cut = false;

  async function stream(pod: string): Promise<void> {
    const [program = "kubectl", ...args] = kubectl.command(["logs", "-n", namespace, "-f", pod]);
    const file = await open(path.join(logDir, `${pod}.log`), "a");
    try {
      // In a group of its own: Ctrl-C in a terminal is the lab's to order.
      const child = spawn(program, args, { stdio: ["ignore", file.fd, "pipe"], detached: true });
      for (const children of [own, running]) children.add(child);
      const broken = await brokenOff(child);
      for (const children of [own, running]) children.delete(child);
      // Whoever reads the log must not take its end for the pod's.
      if (broken !== undefined && !cut) await file.write(`The log could not be followed any further: ${broken}\n`);
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
      const timer = setTimeout(() => {
        cut = true;
        for (const child of own) child.kill("SIGTERM");
      }, FINISH_WITHIN_MS);
      await Promise.all(streams);
      clearTimeout(timer);
    },
  };
}

/** Why it did not come to the log's end, once it is gone. */
async function brokenOff(child: ChildProcess): Promise<string | undefined> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-LAST_WORDS);
  });
  const gone = Promise.withResolvers<string | undefined>();
  child.once("close", (code, signal) =>
    gone.resolve(code === 0 ? undefined : said.trim() || `kubectl ended (${signal ?? `exit code ${code}`})`),
  );
  child.once("error", (error) => gone.resolve(error.message));
  return gone.promise;
}
