import { expect, test } from "vitest";
import { imageOf, judgeGone, judgeUnchanged, type Made, type Traces } from "./cluster-checks.ts";

const made: Made = {
  containers: ["a", "b"],
  revisions: ["catalogue 1", "stock 1"],
  pods: ["monitoring/victoria-logs-0 (1)"],
};
const unchanged = { up: { releases: { catalogue: "unchanged", stock: "unchanged" } } };

test("a second `up` that made nothing and says so is right", () => {
  expect(judgeUnchanged(unchanged, { before: made, after: made })).toMatch(
    /^catalogue and stock are unchanged; the same 2/,
  );
});

test.for<[string, object, Partial<Made>, RegExp]>([
  ["says that it upgraded", { up: { releases: { catalogue: "unchanged", stock: "upgraded" } } }, {}, /stock: upgraded/],
  [
    "made a revision and does not say so",
    unchanged,
    { revisions: ["catalogue 2", "stock 1"] },
    /-catalogue 1, \+catalogue 2/,
  ],
  ["made a node anew", unchanged, { containers: ["a", "c"] }, /containers are others: -b, \+c/],
  [
    "made a pod of the platform anew",
    unchanged,
    { pods: ["monitoring/victoria-logs-0 (2)"] },
    /pods are others: -monitoring\/victoria-logs-0 \(1\), \+monitoring\/victoria-logs-0 \(2\)/,
  ],
  ["says nothing", {}, {}, /names no release/],
])("one that %s is not", ([, said, after, sentence]) => {
  expect(() => judgeUnchanged(said, { before: made, after: { ...made, ...after } })).toThrow(sentence);
});

const nothing: Traces = { containers: [], volumes: [] };
const stranger = { id: "n1", ours: false, used: false };

test("after `down` nothing is left, and what was there before is", () => {
  expect(judgeGone(nothing, { before: nothing })).toMatch(/no container.*is gone$/);
  expect(judgeGone({ ...nothing, network: stranger }, { before: { ...nothing, network: stranger } })).toMatch(
    /what it was/,
  );
  // Another cluster has come meanwhile, and uses the network.
  expect(judgeGone({ ...nothing, network: { id: "n2", ours: true, used: true } }, { before: nothing })).toBeTruthy();
  // It was ours, of a cluster that has gone meanwhile.
  expect(judgeGone(nothing, { before: { ...nothing, network: { id: "n2", ours: true, used: true } } })).toBeTruthy();
});

test.for<[Traces, Traces, RegExp]>([
  [{ ...nothing, containers: ["a", "b"] }, nothing, /2 containers/],
  [{ ...nothing, volumes: ["ci-registry"] }, nothing, /the volumes ci-registry/],
  [{ ...nothing, directory: "/checkout/.cache/clusters/ci" }, nothing, /clusters\/ci/],
  [{ ...nothing, network: { id: "n2", ours: true, used: false } }, nothing, /the network kind/],
  [nothing, { ...nothing, network: stranger }, /which was there before, is gone/],
])("%j after %j is called wrong", ([now, before, sentence]) => {
  expect(() => judgeGone(now, { before })).toThrow(sentence);
});

test("an image's reference in two, with the port of its registry", () => {
  expect(imageOf("localhost:5001/holdfast/service:sha-01")).toEqual({
    repository: "localhost:5001/holdfast/service",
    tag: "sha-01",
  });
  expect(imageOf("localhost:5001/holdfast/service")).toBeUndefined();
  expect(imageOf(undefined)).toBeUndefined();
});
