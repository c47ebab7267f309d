import { expect, test } from "vitest";
import { ExperimentError } from "./errors.ts";
import { experiment, experimentOn, factsOf, type ControlInput, type ExperimentInput } from "./experiment.ts";
import { planned } from "./pass.ts";
import type { SystemChange } from "./system.ts";

const control: ControlInput = {
  name: "no-drain",
  because: "nothing waits for what is in flight",
  with: { catalogue: { shutdown: { enabled: false } } },
  predict: { fates: ["reset"], eachConnection: ["new", "persistent"], windows: ["ending"] },
};

const complete: ExperimentInput = {
  id: "E99",
  title: "An example",
  targets: ["fleet"],
  hypothesis: "nothing is lost",
  load: { ratePerSecond: 50, persistentSockets: 60 },
  baselineSeconds: 3,
  settleSeconds: 2,
  methodWithinSeconds: 10,
  method: async () => {},
  pass: planned(() => ({
    windows: [{ name: "ending", from: "replica.ending", to: "replica.ended" }],
    minScheduledInWindows: 10,
    said: "nothing fails",
  })),
  rollback: async () => {},
  controls: [control],
  look: ["the lanes"],
  hints: ["who is faster?"],
  solution: "wait first",
};

function refusal(input: ExperimentInput): string {
  try {
    experiment(input);
    return "";
  } catch (error) {
    if (error instanceof ExperimentError && error.code === "EXPERIMENT_REFUSED") return error.message;
    throw error;
  }
}

/** As a file in plain JavaScript could have it. */
function without(field: keyof ExperimentInput): ExperimentInput {
  const { [field]: _, ...rest } = complete;
  return rest as ExperimentInput;
}

test("a complete experiment is defined, with its control reduced to the one value", () => {
  const defined = experiment(complete);
  expect(defined.controls.map(({ change }) => change)).toEqual([
    { path: "catalogue.shutdown.enabled", from: true, to: false },
  ]);
  expect(defined.load.slowShare).toBe(0);
  expect(refusal(complete)).toBe("");
});

test("an experiment without a control is refused", () => {
  expect(refusal({ ...complete, controls: [] })).toContain("must have a control");
  expect(refusal(without("controls"))).toContain("must have a control");
});

test("an experiment without a control on one of its targets is refused", () => {
  expect(
    refusal({ ...complete, targets: ["fleet", "kind"], controls: [{ ...control, targets: ["fleet"] }] }),
  ).toContain("control on the target kind");
});

test("an experiment without a rollback is refused", () => {
  expect(refusal(without("rollback"))).toContain("must have a rollback");
});

test("an experiment without a baseline, or with too short a one, is refused", () => {
  expect(refusal(without("baselineSeconds"))).toContain("must have a baseline");
  expect(refusal({ ...complete, baselineSeconds: 1 })).toContain("must have a baseline of at least 3 s");
});

test("an experiment whose kept-alive clients are idle for longer than a replica announces its end is refused", () => {
  const ending = planned(() => ({
    windows: [{ name: "ending", from: "replica.ending", to: "replica.ended" }],
    minScheduledInWindows: 10,
    victims: ["replica.ending"],
    said: "nothing fails",
  }));
  const slow = { ...complete, pass: ending, load: { ratePerSecond: 50, persistentSockets: 60 } };
  expect(refusal(slow)).toContain(
    "each of its 60 persistent sockets is used every 2.4 s, and must be within 0.9 of the 2 s",
  );
  expect(refusal({ ...slow, load: { ...slow.load, ratePerSecond: 70 } })).toBe("");
  // Nobody ends there, so nobody's idle connection is closed.
  expect(refusal({ ...slow, pass: complete.pass })).toBe("");
});

test("an experiment whose load ends with its method is refused", () => {
  expect(refusal({ ...complete, settleSeconds: 0 })).toContain("must go on for at least 2 s");
});

