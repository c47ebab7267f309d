import { hostname } from "node:os";
import { expect, test } from "vitest";
import { livingOwner, ownerMark } from "./owner-mark.ts";

test("a mark names a process that runs", async () => {
  expect(await livingOwner(await ownerMark(process.ppid))).toBe(process.ppid);
});

test("one that is gone, one of another machine, this one itself and no mark at all are no living owner", async () => {
  const [, , birth] = (await ownerMark()).split("/");
  expect(birth).not.toBe("");
  expect(await ownerMark()).toMatch(new RegExp(`/${process.pid}/.+`));
  const marks = [`${hostname()}/999999999/${birth}`, `elsewhere/${process.ppid}/1`, await ownerMark(), ""];
  expect(await Promise.all(marks.map((mark) => livingOwner(mark)))).toEqual(marks.map(() => undefined));
});

test("a process that has the number of an earlier one is not its owner; where the birth is not known, it may be", async () => {
  expect(await livingOwner(`${hostname()}/${process.ppid}/another-time`)).toBeUndefined();
  expect(await livingOwner(`${hostname()}/${process.ppid}`)).toBe(process.ppid);
});
