import { expect, test } from "vitest";
import type { Pod } from "./kubernetes-types.ts";
import type { Kubectl } from "./kubectl.ts";
import { killLogAgents, setLogAgentQueue } from "./log-agents.ts";

function agent(node: string, containerID: string, ready = true): Pod {
  return {
    metadata: { name: `log-agent-${node}`, namespace: "telemetry", uid: containerID, creationTimestamp: "" },
    spec: { nodeName: node, containers: [] },
    status: {
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      containerStatuses: [{ name: "log-agent", ready, restartCount: 0, image: "", imageID: "", containerID }],
    },
  };
}

/** A cluster that shows these lists of agents, one after the other and the last for ever, and notes what is done to it. */
function cluster(...shown: Pod[][]) {
  const done: string[] = [];
  const kubectl = {
    run(args: readonly string[]) {
      done.push(args.join(" "));
      return Promise.resolve("");
    },
    json() {
      const items = shown.length > 1 ? shown.shift() : shown[0];
      return Promise.resolve({ items });
    },
  } as unknown as Kubectl;
  return {
    done,
    kubectl,
    killContainer({ node, containerId }: { node: string; containerId: string }) {
      done.push(`kill ${containerId} on ${node}`);
      return Promise.resolve();
    },
  };
}

test("an agent's process gets a SIGKILL from its node, and is waited for until its successor is ready", async () => {
  const old = [agent("a", "containerd://1"), agent("b", "containerd://2")];
  const half = [agent("a", "containerd://3"), agent("b", "containerd://4", false)];
  const all = [agent("a", "containerd://3"), agent("b", "containerd://4")];
  const asked = cluster(old, old, half, all);
  await killLogAgents(asked);
  expect(asked.done).toEqual(["kill containerd://1 on a", "kill containerd://2 on b"]);
});

test("where no agent runs, none can be killed", async () => {
  await expect(killLogAgents(cluster([]))).rejects.toMatchObject({
    code: "BAD_OPTIONS",
    message: "No log agent runs.",
  });
});

test.each([
  ["disk", "file_storage"],
  ["memory", ""],
] as const)(
  "a queue on %s is one variable of the agent, and `up` will see that it was changed",
  async (storage, value) => {
    const { done, kubectl } = cluster([]);
    const daemonSet = {
      metadata: { name: "log-agent", uid: "1", creationTimestamp: "", generation: 1 },
      spec: {},
      status: { observedGeneration: 1, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 },
    };
    kubectl.watch = (args, { onEvent }) => {
      if (args[0] === "daemonsets.apps") onEvent({ type: "ADDED", object: daemonSet as never });
      return { stop: () => Promise.resolve() };
    };
    await setLogAgentQueue({ kubectl }, storage);
    const [call = ""] = done;
    expect(call).toContain("patch daemonset log-agent -n telemetry --type=strategic");
    expect(JSON.parse(call.slice(call.indexOf("{")))).toEqual({
      metadata: { annotations: { "holdfast/content": null } },
      spec: {
        template: { spec: { containers: [{ name: "log-agent", env: [{ name: "QUEUE_STORAGE", value }] }] } },
      },
    });
  },
);
