import { expect, test } from "vitest";
import { Broken, mustBreak, NotRed, TooLittle } from "./judgement.ts";
import type { Node, Pod } from "./kubernetes.ts";
import { judgeSpread } from "./spread.ts";

const node = (name: string, zone?: string): Node => ({
  metadata: {
    name,
    namespace: "",
    uid: name,
    labels: zone === undefined ? {} : { "topology.kubernetes.io/zone": zone },
  },
  spec: {},
});
const pod = (nodeName?: string, index = 0): Pod => ({
  metadata: { name: `pod-${index}`, namespace: "n", uid: String(index) },
  spec: nodeName === undefined ? {} : { nodeName },
  status: { phase: "Running" },
});
const pods = (...names: (string | undefined)[]) => names.map(pod);

const nodes = [node("w1", "zone-a"), node("w2", "zone-b"), node("w3", "zone-c")];
const more = [...nodes, node("w4", "zone-a")];

test("one in each zone is right", () => {
  expect(judgeSpread(pods("w3", "w1", "w2"), { nodes, zones: 3 })).toBe("zone-a on w1, zone-b on w2, zone-c on w3");
});

test.each([
  {
    what: "two of three on one node",
    placed: pods("w1", "w1", "w2"),
    on: nodes,
    said: /2 of 3 pods are on one node, w1/,
  },
  { what: "all on one node", placed: pods("w2", "w2", "w2"), on: nodes, said: /3 of 3 pods are on one node, w2/ },
  { what: "two nodes of one zone", placed: pods("w1", "w4", "w2"), on: more, said: /No pod is in zone-c/ },
  { what: "one that is Pending", placed: pods("w1", "w2", undefined), on: nodes, said: /pod-2 is on no node/ },
])("$what is called wrong", ({ placed, on, said }) => {
  const judge = () => judgeSpread(placed, { nodes: on, zones: 3 });
  expect(judge).toThrow(Broken);
  expect(judge).toThrow(said);
});

test.each([
  ["too few pods", pods("w1", "w2"), nodes],
  ["no pod", [], nodes],
  ["too few zones", pods("w1", "w2", "w3"), nodes.slice(1)],
  ["nodes without zones", pods("w1", "w2", "w3"), [node("w1"), node("w2"), node("w3")]],
])("%s is too little to judge", (_name, placed, on) => {
  expect(() => judgeSpread(placed, { nodes: on, zones: 3 })).toThrow(TooLittle);
});

test("a control is red only for the predicted reason, and for nothing but a judgement", async () => {
  const wrong = () => judgeSpread(pods("w1", "w1", "w2"), { nodes, zones: 3 });
  await expect(mustBreak(/on one node/, wrong)).resolves.toMatch(/2 of 3 pods/);
  await expect(mustBreak(/No pod is in/, wrong)).rejects.toThrow(NotRed);
  await expect(mustBreak(/./, () => "fine")).rejects.toThrow(/still calls it right: fine/);
  await expect(mustBreak(/./, () => judgeSpread([], { nodes, zones: 3 }))).rejects.toThrow(TooLittle);
  await expect(mustBreak(/./, () => Promise.reject(new Error("kubectl is gone")))).rejects.toThrow("kubectl is gone");
});