test("an experiment without a method, a hypothesis or something to look at is refused, with all of it in one sentence", () => {
  const { method: _, hypothesis: __, ...rest } = complete;
  const sentence = refusal({ ...rest, look: [] } as unknown as ExperimentInput);
  expect(sentence).toContain("must have a method");
  expect(sentence).toContain("must have a hypothesis");
  expect(sentence).toContain("at least one entry in look");
});

test.each<{ what: string; with: SystemChange; says: string }>([
  { what: "nothing", with: {}, says: "changes nothing" },
  {
    what: "two values",
    with: { catalogue: { replicas: 1, shutdown: { enabled: false } } },
    says: "changes 2 values (catalogue.replicas, catalogue.shutdown.enabled); it must change exactly one",
  },
  { what: "a value to what it is", with: { catalogue: { replicas: 3 } }, says: "which it already is" },
  {
    what: "a value that is not there",
    with: { catalogue: { colour: "red" } } as SystemChange,
    says: "is no value of the system",
  },
  { what: "a whole branch", with: { catalogue: 1 } as unknown as SystemChange, says: "is no value of the system" },
  {
    what: "a value to another type",
    with: { catalogue: { replicas: "1" } } as unknown as SystemChange,
    says: "no number",
  },
])("a control that changes $what is refused", ({ with: change, says }) => {
  expect(refusal({ ...complete, controls: [{ ...control, with: change }] })).toContain(says);
});

test("a control that is to miss a deadline which its rule does not have is refused", () => {
  const predict = { ...control.predict, codes: ["deadline-missed" as const], deadlines: ["replaced"] };
  expect(refusal({ ...complete, controls: [{ ...control, predict }] })).toContain(
    'its control no-drain is to miss "replaced", which is no deadline of its rule',
  );
});

test("a control that predicts no kind, no connection or no moment of failure is refused", () => {
  const predict = { eachConnection: [] };
  const sentence = refusal({ ...complete, controls: [{ ...control, predict }] });
  expect(sentence).toContain("which fates");
  expect(sentence).toContain("which kinds of connection");
  expect(sentence).toContain("when its failures fall");
});

test("a control that fails by a deadline alone says which, and nothing of requests", () => {
  const deadlines = ["rollback"];
  const byDeadline = (predict: ControlInput["predict"]) =>
    refusal({ ...complete, controls: [{ ...control, predict: { codes: ["deadline-missed"], ...predict } }] });
  expect(byDeadline({ deadlines })).toBe("");
  expect(byDeadline({})).toContain("must predict which deadlines are missed");
  expect(byDeadline({ deadlines, windows: ["ending"] })).toContain(
    "fails by a deadline alone, and predicts `windows` of requests",
  );
  // Whatever else it fails by hurts requests, and must say how.
  expect(byDeadline({ codes: ["failures"] })).toContain("must predict which fates its failures have");
});

test("two controls of one name are refused, and names that are no part of a file name", () => {
  expect(refusal({ ...complete, controls: [control, control] })).toContain("name of another control");
  expect(refusal({ ...complete, controls: [{ ...control, name: "../No Drain" }] })).toContain("kebab-case");
});

test("a system with a value that is not there is refused", () => {
  expect(refusal({ ...complete, system: { catalogue: { shutdown: { lag: 1 } } } as SystemChange })).toContain(
    "`catalogue.shutdown.lag` is no value of the system",
  );
});

test("a hand-made rule without the lab's floors is refused", () => {
  const sentence = refusal({
    ...complete,
    pass: () => ({
      said: "nearly all are fine",
      rule: { kind: "planned", windows: [], minScheduledInWindows: 0, newShare: 1, minSocketsPerVictim: 1 },
    }),
  });
  for (const words of [
    "when the fault works",
    "requests that are due",
    "half of its requests",
    "50 persistent sockets",
    "at least 5",
  ]) {
    expect(sentence).toContain(words);
  }
});

