import { expect, it } from "vitest";
import { checkName, commandFor, nodePorts, usualPorts } from "./names.ts";

it.each(["holdfast", "a", "ci-42"])("%s can be a cluster's name", (name) => {
  expect(() => checkName(name)).not.toThrow();
});

it.each(["", "Holdfast", "-a", "a-", "a_b", "a.b", "../x", "x".repeat(41)])("%j cannot", (name) => {
  expect(() => checkName(name)).toThrow("1 to 40 small letters, digits");
});

it("names the cluster in a command, unless it is the one that is meant anyway", () => {
  expect(commandFor("down", "holdfast")).toBe("./holdfast down");
  expect(commandFor("down", "ci-42")).toBe("./holdfast down --name ci-42");
});

it("publishes each node port under its own number", () => {
  expect(usualPorts).toEqual({ ...nodePorts, registry: 5001 });
});
