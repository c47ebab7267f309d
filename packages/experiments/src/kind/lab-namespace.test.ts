import { hostname } from "node:os";
import { ClusterError, type Kubectl } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { clearNamespace, createNamespace, refuseOccupied } from "./lab-namespace.ts";
import { ownerMark } from "./owner-mark.ts";

/** A kubectl that finds this namespace, and writes down what it is told to change. */
function kubectlWith(found: object | undefined, opts: { taken?: string } = {}) {
  const calls: string[] = [];
  const made: unknown[] = [];
  const kubectl = {
    run: async ([verb = ""]: readonly string[], { input = "" } = {}) => {
      if (verb !== "get") calls.push(verb);
      if (verb === "create") made.push(JSON.parse(input));
      if (verb === "create" && opts.taken !== undefined) throw new ClusterError("TOOL_FAILED", opts.taken);
      return verb === "get" && found ? JSON.stringify({ metadata: found }) : "";
    },
  } as unknown as Kubectl;
  const notes: string[] = [];
  const { signal } = new AbortController();
  const create = async () => {
    await refuseOccupied(kubectl, { name: "holdfast-lab", signal });
    await clearNamespace(kubectl, { name: "holdfast-lab", note: (sentence) => notes.push(sentence), signal });
    await createNamespace(kubectl, { name: "holdfast-lab" });
  };
  return { calls, made, notes, create };
}

const ours = { "app.kubernetes.io/part-of": "holdfast" };

test("a run makes its namespace", async () => {
  const { create, calls, made, notes } = kubectlWith(undefined);
  await create();
  expect(calls).toEqual(["create"]);
  expect(made).toMatchObject([
    { kind: "Namespace", metadata: { labels: ours, annotations: { "holdfast/lab-run": await ownerMark() } } },
  ]);
  expect(notes).toEqual([]);
});

test("what a run that was killed left behind is removed first, and that is said", async () => {
  const { create, calls, notes } = kubectlWith({
    labels: ours,
    annotations: { "holdfast/lab-run": `${hostname()}/999999999` },
  });
  await create();
  expect(calls).toEqual(["delete", "create"]);
  expect(notes).toEqual(["removing the namespace holdfast-lab, which an earlier run left behind"]);
});

test("the namespace of somebody else, and of a run that goes on, is left alone", async () => {
  const foreign = kubectlWith({ labels: {} });
  await expect(foreign.create()).rejects.toThrow("is not the lab's, so it is left alone");
  const busy = kubectlWith({ labels: ours, annotations: { "holdfast/lab-run": await ownerMark(process.ppid) } });
  await expect(busy.create()).rejects.toThrow(`Another run (process ${process.ppid}) works in the namespace`);
  expect([...foreign.calls, ...busy.calls]).toEqual([]);
});

test("what a killed run left is removed also when its process id is somebody else's by now", async () => {
  const mark = `${hostname()}/${process.ppid}/another-time`;
  const { create, calls } = kubectlWith({ labels: ours, annotations: { "holdfast/lab-run": mark } });
  await create();
  expect(calls).toEqual(["delete", "create"]);
});

test("of two runs that begin together, the second is refused", async () => {
  const taken =
    'Error from server (AlreadyExists): error when creating "STDIN": namespaces "holdfast-lab" already exists';
  await expect(kubectlWith(undefined, { taken }).create()).rejects.toMatchObject({
    code: "TARGET_FAILED",
    message: "Another run has just made the namespace holdfast-lab; wait until it is done.",
  });
  await expect(kubectlWith(undefined, { taken: "connection refused" }).create()).rejects.toThrow("connection refused");
});
