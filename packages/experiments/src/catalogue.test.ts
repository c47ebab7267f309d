import { expect, test } from "vitest";
import { findExperiment, listExperiments } from "./catalogue.ts";

test("every experiment is listed with its claim and what its controls change", () => {
  expect(
    listExperiments({ target: "fleet" }).map(({ id, controls }) => [
      id,
      controls.map(({ name, change }) => `${name}: ${change}`),
    ]),
  ).toEqual([
    [
      "E1",
      ["no-drain: catalogue.shutdown.enabled: true -> false", "announce-0: catalogue.shutdown.announceSeconds: 2 -> 0"],
    ],
    ["E3", ["one-replica: catalogue.replicas: 3 -> 1", "no-self-healing: selfHealing: true -> false"]],
    ["E11", ["no-deadline: catalogue.stockClient.attemptTimeoutMs: 500 -> 9000"]],
  ]);
});

test("what a cluster runs, and which controls there", () => {
  const here = listExperiments({ target: "kind" });
  expect(
    here.map(({ id, controls }) => [
      id,
      controls.filter(({ targets }) => targets.includes("kind")).map(({ name, change }) => `${name}: ${change}`),
    ]),
  ).toEqual([
    ["E1", ["no-drain: catalogue.shutdown.enabled: true -> false"]],
    ["E3", ["one-replica: catalogue.replicas: 3 -> 1"]],
    ["E5", ["default-tolerations: tolerationSeconds: 30 -> 300"]],
    ["E8", ["no-drain: catalogue.shutdown.enabled: true -> false"]],
    ["E8b", ["no-drain: catalogue.shutdown.enabled: true -> false"]],
    ["E15a", ['memory-queue: platform.logQueue: "disk" -> "memory"']],
    ["E15b", ['memory-queue: platform.logQueue: "disk" -> "memory"']],
    ["E15c", ['other-labels: catalogue.alertRelease: "catalogue" -> "nobody"']],
  ]);
});

test("an experiment is found in either case, and an unknown one names those there are", () => {
  expect(findExperiment("e11").title).toBe("Dependency slow, gone, back");
  expect(() => findExperiment("E2")).toThrow(
    'There is no experiment "E2"; there are E1, E3, E5, E8, E8b, E11, E15a, E15b, E15c.',
  );
});
