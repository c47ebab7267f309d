import type { Cluster, Pod, WatchOptions } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { changeSystem, defaultSystemOn, type SystemChange } from "../system.ts";
import { createLogPlatform } from "./log-platform.ts";

const { signal } = new AbortController();

interface State {
  store: number;
  queue: "file_storage" | "";
  /** Nodes that have a log agent. */
  agents?: readonly string[];
  /** Of the replicas, in turn: each look at them takes the next. */
  pods?: readonly (readonly Pod[])[];
}

/** A cluster with a log store and an agent on one node, where whatever it is told happens at once. */
function clusterWith(state: State | undefined, opts: { refuses?: string } = {}) {
  const told: string[] = [];
  const killed: string[] = [];
  const metadata = { name: "x", uid: "1", creationTimestamp: "" };
  const store = () => ({
    metadata,
    spec: { replicas: state?.store },
    status: {
      replicas: state?.store,
      updatedReplicas: state?.store,
      readyReplicas: state?.store,
      availableReplicas: state?.store,
    },
  });
  const agent = () => ({
    metadata,
    spec: { template: { spec: { containers: [{ env: [{ name: "QUEUE_STORAGE", value: state?.queue }] }] } } },
    status: { desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberReady: 1 },
  });
  let looks = 0;
  const kubectl = {
    run: async (args: readonly string[]) => {
      const [verb = "", what = ""] = args;
      if (verb === "get") return state ? JSON.stringify(what.startsWith("statefulset/") ? store() : agent()) : "";
      told.push([verb, ...args.filter((arg) => /replicas|QUEUE/.test(arg))].join(" "));
      if (opts.refuses === verb) throw new Error(`${verb} was refused`);
      if (!state) return "";
      if (verb === "scale") state.store = args.includes("--replicas=1") ? 1 : 0;
      if (verb === "patch") state.queue = args.at(-1)?.includes('"file_storage"') ? "file_storage" : "";
      return "";
    },
    json: async (args: readonly string[]) => {
      if (args.includes("telemetry"))
        return {
          items: (state?.agents ?? []).map((each) => agentOn(each, killed)),
        };
      const found = state?.pods?.[Math.min(looks, (state.pods.length ?? 1) - 1)] ?? [];
      looks += 1;
      return { items: found };
    },
    watch: ([what = ""]: readonly string[], { onEvent }: WatchOptions<unknown>) => {
      const object = what.startsWith("stateful") ? store() : agent();
      if (what !== "pods") setImmediate(() => onEvent({ type: "ADDED", object }));
      return { stop: async () => {} };
    },
  };
  const cluster = {
    kubectl,
    killContainer: async ({ node, containerId }: { node: string; containerId: string }) =>
      void killed.push(`${containerId} on ${node}`),
  } as unknown as Cluster;
  const notes: string[] = [];
  const platformOf = (change: SystemChange = {}) =>
    createLogPlatform({
      cluster,
      system: changeSystem(defaultSystemOn("kind"), change),
      namespace: "lab",
      note: (sentence) => notes.push(sentence),
    });
  return { told, killed, notes, platformOf };
}

const inOrder = { store: 1, queue: "file_storage" } as const;

test("where all is as it should be, and where there are no logs at all, nothing is touched", async () => {
  for (const state of [{ ...inOrder }, undefined]) {
    const { told, notes, platformOf } = clusterWith(state);
    const platform = platformOf();
    await platform.prepare({ signal });
    await platform.repair();
    await platform.restore();
    expect([told, notes]).toEqual([[], []]);
    expect(platform.calls.isDisturbed()).toBe(false);
  }
});

test("what a killed run has left is put right, and said", async () => {
  const state: State = { store: 0, queue: "" };
  const { notes, platformOf } = clusterWith(state);
  await platformOf().prepare({ signal });
  expect(state).toEqual(inOrder);
  expect(notes).toEqual([
    "bringing the log store back, which an earlier run has taken away",
    "putting the log agents' queue back on the disk, where an earlier run has not left it",
  ]);
});

test("a queue in memory is for the time of the run", async () => {
  const state: State = { ...inOrder };
  const { platformOf } = clusterWith(state);
  const platform = platformOf({ platform: { logQueue: "memory" } });
  await platform.prepare({ signal });
  expect(state.queue).toBe("");
  // As long as it runs that is how it should be.
  expect(await platform.calls.look({ signal })).toBe("the log store and the log agents are ready");
  await platform.restore();
  expect(state).toEqual(inOrder);
});

