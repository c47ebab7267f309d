import type { Fate, Ledger } from "@holdfast/load";
import { expect, test } from "vitest";
import { controlReport } from "./control.ts";
import type { Control, ControlPrediction } from "./experiment.ts";
import { exampleLedger, exampleVerdict } from "./ledger.fixture.ts";

const verified = { verified: true, reason: "everything is as it was" };
const rule: Ledger["header"]["rule"] = {
  kind: "planned",
  windows: [
    { name: "starting", from: "replica.starting", to: "replica.ready" },
    { name: "ending", from: "replica.ending", to: "replica.ended" },
  ],
  minScheduledInWindows: 100,
};

function controlWith(predict: Partial<ControlPrediction> = {}): Control {
  return {
    name: "no-drain",
    because: "nothing waits",
    change: { path: "catalogue.shutdown.enabled", from: true, to: false },
    predict: { fates: ["reset"], eachConnection: ["new", "persistent"], windows: ["ending"], ...predict },
  };
}

/** What becomes of a control under which these requests were lost. */
function reportOf(
  lost: readonly { atMs: number; fate: Fate; connection: "new" | "persistent" }[],
  opts: { predict?: Partial<ControlPrediction>; rollback?: typeof verified } = {},
) {
  const made = exampleLedger({ lost });
  const ledger = { ...made, header: { ...made.header, ...(rule ? { rule } : {}) } };
  const verdict = exampleVerdict(ledger);
  return controlReport(controlWith(opts.predict), { ledger, verdict, rollback: opts.rollback ?? verified });
}

const asPredicted = [
  { atMs: 7000, fate: "reset", connection: "persistent" },
  { atMs: 7100, fate: "reset", connection: "new" },
] as const;

test("a control that fails where, when and as it was predicted counts", () => {
  expect(reportOf(asPredicted)).toMatchObject({ verdict: "FAIL", ran: { asPredicted: true, expected: "FAIL" } });
});

test("a control that does not fail shows that the check cannot", () => {
  const report = reportOf([]);
  expect(report).toMatchObject({ verdict: "PASS", ran: { asPredicted: false } });
  expect(report.reason).toContain("catalogue.shutdown.enabled: true -> false");
});

test.each<{ how: string; lost: Parameters<typeof reportOf>[0]; predict?: Partial<ControlPrediction>; says: string }>([
  {
    how: "with another fate",
    lost: [...asPredicted, { atMs: 7200, fate: "timeout", connection: "new" }],
    says: "the predicted fates were reset",
  },
  {
    how: "at another time",
    lost: [...asPredicted, { atMs: 18_000, fate: "reset", connection: "new" }],
    says: "were to fall into the windows ending",
  },
  {
    how: "on other connections",
    lost: asPredicted,
    predict: { connection: "persistent", eachConnection: [] },
    says: "only persistent connections were to be hurt",
  },
  {
    how: "without one of the connections",
    lost: [{ atMs: 7000, fate: "reset", connection: "persistent" }],
    says: "no request over a new connection failed",
  },
  {
    how: "with other requests",
    lost: asPredicted,
    predict: { requests: ["slow"] },
    says: "though only slow were to fail",
  },
  { how: "too little", lost: asPredicted, predict: { atLeast: 20 }, says: "at least 20 requests were to be hurt" },
  { how: "by another check", lost: asPredicted, predict: { codes: ["deadline-missed"] }, says: "by deadline-missed" },
])("a control that fails $how is INVALID", ({ lost, predict, says }) => {
  const report = reportOf(lost, predict ? { predict } : {});
  expect(report).toMatchObject({ verdict: "INVALID", ran: { asPredicted: false } });
  expect(report.reason).toContain(says);
});

