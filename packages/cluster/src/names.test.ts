import { expect, it } from "vitest";
import { checkName } from "./names.ts";

it.each(["holdfast", "a", "ci-42"])("%s can be a cluster's name", (name) => {
  expect(() => checkName(name)).not.toThrow();
});

it.each(["", "Holdfast", "-a", "a-", "a_b", "a.b", "../x", "x".repeat(41)])("%j cannot", (name) => {
  expect(() => checkName(name)).toThrow("small letters, digits and dashes");
});
