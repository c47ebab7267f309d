import { hostname } from "node:os";
import { expect, test } from "vitest";
import { holderOf, ownMark } from "./process-mark.ts";

/** As somebody else would have written it: whoever runs this process runs. */
const parent = process.ppid;

test("one's own mark is nobody else's", () => {
  expect(ownMark()).toMatch(new RegExp(`/${process.pid}/.+`));
  expect(holderOf(ownMark())).toBeUndefined();
});

test("a process that runs holds what it has marked; a later one of the same number does not", () => {
  expect(holderOf(`${hostname()}/${parent}/unknown`)).toBe(parent);
  expect(holderOf(`${hostname()}/${parent}/another-start`)).toBeUndefined();
});

test("what another machine, nobody, or a process that has ended marked is free", () => {
  expect(holderOf(`elsewhere/${parent}/unknown`)).toBeUndefined();
  expect(holderOf("")).toBeUndefined();
  expect(holderOf(`${hostname()}/2147483646/1`)).toBeUndefined();
});
