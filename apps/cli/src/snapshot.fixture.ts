/** A snapshot for tests: three replicas in the middle of a rollout. */
import type { ReplicaSnapshot, Snapshot } from "./snapshot.ts";

export function sampleSnapshot(change: Partial<Snapshot> = {}): Snapshot {
  return {
    name: "default",
    url: "http://localhost:8080",
    pid: 4242,
    phase: "running",
    linkDelayMs: 10,
    upMs: 84_000,
    services: [
      {
        name: "catalogue",
        wanted: 3,
        replicas: [
          sampleReplica({ name: "catalogue-6f4d9c-x2k9q", state: "ready", version: "v2", pid: 40_118, requests: 412 }),
          sampleReplica({
            name: "catalogue-6f4d9c-b7wzn",
            state: "starting",
            version: "v2",
            pid: 40_167,
            connections: 0,
          }),
          sampleReplica({
            name: "catalogue-58c7bd-m4tqs",
            state: "ready",
            version: "v1",
            pid: 39_902,
            requests: 1_371,
            restarts: 1,
          }),
          sampleReplica({
            name: "catalogue-58c7bd-hj8rd",
            state: "terminating",
            version: "v1",
            pid: 39_905,
            requests: 1_402,
          }),
        ],
      },
      {
        name: "stock",
        wanted: 1,
        replicas: [sampleReplica({ name: "stock-7bb8d5-lp2xv", pid: 39_911, requests: 640, connections: 3 })],
      },
    ],
    load: {
      ratePerSecond: 20,
      sentPerSecond: 20,
      sent: 1_640,
      answered: 1_597,
      degraded: 40,
      failed: { total: 3, byFate: { refused: 2, reset: 1 }, byConnection: { new: 2, persistent: 1 } },
      p50Ms: 23.4,
      p99Ms: 41.2,
      seconds: Array.from({ length: 60 }, (_, i) => ({
        sent: 20,
        degraded: i > 20 && i < 30 ? 4 : 0,
        failed: i === 31 ? 3 : 0,
      })),
    },
    happenings: [
      { atMs: 61_000, text: "you killed catalogue-58c7bd-m4tqs (SIGKILL)", tone: "warn" },
      { atMs: 61_200, text: "catalogue-58c7bd-m4tqs died (SIGKILL)", tone: "bad" },
      { atMs: 80_500, text: "catalogue: rolling out v2, each new replica ready before an old one ends", tone: "plain" },
      { atMs: 81_900, text: "catalogue-6f4d9c-x2k9q is ready after 880 ms", tone: "good" },
      { atMs: 82_000, text: "catalogue-58c7bd-hj8rd is told to end (rollout) and drains", tone: "plain" },
    ],
    ...change,
  };
}

export function sampleReplica(change: Partial<ReplicaSnapshot>): ReplicaSnapshot {
  return {
    name: "catalogue-1",
    state: "ready",
    version: "v1",
    port: 31_001,
    adminPort: 31_002,
    connections: 6,
    restarts: 0,
    requests: 0,
    ...change,
  };
}