test("every rule asks for a full baseline, a method that came to its end and a verified rollback", () => {
  const defined = experiment(complete);
  const { rule } = defined.pass(factsOf(defined, "fleet"));
  expect(rule.baseline).toEqual({ minMs: 3000, minSent: 150 });
  expect(rule.evidenceFrom).toBe("method.start");
  expect(rule.deadlines?.map(({ from, to }) => `${from} -> ${to}`)).toEqual([
    "method.start -> method.done",
    "rollback.start -> rollback.verified",
  ]);
});

test("an experiment whose method may take for ever is refused", () => {
  expect(refusal(without("methodWithinSeconds"))).toContain("within how many seconds its method is done");
});

test("fewer persistent sockets than the rule asks for are refused", () => {
  expect(refusal({ ...complete, load: { ratePerSecond: 50, persistentSockets: 20 } })).toContain(
    "at least 50 persistent sockets",
  );
});

test("a client waits 2 s longer than the slowest request that is meant to be", () => {
  expect(
    factsOf(experiment({ ...complete, load: { ...complete.load, slowShare: 0.05, slowMs: 3000 } }), "fleet").timeoutMs,
  ).toBe(5000);
  // Two attempts of 500 ms.
  expect(factsOf(experiment(complete), "fleet").timeoutMs).toBe(3000);
});

const onTwo: ExperimentInput = {
  ...complete,
  targets: ["fleet", "kind"],
  system: { catalogue: { replicas: 4 } },
  on: {
    fleet: { system: { catalogue: { shutdown: { lagSeconds: 1 } } } },
    kind: { load: { ratePerSecond: 20 }, methodWithinSeconds: 90, system: { tolerationSeconds: 30 } },
  },
};

test("each target has its own defaults and numbers, and what is common to both", () => {
  const defined = experiment(onTwo);
  const [fleet, kind] = [experimentOn(defined, "fleet"), experimentOn(defined, "kind")];
  expect([fleet, kind].map(({ load, methodWithinSeconds }) => [load.ratePerSecond, methodWithinSeconds])).toEqual([
    [50, 10],
    [20, 90],
  ]);
  expect(
    [fleet, kind].map(({ system: { catalogue, tolerationSeconds } }) => [
      catalogue.replicas,
      catalogue.shutdown.lagSeconds,
      tolerationSeconds,
    ]),
  ).toEqual([
    [4, 1, 300],
    [4, 5, 30],
  ]);
  // The bounds follow from the numbers of the target.
  expect(kind.pass(factsOf(kind, "kind")).rule.baseline).toEqual({ minMs: 3000, minSent: 60 });
  expect(defined.load.ratePerSecond).toBe(50);
});

test("a control is one value on each target, from what it is there", () => {
  const defined = experiment({
    ...onTwo,
    controls: [
      {
        ...control,
        with: { catalogue: { shutdown: { lagSeconds: 0 } } },
        predictOn: { kind: { fates: ["reset", "timeout"] } },
      },
    ],
  });
  const changes = (["fleet", "kind"] as const).map((target) => experimentOn(defined, target).controls[0]);
  expect(changes.map((each) => each?.change.from)).toEqual([1, 5]);
  expect(changes.map((each) => each?.predict.fates)).toEqual([["reset"], ["reset", "timeout"]]);
  const sentence = refusal({
    ...onTwo,
    controls: [{ ...control, with: { catalogue: { shutdown: { lagSeconds: 5 } } } }],
  });
  expect(sentence).toContain("sets `catalogue.shutdown.lagSeconds` to 5, which it already is");
});

test("numbers of one target that break a rule, or of a target on which it does not run, are refused", () => {
  expect(refusal({ ...onTwo, on: { kind: { baselineSeconds: 1 } } })).toContain("baseline of at least 3 s");
  expect(refusal({ ...onTwo, on: { kind: { load: { persistentSockets: 10 } } } })).toContain("50 persistent sockets");
  expect(refusal({ ...complete, on: { kind: { settleSeconds: 3 } } })).toContain(
    "numbers for the target kind, on which it does not run",
  );
});
