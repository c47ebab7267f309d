import { platformWorkloads, type Cluster } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { bringBackAll, whileAway } from "./away.ts";

/** An API server that remembers what was asked of it. */
function server(shown: readonly object[] = []) {
  const calls: string[] = [];
  const kubectl = {
    run: async (args: readonly string[]) => {
      calls.push(args.filter((arg) => !/^--(timeout|overwrite)|^-n$|^monitoring$/.test(arg)).join(" "));
      return "";
    },
    json: async () => ({ items: shown }),
  };
  return { calls, kubectl, room: { cluster: { kubectl } as unknown as Cluster, signal: new AbortController().signal } };
}
const BACK = ["scale deployment/prometheus --replicas=1", "rollout status deployment/prometheus"];

test("a part goes, and is back before anything else, also when the work fails", async () => {
  const { calls, room } = server();
  const work = async () => {
    calls.push("work");
    throw new Error("it broke");
  };
  await expect(whileAway(room, platformWorkloads.prometheus, work)).rejects.toThrow("it broke");
  expect(calls).toEqual([
    "scale deployment/prometheus --replicas=0",
    "wait pods -l app.kubernetes.io/name=prometheus --for=delete",
    "work",
    ...BACK,
  ]);
});

test("what an interrupted check or experiment left away is brought back, and nothing else is touched", async () => {
  const one = (name: string, replicas: number) => ({ kind: "Deployment", metadata: { name }, spec: { replicas } });
  const left = server([one("prometheus", 0), one("trace-gateway", 1), one("somebodys-own", 0)]);
  expect(await bringBackAll(left.kubectl as never)).toEqual(["deployment/prometheus"]);
  expect(left.calls).toEqual(BACK);
  const clean = server([one("prometheus", 1)]);
  expect(await bringBackAll(clean.kubectl as never)).toEqual([]);
  expect(clean.calls).toEqual([]);
});
