import { expect, test } from "vitest";

import { judge } from "./judge.ts";
import type { Fate, RequestRecord } from "./ledger.ts";
import { createLedger, event, events, plannedRule, type FixtureOptions } from "./ledger-fixture.ts";
import { matchesPrediction, type Prediction } from "./prediction.ts";

/** Persistent requests on the ending replica's sockets are reset while it ends. */
const victimsReset: FixtureOptions = {
  fate: ({ connection, socket, scheduledMs }) =>
    connection === "persistent" && socket % 3 === 0 && scheduledMs > 8_000 && scheduledMs < 12_000
      ? "reset"
      : undefined,
};
const fail = (...numbers: number[]): FixtureOptions => ({
  fate: ({ i }: RequestRecord) => (numbers.includes(i) ? "refused" : undefined),
});

function match(opts: FixtureOptions, prediction: Prediction) {
  const ledger = createLedger(opts);
  return matchesPrediction(ledger, judge(ledger), prediction);
}

test("a control that fails in every way as predicted matches", () => {
  const prediction: Prediction = {
    fates: ["reset", "timeout"],
    eachOf: ["reset"],
    connection: "persistent",
    windows: ["ending"],
    onVictims: true,
    when: { event: "replica.ending", withinMs: 4_000 },
    atLeast: 50,
    codes: ["failures"],
  };
  const { matches, reason } = match(victimsReset, prediction);
  expect(reason).toMatch(/^It failed as predicted: \d+ requests, \d+ reset\.$/);
  expect(matches).toBe(true);
});

// 900 and 901 are sent at 9.1 s, while r0 ends: one on a new connection, one on a persistent one. 1 500 is sent long after.
test.for<[string, FixtureOptions, Prediction, string]>([
  ["passes", {}, { fates: ["reset"] }, "it was to FAIL and passed"],
  [
    "is INVALID",
    { ...victimsReset, events: [] },
    { fates: ["reset"] },
    "it was to FAIL and was INVALID: No fault was seen",
  ],
  [
    "fails by another check",
    victimsReset,
    { fates: ["reset"], codes: ["deadline-missed"] },
    "it was to fail by deadline-missed, and failed by failures",
  ],
  ["hurts too few", fail(900), { fates: ["refused"], atLeast: 2 }, "at least 2 requests were to be hurt, and 1 were"],
  [
    "fails in an unpredicted way beside the predicted one",
    { fate: ({ i }) => (i === 900 ? "refused" : i === 902 ? "timeout" : undefined) },
    { fates: ["refused"] },
    "the predicted fates were refused, and there were 1 timeout",
  ],
  ["leaves a predicted fate out", fail(900), { fates: ["refused", "reset"], eachOf: ["reset"] }, "none was reset"],
  [
    "hurts the other connection kind too",
    fail(900, 901),
    { fates: ["refused"], connection: "persistent" },
    "only persistent connections were to be hurt, and 1 of 2 were not persistent",
  ],
  [
    "fails outside its windows",
    fail(900, 1_500),
    { fates: ["refused"], windows: ["ending"] },
    "all were to fall into the windows ending, and 1 of 2 did not (first: request 1500)",
  ],
  [
    "fails at another time",
    fail(900, 1_190),
    { fates: ["refused"], when: { event: "replica.ending", withinMs: 2_000 } },
    "all were to be under way from 0 to 2000 ms after replica.ending, and 1 of 2 were not (first: request 1190)",
  ],
  [
    "fails before its time",
    fail(900),
    { fates: ["refused"], when: { event: "replica.ending", afterMs: 2_000, withinMs: 4_000 } },
    "and 1 of 1 were not (first: request 900)",
  ],
  [
    "is to follow an event that did not happen",
    fail(900),
    { fates: ["refused"], when: { event: "stock.gone", withinMs: 1 } },
    "the event stock.gone did not happen",
  ],
  [
    "hurts a replica that was not ending",
    {
      fate: ({ connection, socket, i }) =>
        connection === "persistent" && socket % 3 === 1 && i > 900 && i < 1_000 ? "reset" : undefined,
    },
    { fates: ["reset"], onVictims: true },
    "was with r1, which was in none",
  ],
  [
    "cannot tell whom it hurt",
    fail(901),
    { fates: ["refused"], onVictims: true },
    "of none can it be told which replica it was with",
  ],
])("a control that %s does not match", ([, opts, prediction, reason]) => {
  const result = match(opts, prediction);
  expect(result.reason).toContain(reason);
  expect(result.matches).toBe(false);
});

test("a slack at the windows' edges is given, and can be taken away", () => {
  // Sent 0.1 s after the window closed.
  const late = fail(1_200);
  expect(match(late, { fates: ["refused"], windows: ["ending"] }).matches).toBe(true);
  expect(match(late, { fates: ["refused"], windows: ["ending"], slackMs: 50 }).matches).toBe(false);
});

/** 49 requests are refused while r0 ends, and one more at the end. */
const oneOfFifty = {
  fate: ({ i }: RequestRecord) => (i === 1_500 || (i >= 900 && i < 949) ? "refused" : undefined),
} as const;

test("a stray among many is allowed where that was said, and is counted and named", () => {
  const prediction: Prediction = { fates: ["refused"], windows: ["ending"], atLeast: 49 };
  expect(match(oneOfFifty, prediction).matches).toBe(false);
  expect(match(oneOfFifty, { ...prediction, strays: 0 })).toEqual(match(oneOfFifty, prediction));
  expect(match(oneOfFifty, { ...prediction, strays: 0.02 })).toEqual({
    matches: true,
    reason: "It failed as predicted: 49 requests, 49 refused; 1 more strayed (request 1500: refused, persistent).",
    strays: [1_500],
  });
});

