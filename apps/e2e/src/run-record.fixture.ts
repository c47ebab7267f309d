/** A run made up for tests of what is written about one. */
import type { Outcome, RunRecord } from "./result.ts";

export function outcome(more: Partial<Outcome> = {}): Outcome {
  return {
    id: "zones",
    kind: "check",
    title: "One replica in every zone",
    claims: "three replicas stand in three zones",
    verdict: "PASS",
    reason: "At first zone-a on w1.",
    seconds: 12.3,
    controls: [{ name: "no spread", verdict: "FAIL", reason: "3 of 3 pods are on one node.", asPredicted: true }],
    files: { result: "zones.json" },
    ...more,
  };
}

export function record(outcomes: readonly Outcome[], more: Partial<RunRecord> = {}): RunRecord {
  return {
    schemaVersion: 1,
    startedAt: "2026-11-24T10:00:00.000Z",
    seconds: 754.4,
    commit: "0123456789ab",
    cluster: "holdfast",
    versions: { kubernetes: "1.36.4", helm: "4.2.3" },
    machine: { cores: 2, memoryGiB: 24, platform: "linux-x64" },
    passed: 2,
    failed: 0,
    outcomes,
    ...more,
  };
}
