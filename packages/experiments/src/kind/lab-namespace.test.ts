import { hostname } from "node:os";
import type { Kubectl } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { clearNamespace, createNamespace } from "./lab-namespace.ts";

/** A kubectl that finds this namespace, and writes down what it is told to change. */
function kubectlWith(found: object | undefined) {
  const calls: string[] = [];
  const kubectl = {
    run: async ([verb = ""]: readonly string[]) => {
      if (verb !== "get") calls.push(verb);
      return verb === "get" && found ? JSON.stringify({ metadata: found }) : "";
    },
    apply: async () => void calls.push("apply"),
  } as unknown as Kubectl;
  const notes: string[] = [];
  const { signal } = new AbortController();
  const create = async () => {
    await clearNamespace(kubectl, { name: "holdfast-lab", note: (sentence) => notes.push(sentence), signal });
    await createNamespace(kubectl, { name: "holdfast-lab", signal });
  };
  return { calls, notes, create };
}

const ours = { "app.kubernetes.io/part-of": "holdfast" };

test("a run makes its namespace", async () => {
  const { create, calls, notes } = kubectlWith(undefined);
  await create();
  expect(calls).toEqual(["apply"]);
  expect(notes).toEqual([]);
});

test("what a run that was killed left behind is removed first, and that is said", async () => {
  const { create, calls, notes } = kubectlWith({
    labels: ours,
    annotations: { "holdfast/lab-run": `${hostname()}/999999999` },
  });
  await create();
  expect(calls).toEqual(["delete", "apply"]);
  expect(notes).toEqual(["removing the namespace holdfast-lab, which an earlier run left behind"]);
});

test("the namespace of somebody else, and of a run that goes on, is left alone", async () => {
  const foreign = kubectlWith({ labels: {} });
  await expect(foreign.create()).rejects.toThrow("is not the lab's, so it is left alone");
  const busy = kubectlWith({ labels: ours, annotations: { "holdfast/lab-run": `${hostname()}/${process.ppid}` } });
  await expect(busy.create()).rejects.toThrow(`Another run (process ${process.ppid}) works in the namespace`);
  expect([...foreign.calls, ...busy.calls]).toEqual([]);
});
