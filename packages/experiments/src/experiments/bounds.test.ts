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
    withinMs: 18_000,
  });
});

test.each([
  { target: "fleet", noticeMs: 1000 },
  { target: "kind", noticeMs: 3000 },
] as const)(
  "E3 on $target: who notices may be 0.1 s late, and nothing more may fail for it",
  ({ target, noticeMs }) => {
    const { rule } = ruleOf(podCrash, target);
    expect(rule.deadlines).toContainEqual({
      name: "noticed",
      from: "replica.exited",
      to: "replica.exit-noticed",
      withinMs: noticeMs + 100,
    });
    expect(rule.failedAtMost).toMatchObject({ plusPerSpan: [{ maxMs: noticeMs }] });
  },
);

test("E3's only replica is away for longer than a client waits for its connection, on a cluster", () => {
  const { system, load } = experimentOn(podCrash, "kind");
  expect(system.catalogue.extraStartSeconds * 1000).toBeGreaterThan(factsOf({ system, load }, "kind").timeoutMs);
});

test("E5 allows one request a connection to the node and a third of the new ones until the loss is noticed, said beforehand", () => {
  const { rule } = ruleOf(nodeLoss, "kind");
  expect(rule).toMatchObject({
    failedAtMost: { atMost: 102, plusPerSpan: [{ from: "node.paused", to: "node.not-ready", maxMs: 60_000 }] },
    overWithinMs: 62_000,
  });
  // Also for the control, which tolerates more.
  expect(rule.deadlines).toContainEqual({
    name: "replaced",
    from: "node.paused",
    to: "replacement.ready",
    withinMs: 120_000,
  });
  // Nothing else makes the control count, such as a node that does not come back.
  expect(nodeLoss.controls.map(({ predict }) => predict.deadlines)).toEqual([["replaced"]]);
});