test("a queue that could not be set is set back all the same", async () => {
  const { told, platformOf } = clusterWith({ ...inOrder }, { refuses: "patch" });
  const platform = platformOf({ platform: { logQueue: "memory" } });
  await expect(platform.prepare({ signal })).rejects.toThrow("patch was refused");
  await expect(platform.restore()).rejects.toThrow("The way of the logs was not restored: patch was refused.");
  expect(told.filter((call) => call.startsWith("patch"))).toHaveLength(2);
});

test("the agents' queue is no matter of a run whose pods ship their own lines", async () => {
  const { told, platformOf } = clusterWith({ ...inOrder });
  await platformOf({ catalogue: { logShipping: "sidecar" }, platform: { logQueue: "memory" } }).prepare({ signal });
  expect(told).toEqual([]);
});

test("a store that is away comes back with the rollback, and at the end where there was none", async () => {
  for (const back of ["repair", "restore"] as const) {
    const state: State = { ...inOrder };
    const { platformOf } = clusterWith(state);
    const platform = platformOf();
    await platform.calls.stopLogStore();
    expect(state.store).toBe(0);
    expect(platform.calls.isDisturbed()).toBe(true);
    await expect(platform.calls.look({ signal: AbortSignal.abort() })).rejects.toThrow("the log store is not ready");
    await platform[back]();
    expect(state).toEqual(inOrder);
  }
});

/** An agent's pod, ready with another container once the one it had was killed. */
function agentOn(node: string, killed: readonly string[]): Pod {
  const id = killed.some((kill) => kill.endsWith(` on ${node}`)) ? "new" : "old";
  const status = { name: "log-agent", ready: true, restartCount: 0, image: "", imageID: "" };
  return {
    metadata: { name: `log-agent-${node}`, uid: node, creationTimestamp: "" },
    spec: { nodeName: node, containers: [] },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [{ ...status, containerID: `containerd://${id}` }],
    },
  };
}

/** A replica's pod with its sidecar in that state. */
function podOf(name: string, sidecar: { id: string; ready: boolean }): Pod {
  return {
    metadata: { name, uid: name, creationTimestamp: "" },
    spec: { nodeName: "node-1", containers: [] },
    status: {
      initContainerStatuses: [
        {
          name: "log-shipper",
          ready: sidecar.ready,
          restartCount: 0,
          image: "",
          imageID: "",
          containerID: `containerd://${sidecar.id}`,
          state: sidecar.ready ? { running: { startedAt: "" } } : {},
        },
      ],
    },
  };
}

test("sidecars are killed one after the other, each when the one before it runs again", async () => {
  const a = (id: string, ready = true) => podOf("a", { id, ready });
  const b = (id: string, ready = true) => podOf("b", { id, ready });
  const { killed, platformOf } = clusterWith({
    ...inOrder,
    pods: [
      [a("1"), b("1")],
      [a("1"), b("1")],
      [a("2", false), b("1")],
      [a("2"), b("1")],
      [a("2"), b("2")],
    ],
  });
  await platformOf({ catalogue: { logShipping: "sidecar" } }).calls.killLogShippers();
  expect(killed).toEqual(["containerd://1 on node-1", "containerd://1 on node-1"]);
});

test("the agents of all nodes are killed, one shortly after the other", { timeout: 15_000 }, async () => {
  const { killed, platformOf } = clusterWith({ ...inOrder, agents: ["node-1", "node-2"] });
  const startedMs = performance.now();
  const platform = platformOf();
  await platform.calls.killLogShippers();
  expect(killed).toEqual(["containerd://old on node-1", "containerd://old on node-2"]);
  expect(performance.now() - startedMs).toBeGreaterThan(2000);
  expect(platform.calls.isDisturbed()).toBe(true);
  await expect(
    clusterWith({ ...inOrder })
      .platformOf()
      .calls.killLogShippers(),
  ).rejects.toThrow("No log agent runs");
});

test("where no replica has a sidecar, none can be killed, and that is said", async () => {
  const { platformOf } = clusterWith({ ...inOrder, pods: [[]] });
  await expect(platformOf({ catalogue: { logShipping: "sidecar" } }).calls.killLogShippers()).rejects.toThrow(
    "No replica has a sidecar that ships logs",
  );
});
