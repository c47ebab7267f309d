import { readFileSync } from "node:fs";
import type { Pod } from "@holdfast/cluster";
import { expect, test } from "vitest";
import type { TargetEvent } from "../target.ts";
import { createPodWatch, type PodEvent, type PodWatch } from "./pod-watch.ts";

/**
 * What a watch said on Kubernetes 1.36 of two pods that sleep 2 s before SIGTERM and 3 s after it, cut to what is read:
 * they start; one is killed from its node; a rollout replaces both; one of the new ones is evicted.
 */
const recorded = readFileSync(new URL("pod-watch.recorded.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as PodEvent & { atMs: number });

function createWatch(): PodWatch {
  return createPodWatch({ zoneOf: (node) => (node === "dev-worker" ? "zone-a" : "zone-b") });
}

function replay(watch = createWatch()): TargetEvent[] {
  return recorded.flatMap((event) => watch.note(event, event.atMs));
}

/** `type@seconds` of one pod. */
function lifeOf(events: readonly TargetEvent[], end: string): string[] {
  return events
    .filter(({ replica }) => replica?.endsWith(end))
    .map(({ type, atMs }) => `${type.replace("replica.", "")}@${(atMs / 1000).toFixed(1)}`);
}

test("a container that is killed from its node: its death is told once it was noticed, and its restart in the same pod", () => {
  expect(lifeOf(replay(), "px86l")).toEqual([
    "starting@0.5",
    "ready@0.5",
    "exited@4.0",
    "exit-noticed@4.0",
    "starting@4.2",
    "restarted@4.2",
    "ready@4.2",
    "ending@12.3",
    "ended@17.5",
  ]);
});

test("who kills a container tells its death at once, and the kubelet's notice comes later", () => {
  const watch = createWatch();
  const replayed = (from: number, to: number) =>
    recorded.filter(({ atMs }) => atMs >= from && atMs < to).flatMap((event) => watch.note(event, event.atMs));
  const before = replayed(0, 3000);
  const victim = watch.replicas("catalogue").find(({ name }) => name.endsWith("px86l"));
  const name = victim?.name ?? "";
  expect(watch.container(name)).toEqual({ node: victim?.node, containerId: "containerd://7c07d7cd555d" });
  const events = [
    ...before,
    ...watch.noteKilled({ pod: name, containerId: "containerd://7c07d7cd555d" }, 2600),
    ...replayed(3000, 5000),
  ];
  expect(lifeOf(events, "px86l").slice(2, 4)).toEqual(["exited@2.6", "exit-noticed@4.0"]);
  expect(watch.noteKilled({ pod: "nobody", containerId: "containerd://7c07d7cd555d" }, 5000)).toEqual([]);
});

test.each([
  { when: "before the container runs again", untilMs: 4100 },
  { when: "after it runs again", untilMs: 5000 },
])("a kill whose answer comes $when tells no second death", ({ untilMs }) => {
  const watch = createWatch();
  const before = recorded.filter(({ atMs }) => atMs < untilMs).flatMap((event) => watch.note(event, event.atMs));
  const pod = before.find(({ replica }) => replica?.endsWith("px86l"))?.replica ?? "";
  expect(before.filter(({ type }) => type === "replica.exited")).toHaveLength(1);
  expect(watch.noteKilled({ pod, containerId: "containerd://7c07d7cd555d" }, untilMs)).toEqual([]);
  const after = recorded.filter(({ atMs }) => atMs >= untilMs).flatMap((event) => watch.note(event, event.atMs));
  expect(lifeOf([...before, ...after], "px86l").slice(2, 5)).toEqual([
    "exited@4.0",
    "exit-noticed@4.0",
    "starting@4.2",
  ]);
});

test("a rollout: the old pod ends when its container has exited, which is before its object is gone and long after it was asked to", () => {
  const events = replay();
  expect(lifeOf(events, "qvt29")).toEqual(["starting@0.6", "ready@0.6", "ending@10.5", "ended@15.9"]);
  const gone = recorded.find(({ type, object }) => type === "DELETED" && object.metadata.name.endsWith("qvt29"));
  expect(gone?.atMs).toBeGreaterThan(16_200);
  expect(events.find(({ type, replica }) => type === "replica.ended" && replica?.endsWith("qvt29"))?.detail).toEqual({
    version: "1",
    zone: expect.stringMatching(/^zone-/),
    exitCode: 0,
    finishedAt: "2026-11-24T11:07:51Z",
  });
});

test("what the watch tells is at most a second and a half later than the kubelet's own times, whose seconds are cut off", () => {
  const originMs = Date.parse("2026-11-24T11:07:35.931Z");
  for (const { atMs, detail = {} } of replay()) {
    const own = detail["finishedAt"] ?? detail["startedAt"];
    if (typeof own !== "string") continue;
    const lateMs = originMs + atMs - Date.parse(own);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(2500);
  }
});

test("an eviction looks like any other end", () => {
  expect(lifeOf(replay(), "lc7bn")).toEqual(["starting@10.4", "ready@10.4", "ending@22.6", "ended@27.8"]);
});

test("replicas are those whose container has not ended, with version, zone and restarts", () => {
  const watch = createWatch();
  const seen: string[] = [];
  for (const event of recorded) {
    watch.note(event, event.atMs);
    const states = watch
      .replicas("catalogue")
      .map(({ name, version, state }) => `${name.slice(-5)} ${version} ${state}`);
    if (states.join() !== seen.at(-1)) seen.push(states.join());
  }
  expect(seen).toContain("px86l 1 exited,qvt29 1 ready");
  expect(seen).toContain("px86l 1 terminating,lc7bn 2 ready,ss7lq 2 ready");
  expect(seen.at(-1)).toBe("ss7lq 2 ready,ksf79 2 ready");
  expect(watch.replicas("catalogue")[0]).toMatchObject({ service: "catalogue", ready: true, restarts: 0 });
  expect(watch.replicas("stock")).toEqual([]);
});

test("a pod on a lost node is unready, then ending, and has ended only when its node is back and says so", () => {
  const watch = createWatch();
  const events = [
    pod({ ready: true }),
    pod({ ready: false }),
    pod({ ready: false, deleted: true }),
    pod({ ready: false, deleted: true, exited: true }),
  ].flatMap((object, index) => watch.note({ type: index === 0 ? "ADDED" : "MODIFIED", object }, index));
  expect(events.map(({ type }) => type)).toEqual([
    "replica.starting",
    "replica.ready",
    "replica.unready",
    "replica.ending",
    "replica.ended",
  ]);
});

test("an object that goes without a word about its container is the end too", () => {
  const watch = createWatch();
  watch.note({ type: "ADDED", object: pod({ ready: true }) }, 0);
  const events = watch.note({ type: "DELETED", object: pod({ ready: true, deleted: true }) }, 1);
  expect(events.map(({ type }) => type)).toEqual(["replica.ending", "replica.ended"]);
  expect(watch.replicas("catalogue")).toEqual([]);
});

test("a container that cannot start says why", () => {
  const watch = createWatch();
  const { spec, metadata } = pod({ ready: false });
  const waiting = { name: "service", restartCount: 0, state: { waiting: { reason: "ImagePullBackOff" } } };
  const object = { metadata, spec, status: { containerStatuses: [waiting] } } as unknown as Pod;
  watch.note({ type: "ADDED", object }, 0);
  expect(watch.replicas("catalogue")).toMatchObject([{ state: "ImagePullBackOff", ready: false }]);
});

test("pods of other releases are nobody's", () => {
  const other = pod({ ready: true });
  const object = { ...other, metadata: { ...other.metadata, labels: {} } };
  expect(createWatch().note({ type: "ADDED", object }, 0)).toEqual([]);
});

/** The part of a Pod that is read. */
function pod(opts: { ready: boolean; deleted?: boolean; exited?: boolean }): Pod {
  const state = opts.exited ? { terminated: { exitCode: 137 } } : { running: {} };
  return {
    metadata: {
      name: "catalogue-1-a",
      uid: "1",
      labels: { "app.kubernetes.io/instance": "catalogue" },
      ...(opts.deleted ? { deletionTimestamp: "2026-11-24T11:00:00Z" } : {}),
    },
    spec: { nodeName: "dev-worker", containers: [{ name: "service" }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: opts.ready ? "True" : "False" }],
      containerStatuses: [{ name: "service", containerID: "containerd://1", restartCount: 0, state }],
    },
  } as unknown as Pod;
}
