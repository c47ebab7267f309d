import type { Cluster } from "@holdfast/cluster";
import { ClusterError } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { kindTarget } from "./kind-target.ts";
import { defaultSystemOn } from "./system.ts";

/** A cluster without a node, in which every command is written down and each can be made to fail. */
function clusterWhere(fails: { [verb: string]: string }) {
  const calls: string[] = [];
  const call = async (what: string) => {
    calls.push(what);
    const [verb = ""] = what.split(" ");
    if (fails[verb] !== undefined) throw new ClusterError("TOOL_FAILED", fails[verb]);
    return "";
  };
  const cluster = {
    name: "holdfast",
    // Asked which nodes are paused, it says: none.
    tools: { docker: "true" },
    kubectl: {
      run: (args: readonly string[]) => call(args.slice(0, 3).join(" ")),
      json: async () => ({ items: [] }),
      apply: () => call("apply"),
      command: (args: readonly string[]) => ["kubectl", ...args],
      watch: () => ({ stop: () => call("unwatch") }),
    },
    helm: { upgrade: ({ release }: { release: string }) => call(`upgrade ${release}`) },
  } as unknown as Cluster;
  const target = kindTarget({ cluster, chart: "chart", images: { service: "service:1", agent: "agent:1" } });
  return { calls, create: () => target.create({ system: defaultSystemOn("kind"), logDir: "." }) };
}

const { signal } = new AbortController();

test("a run that is refused its namespace, since another has just made it, takes nothing away", async () => {
  const { create, calls } = clusterWhere({ create: "Error from server (AlreadyExists): namespaces already exists" });
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("Another run has just made the namespace holdfast-lab");
  await target.stop();
  expect(calls).toEqual(["get namespace holdfast-lab", "get namespace holdfast-lab", "create -f -"]);
});

test("a run whose releases cannot be installed takes its own namespace away", async () => {
  const { create, calls } = clusterWhere({ upgrade: "no such chart" });
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("no such chart");
  await target.stop();
  expect(calls).toContain("upgrade catalogue");
  expect(calls.slice(-3)).toEqual(["delete namespace holdfast-lab", "unwatch", "unwatch"]);
});
