import { expect, test } from "vitest";
import { replicaName, templateHash } from "./names.ts";

test("the same template has the same hash, another has another", () => {
  expect(templateHash("a")).toBe(templateHash("a"));
  expect(templateHash("a")).not.toBe(templateHash("b"));
});

test("a name is the deployment's, the hash and five random characters, and fits a DNS label", () => {
  const name = replicaName("x".repeat(40), templateHash("template"));
  expect(name).toMatch(/^x{40}-[b-df-hj-np-tv-xz24-9]{1,10}-[b-df-hj-np-tv-xz24-9]{5}$/);
  expect(name.length).toBeLessThanOrEqual(63);
  expect(replicaName("web", "hash")).not.toBe(replicaName("web", "hash"));
});
