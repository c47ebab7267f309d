/** What stands around the services on a cluster, as far as an experiment may look at it or disturb it. */
import type { AlertView, StoredLine } from "@holdfast/cluster";

export interface TargetPlatform {
  /** Those of the lab's own namespace that are pending or firing. */
  readAlerts(): Promise<readonly AlertView[]>;
  /** Names of the lab's pods that Prometheus scrapes, and whose last scrape was good. */
  scrapedPods(): Promise<readonly string[]>;
  /** Takes the log store away. Resolves when it is gone. */
  stopLogStore(): Promise<void>;
  /** Brings it back, with what it had stored. Resolves when it is ready. */
  startLogStore(): Promise<void>;
  /**
   * SIGKILL to each process that ships logs: the agents of all nodes or, where that is how logs are shipped, the replicas'
   * sidecars. Resolves when each has been restarted and is ready.
   */
  killLogShippers(): Promise<void>;
  /** Lines of the lab's own pods that are stored, by a filter in LogsQL; of each only the named fields. */
  queryLogs(opts: { filter: string; fields: readonly string[]; signal?: AbortSignal }): Promise<readonly StoredLine[]>;
  /** Whether the run has disturbed anything of it. */
  isDisturbed(): boolean;
  /** That it is as it was, in a few words. @throws with what is not */
  look(opts: { signal: AbortSignal }): Promise<string>;
}

/** What works inside of `during()` only. */
export const DISTURBING_PLATFORM: readonly (string | symbol)[] = [
  "stopLogStore",
  "startLogStore",
  "killLogShippers",
] satisfies (keyof TargetPlatform)[];