test("a control that is to miss a deadline misses that one: the method's may go with it, and the reason names the deadline", () => {
  const ledger = exampleLedger({ lost: asPredicted });
  const deadline = (name: string, tookMs?: number) => ({
    name,
    withinMs: 1000,
    ...(tookMs === undefined ? {} : { tookMs }),
    met: tookMs !== undefined,
    decided: true,
  });
  const missed = (name: string) => ({ code: "deadline-missed" as const, reason: `"${name}" did not happen.` });
  const report = (names: string[]) => {
    const deadlines = ["method", "replaced", "noticed"].map((name) =>
      deadline(name, names.includes(name) ? undefined : 1),
    );
    const findings = names.map((name) => missed(name));
    const made = exampleVerdict(ledger, { ...findings[0], code: "deadline-missed", deadlines, findings });
    const withRule = { ...ledger, header: { ...ledger.header, ...(rule ? { rule } : {}) } };
    const control = controlWith({ codes: ["deadline-missed"], deadlines: ["replaced"] });
    return controlReport(control, { ledger: withRule, verdict: made, rollback: verified });
  };
  expect(report(["method", "replaced"])).toMatchObject({
    verdict: "FAIL",
    reason: expect.stringMatching(/true -> false: "replaced" did not happen\.$/),
    ran: { asPredicted: true },
  });
  expect(report(["method"])).toMatchObject({
    verdict: "INVALID",
    reason: expect.stringContaining('"replaced" was to be missed, and was not'),
  });
  expect(report(["method", "noticed", "replaced"])).toMatchObject({
    verdict: "INVALID",
    reason: expect.stringContaining('only "replaced" was to be missed, and so was "noticed"'),
  });
});

test("a control that is to fail by a deadline alone may hurt no request", () => {
  const report = (lost: Parameters<typeof reportOf>[0]) => {
    const made = exampleLedger({ lost });
    const ledger = { ...made, header: { ...made.header, ...(rule ? { rule } : {}) } };
    const missed = { code: "deadline-missed" as const, reason: '"stored" did not happen.' };
    const verdict = exampleVerdict(ledger);
    const control = { ...controlWith(), predict: { codes: [missed.code], deadlines: ["stored"] } };
    const judged = {
      ...verdict,
      verdict: "FAIL" as const,
      ...(lost.length === 0 ? missed : { code: "failures" as const, reason: "2 requests failed." }),
      findings: [missed],
      deadlines: [{ name: "stored", withinMs: 1000, met: false, decided: true }],
    };
    return controlReport(control, { ledger, verdict: judged, rollback: verified });
  };
  expect(report([])).toMatchObject({ verdict: "FAIL", ran: { asPredicted: true } });
  expect(report(asPredicted)).toMatchObject({
    verdict: "INVALID",
    reason: expect.stringContaining("failed by failures"),
  });
});

test("where strays are allowed, one of fifty is named and proves nothing", () => {
  const inWindow = Array.from(
    { length: 49 },
    (_, n) => ({ atMs: 7000 + 2 * n, fate: "reset", connection: "new" }) as const,
  );
  const stray = { atMs: 18_000, fate: "reset", connection: "persistent" } as const;
  const predict = { eachConnection: ["new"], strays: 0.02 } as const;
  expect(reportOf([...inWindow, stray], { predict: { eachConnection: ["new"] } })).toMatchObject({
    verdict: "INVALID",
  });
  expect(reportOf([...inWindow, stray], { predict: { ...predict, eachConnection: ["new"] } })).toMatchObject({
    verdict: "FAIL",
    reason: expect.stringMatching(
      /It failed as predicted: 49 requests, 49 reset; 1 more strayed \(request \d+: reset, persistent\)\.$/,
    ),
    ran: { asPredicted: true },
  });
  // The only kept-alive one strayed.
  expect(reportOf([...inWindow, stray], { predict: { strays: 0.02 } })).toMatchObject({
    verdict: "INVALID",
    reason: expect.stringContaining("no request over a persistent connection failed"),
  });
});

test("a control whose rollback could not be verified is INVALID", () => {
  const rollback = { verified: false, reason: "the rollback could not be verified: faults: a still has latency" };
  expect(reportOf(asPredicted, { rollback })).toMatchObject({
    verdict: "INVALID",
    reason: "It failed as predicted, but the rollback could not be verified: faults: a still has latency.",
    ran: { asPredicted: false },
  });
});

test("an INVALID run of a control stays INVALID, with its own reason", () => {
  const ledger = exampleLedger();
  const verdict = exampleVerdict(ledger, {
    verdict: "INVALID",
    code: "schedule-lag",
    reason: "The generator was late.",
  });
  expect(controlReport(controlWith(), { ledger, verdict, rollback: verified })).toMatchObject({
    verdict: "INVALID",
    reason: "The generator was late.",
    ran: { asPredicted: false },
  });
});
