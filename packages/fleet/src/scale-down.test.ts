import { expect, test } from "vitest";
import { compareForDeletion } from "./scale-down.ts";

const old = { name: "old", ready: true, readySinceMs: 10, restarts: 0, createdMs: 1 };
const young = { name: "young", ready: true, readySinceMs: 20, restarts: 0, createdMs: 2 };
const late = { name: "late", ready: true, readySinceMs: 30, restarts: 0, createdMs: 1 };
const broken = { name: "broken", ready: false, readySinceMs: undefined, restarts: 4, createdMs: 1 };
const starting = { name: "starting", ready: false, readySinceMs: undefined, restarts: 0, createdMs: 3 };

test("what is not ready goes first, then what has been ready for the shortest time", () => {
  const order = [old, young, late, broken, starting].toSorted(compareForDeletion).map(({ name }) => name);
  expect(order).toEqual(["broken", "starting", "late", "young", "old"]);
});

test("of those that are not ready the newest goes first", () => {
  const first = { ...starting, name: "first", createdMs: 1 };
  expect([first, starting].toSorted(compareForDeletion)[0]).toBe(starting);
});
