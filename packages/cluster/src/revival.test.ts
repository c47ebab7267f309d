/** What `up` does with what has stopped. */
import { expect, it } from "vitest";
import { heldPorts } from "./create.ts";
import type { DockerContainer } from "./docker.ts";
import { createDocker } from "./docker.ts";
import { ClusterError } from "./errors.ts";
import { judgeMachine } from "./preflight.ts";
import { ensureRegistry, revive } from "./registries.ts";

function container(change: Partial<DockerContainer>): DockerContainer {
  const empty = { imageId: "", imageName: "", createdAt: "", labels: {}, mounts: [], networks: [] };
  return { id: "1", name: "hf-control-plane", state: "exited", ports: new Map(), ...empty, ...change };
}

/** Docker, all of whose calls end in this way. */
const failing = (message: string) => ({
  ...createDocker("/nowhere/docker"),
  run: () => Promise.reject(new ClusterError("TOOL_FAILED", message)),
});

it("wants the ports of what has stopped, and says why no option helps", () => {
  const controlPlane = container({
    ports: new Map([
      [30_080, 31_080],
      [6443, 40_000],
    ]),
  });
  const registry = container({ name: "hf-registry", state: "running", ports: new Map([[5000, 5001]]) });
  const { running, stopped } = heldPorts({ nodes: [controlPlane], registry });
  expect([...running]).toEqual([5001]);
  expect(stopped).toEqual([
    { flag: "--port", port: 31_080, of: "hf-control-plane" },
    { flag: "the API server's", port: 40_000, of: "hf-control-plane" },
  ]);
  const facts = { docker: { error: "" }, missingTools: [], takenPorts: stopped.slice(0, 1) };
  const problems = judgeMachine(facts, { nodes: 0, ports: [], kubernetes: "v1.36.4" });
  expect(problems.map(({ text }) => text)).toContain(
    "Port 31080 (--port) is taken on 127.0.0.1, and hf-control-plane, which has stopped, cannot be started again without it. End what listens there, and try again. Nothing was changed.",
  );
});

it("gives a container up only where its network is gone", async () => {
  const start = (message: string) => revive(failing(message), container({}), undefined);
  expect(await start("Error response from daemon: network 5f0c21 not found")).toBe(false);
  await expect(start("Bind for 127.0.0.1:30080 failed: port is already allocated")).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringMatching(/hf-control-plane had: end what listens there.*Nothing was removed/) as string,
  });
  await expect(start("no space left on device")).rejects.toMatchObject({ code: "TOOL_FAILED" });
});

it("does not take somebody else's volume for the registry's", async () => {
  const calls: string[][] = [];
  const docker = {
    ...createDocker("/nowhere/docker"),
    volumeLabels: async () => ({}),
    run: async (args: readonly string[]) => {
      calls.push([...args]);
      return "";
    },
  };
  const wish = { name: "hf", image: "registry", port: 5001, existing: undefined };
  await expect(ensureRegistry(docker, wish)).rejects.toMatchObject({
    code: "CLUSTER_FOREIGN",
    message: expect.stringMatching(/volume hf-registry is there and was not made by Holdfast/) as string,
  });
  expect(calls).toEqual([]);
});