test("a request strays in its place, its connection or its fate; one that is wrong in all of them is one stray", () => {
  const prediction: Prediction = { fates: ["refused"], connection: "new", windows: ["ending"], strays: 0.05 };
  const lost = (stray: (request: RequestRecord) => Fate | undefined): FixtureOptions => ({
    // Every second request is a new connection: 40 of them.
    fate: (request) =>
      stray(request) ?? (request.i >= 900 && request.i < 980 && request.i % 2 === 1 ? "refused" : undefined),
  });
  const strays = (numbers: readonly number[], fate: Fate = "refused") =>
    match(
      lost(({ i }) => (numbers.includes(i) ? fate : undefined)),
      prediction,
    );
  // 901 is refused, in its window, over a new connection: here it is reset.
  expect(strays([901], "reset")).toMatchObject({ matches: true, strays: [901] });
  expect(strays([902])).toMatchObject({ matches: true, strays: [902] });
  expect(strays([1_500], "timeout")).toMatchObject({ matches: true, strays: [1_500] });
  expect(strays([902, 1_501])).toMatchObject({ matches: true, strays: [902, 1_501] });
});

test("more strays than were said do not match, and the reason says how many there were", () => {
  const { matches, reason } = match(
    { fate: (request) => (request.i === 1_600 ? "refused" : oneOfFifty.fate(request)) },
    { fates: ["refused"], windows: ["ending"], strays: 0.02 },
  );
  expect(reason).toBe(
    "It did not fail as predicted: all were to fall into the windows ending, and 2 of 51 did not (first: request 1500); 2 of 51 strayed, where 1 may.",
  );
  expect(matches).toBe(false);
});

test("a stray counts for nothing: what must be there must be there without it", () => {
  const prediction: Prediction = { fates: ["refused"], windows: ["ending"], strays: 0.02 };
  expect(match(oneOfFifty, { ...prediction, atLeast: 50 })).toEqual({
    matches: false,
    reason:
      "It did not fail as predicted: at least 50 requests were to be hurt, and 49 were; 1 more strayed (request 1500: refused, persistent).",
  });
  const otherwise: FixtureOptions = { fate: (request) => (request.i === 1_500 ? "reset" : oneOfFifty.fate(request)) };
  expect(match(otherwise, { ...prediction, fates: ["refused", "reset"], eachOf: ["reset"] }).reason).toContain(
    "none was reset; 1 more strayed (request 1500: reset, persistent)",
  );
  // One of one is no stray.
  expect(match(fail(1_500), prediction).matches).toBe(false);
});

test("degraded answers where none may be are predicted like failures", () => {
  const degraded: FixtureOptions = { fate: ({ i }) => (i === 900 ? "degraded" : undefined) };
  expect(match(degraded, { fates: ["degraded"] }).matches).toBe(true);
  expect(match(degraded, { fates: ["reset"] }).matches).toBe(false);
});

test("a control that fails by its events alone is predicted by the check that finds it", () => {
  const opts: FixtureOptions = {
    rule: { ...plannedRule, deadlines: [{ name: "opens", from: "gone", to: "open", withinMs: 1_000 }] },
    events: [...events, event("gone", 13_000)],
  };
  expect(match(opts, { codes: ["deadline-missed"] }).matches).toBe(true);
  expect(match(opts, { codes: ["failures"] }).matches).toBe(false);
});

test("of several deadlines, those that are predicted are missed and no other", () => {
  const opts: FixtureOptions = {
    rule: {
      ...plannedRule,
      deadlines: [
        { name: "opens", from: "gone", to: "open", withinMs: 1_000 },
        { name: "closes", from: "gone", to: "closed", withinMs: 1_000 },
        { name: "is told", from: "gone", to: "told", withinMs: 1_000 },
      ],
    },
    events: [...events, event("gone", 13_000), event("told", 13_100)],
  };
  const codes: Prediction["codes"] = ["deadline-missed"];
  expect(match(opts, { codes, deadlines: ["opens", "closes"] }).matches).toBe(true);
  expect(match(opts, { codes, deadlines: ["opens"] }).reason).toContain(
    'only "opens" was to be missed, and so was "closes"',
  );
  expect(match(opts, { codes, deadlines: ["opens", "closes", "is told"] }).reason).toContain(
    '"is told" was to be missed, and was not',
  );
});

test.each<[Prediction, RegExp]>([
  [{}, /must say fates or codes, or it predicts nothing/],
  [{ fates: [] }, /fates must name at least one fate/],
  [{ fates: ["lost" as never] }, /fates\[0\] must be a kind of failure, or degraded, found "lost"/],
  [{ fates: ["reset"], strays: 0.06 }, /strays must be <= 0.05: more are no strays, but another way to fail/],
  [{ fates: ["reset"], strays: -1 }, /strays must be >= 0/],
  [{ codes: ["deadline-missed"], deadlines: [] }, /deadlines must name at least one deadline/],
  [{ fates: ["reset"], onVictim: true } as Prediction, /has no setting \["onVictim"\]/],
])("refuses the prediction %j", (prediction, sentence) => {
  expect(() => match({}, prediction)).toThrow(
    expect.objectContaining({ code: "LOAD_PREDICTION_INVALID", message: expect.stringMatching(sentence) }),
  );
});
