import { expect, test } from "vitest";
import { experimentOn, factsOf } from "../experiment.ts";
import type { TargetName } from "../target.ts";
import { nodeLoss } from "./node-loss.ts";
import { podCrash } from "./pod-crash.ts";
import { rollingUpdate } from "./rolling-update.ts";

function ruleOf(defined: typeof podCrash, target: TargetName) {
  const experiment = experimentOn(defined, target);
  return experiment.pass(factsOf(experiment, target));
}

test.each(["fleet", "kind"] as const)("E1 on %s asks for the evidence of the design, whatever the rate", (target) => {
  expect(ruleOf(rollingUpdate, target).rule).toMatchObject({
    kind: "planned",
    minScheduledInWindows: 3000,
    minSent: 10_000,
    minPersistentSockets: 50,
  });
  expect(experimentOn(rollingUpdate, target).load.ratePerSecond).toBeGreaterThanOrEqual(100);
});

test("E3 allows what is in flight, a second of the victim's share, and its share of the measured notice time", () => {
  const { rule, said } = ruleOf(podCrash, "kind");
  // 33.3 a second: 0.05 x 3 s + 0.95 x 50 ms of them = 6.6, half of them are new: 16.7; 3 x sqrt(6.6 + 4 x 16.7) = 25.7.
  expect(rule.failedAtMost).toEqual({
    atMost: 49,
    plusPerSpan: [
      {
        name: "notice",
        from: "replica.exited",
        to: "replica.exit-noticed",
        perSecond: expect.closeTo(16.67, 2),
        maxMs: 3000,
      },
    ],
  });
  expect(said).toContain("of which at most 3 count");
  expect(rule.deadlines).toContainEqual({
    name: "ready again",
    from: "replica.exited",
    to: "replica.ready",
    withinMs: 14_000,
  });
});

test("E5 allows one request a connection to the node and a third of the new ones until the loss is noticed, said beforehand", () => {
  const { rule } = ruleOf(nodeLoss, "kind");
  expect(rule).toMatchObject({
    failedAtMost: { atMost: 89, plusPerSpan: [{ from: "node.paused", to: "node.not-ready", maxMs: 60_000 }] },
    overWithinMs: 62_000,
  });
  // Also for the control, which tolerates more.
  expect(rule.deadlines).toContainEqual({
    name: "replaced",
    from: "node.paused",
    to: "replacement.ready",
    withinMs: 120_000,
  });
});
