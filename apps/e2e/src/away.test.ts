import { platformWorkloads, type Cluster } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { bringBackAll, whileAway } from "./away.ts";

/** An API server that remembers what was asked of it. */
function server(labelled: readonly object[] = []) {
  const calls: string[] = [];
  const kubectl = {
    run: async (args: readonly string[]) => {
      calls.push(args.filter((arg) => !/^--(timeout|overwrite)|^-n$|^monitoring$/.test(arg)).join(" "));
      return "";
    },
    json: async () => ({ items: labelled }),
  };
  return { calls, kubectl, room: { cluster: { kubectl } as unknown as Cluster, signal: new AbortController().signal } };
}
const BACK = [
  "scale deployment/prometheus --replicas=1",
  "rollout status deployment/prometheus",
  "label deployment/prometheus holdfast/e2e-away-",
];

test("a part is marked, goes, and is back before anything else, also when the work fails", async () => {
  const { calls, room } = server();
  const work = async () => {
    calls.push("work");
    throw new Error("it broke");
  };
  await expect(whileAway(room, platformWorkloads.prometheus, work)).rejects.toThrow("it broke");
  expect(calls).toEqual([
    "label deployment/prometheus holdfast/e2e-away=true",
    "scale deployment/prometheus --replicas=0",
    "wait pods -l app.kubernetes.io/name=prometheus --for=delete",
    "work",
    ...BACK,
  ]);
});

test("what an interrupted check took away is brought back by its label, and nothing else is touched", async () => {
  const left = server([{ kind: "Deployment", metadata: { name: "prometheus" } }]);
  expect(await bringBackAll(left.kubectl as never)).toEqual(["deployment/prometheus"]);
  expect(left.calls).toEqual(BACK);
  const clean = server();
  expect(await bringBackAll(clean.kubectl as never)).toEqual([]);
  expect(clean.calls).toEqual([]);
});
