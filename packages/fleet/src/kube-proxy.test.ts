import { expect, test } from "vitest";
import { usableEndpoints } from "./kube-proxy.ts";

const ready = { name: "ready", port: 1, ready: true, serving: true, terminating: false };
const ending = { name: "ending", port: 2, ready: false, serving: true, terminating: true };
const drained = { name: "drained", port: 3, ready: false, serving: false, terminating: true };

test("only ready endpoints are used while there is one", () => {
  expect(usableEndpoints([ready, ending, drained])).toEqual([ready]);
});

test("without any, those that end but still serve are", () => {
  expect(usableEndpoints([ending, drained])).toEqual([ending]);
});

test("with neither there is none", () => {
  expect(usableEndpoints([drained])).toEqual([]);
});
