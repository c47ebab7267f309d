/** What an item leaves behind, and what a whole run comes to. Pure. */
import { attemptWords, type ControlFigures, type RunResult } from "@holdfast/experiments";
import { EXIT } from "@holdfast/experiments/exit-codes";
import type { CheckItem, Chosen } from "./items.ts";

/** NOT RUN: nothing was judged. It counts as failed. */
export type Word = "PASS" | "FAIL" | "INVALID" | "NOT RUN";

/** out/e2e/<id>.json of a plain check. */
export interface CheckResult {
  readonly schemaVersion: 1;
  readonly id: string;
  readonly kind: "check";
  readonly title: string;
  readonly claims: string;
  readonly verdict: Word;
  /** One sentence: what was found. */
  readonly reason: string;
  readonly seconds: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly control?: CheckControl;
  /** How often it was run; there only where that was more than once, since only what was INVALID is repeated. */
  readonly attempts?: number;
  readonly earlier?: readonly EarlierCheck[];
}

/** A run of a check in which a half had too little to judge, after which it was run once more. */
export interface EarlierCheck {
  /** What the half said that had too little to judge. */
  readonly reason: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
}

interface CheckControl {
  /** What is different. */
  readonly change: string;
  /** FAIL is what it must come to. */
  readonly verdict: Word;
  readonly reason: string;
  readonly seconds: number;
  readonly expected: "FAIL";
  readonly asPredicted: boolean;
}

/** One half of a check as its process saw it: the claim, or the control. */
export interface Half {
  /** `broken`: the judgement called it wrong. `invalid`: there was too little to judge. `not run`: never begun. */
  readonly state: "held" | "broken" | "invalid" | "error" | "not run";
  /** One sentence. */
  readonly reason: string;
  readonly seconds: number;
}

/** A control must be `broken`, as the judgement itself and nothing else says it. */
export function checkResult(
  item: CheckItem,
  opts: {
    claim: Half;
    control?: Half | undefined;
    seconds: number;
    startedAt: string;
    earlier?: readonly EarlierCheck[] | undefined;
  },
): CheckResult {
  const { claim, control, seconds, startedAt, earlier = [] } = opts;
  const base = { schemaVersion: 1, id: item.id, kind: "check", title: item.title, claims: item.claims } as const;
  const judged = wordOf(claim);
  const shown = item.control === undefined ? undefined : controlOf(item.control, control);
  // A claim that holds shows nothing as long as its check has not been seen to fail.
  const unproved = judged === "PASS" && shown?.asPredicted === false;
  return {
    ...base,
    verdict: unproved ? (shown.verdict === "NOT RUN" ? "NOT RUN" : "INVALID") : judged,
    reason: unproved
      ? `It holds, but the control does not show that the check can fail: ${shown.reason}`
      : claim.reason,
    seconds,
    startedAt,
    ...(shown ? { control: shown } : {}),
    ...(earlier.length > 0 ? { attempts: earlier.length + 1, earlier } : {}),
  };
}

/**
 * What the half said that had too little to judge, where nothing else was wrong: then the check may be repeated. Undefined for what
 * FAILed, for a control that was not called wrong, and for what did not run: those are findings.
 */
export function tooLittle({ verdict, reason, control }: CheckResult): string | undefined {
  if (control && control.verdict !== "INVALID" && !control.asPredicted) return undefined;
  if (control?.verdict === "INVALID" && (verdict === "INVALID" || verdict === "PASS")) return control.reason;
  return verdict === "INVALID" ? reason : undefined;
}

function controlOf(change: string, half: Half | undefined): CheckControl {
  if (!half) {
    return {
      change,
      verdict: "NOT RUN",
      reason: "the control did not run.",
      seconds: 0,
      expected: "FAIL",
      asPredicted: false,
    };
  }
  const { reason, seconds } = half;
  return { change, verdict: wordOf(half), reason, seconds, expected: "FAIL", asPredicted: half.state === "broken" };
}

function wordOf({ state }: Half): Word {
  switch (state) {
    case "held":
      return "PASS";
    case "broken":
    case "error":
      return "FAIL";
    case "invalid":
      return "INVALID";
    case "not run":
      return "NOT RUN";
  }
}

/** One line of the run: an item that was chosen, and what became of it. */
export interface Outcome {
  readonly id: string;
  readonly kind: "check" | "experiment";
  readonly title: string;
  readonly claims: string;
  readonly verdict: Word;
  readonly reason: string;
  readonly seconds: number;
  readonly controls: readonly OutcomeControl[];
  /** What earlier attempts said that were INVALID, and which attempt this is, as one sentence. */
  readonly again?: string;
  /** Of an experiment. */
  readonly sent?: number;
  readonly failed?: number;
  /** File names in the output directory. */
  readonly files: Readonly<Record<string, string>>;
}

export interface OutcomeControl {
  readonly name: string;
  readonly verdict: Word;
  readonly reason: string;
  readonly asPredicted: boolean;
  readonly again?: string;
  readonly failed?: number;
  readonly page?: string;
}

/** As wanted: it passed, and every control that was asked for failed as predicted. */
export function isGood({ verdict, controls }: Outcome): boolean {
  return verdict === "PASS" && controls.every(({ asPredicted }) => asPredicted);
}

export function checkOutcome(item: CheckItem, result: CheckResult | undefined): Outcome {
  const { id, kind, title, claims } = item;
  if (!result) return notRun(item, "its process ended before it was judged");
  const { verdict, reason, seconds, control } = result;
  return {
    id,
    kind,
    title,
    claims,
    verdict,
    reason,
    seconds,
    controls: control
      ? [{ name: control.change, verdict: control.verdict, reason: control.reason, asPredicted: control.asPredicted }]
      : [],
    ...againOf(result),
    files: { result: `${id}.json` },
  };
}

function controlOutcome(control: ControlFigures, { page }: RunResult["files"]): OutcomeControl {
  const { name, verdict, reason, asPredicted, failed } = control;
  return {
    name,
    verdict,
    reason,
    asPredicted,
    ...againOf(control),
    failed: failed.total,
    page: page.replace(/\.html$/, `.control-${name}.html`),
  };
}

function againOf(result: Parameters<typeof attemptWords>[0]): { again?: string } {
  const again = attemptWords(result);
  return again === undefined ? {} : { again };
}

/** An experiment's own result, and the controls that were asked for but are not in it. */
export function experimentOutcome(
  item: Extract<Chosen, { kind: "experiment" }>,
  opts: { result: RunResult | undefined; seconds: number; trouble: string },
): Outcome {
  const { result, seconds, trouble } = opts;
  if (!result) return { ...notRun(item, trouble), seconds };
  const controls = result.controls ?? (result.control ? [result.control] : []);
  const missing = controlsOf(item).filter((name) => !controls.some((control) => control.name === name));
  const { verdict, reason } = result;
  return {
    id: item.id,
    kind: "experiment",
    title: item.title,
    claims: item.claims,
    verdict,
    reason,
    seconds,
    sent: result.sent,
    failed: result.failed.total,
    ...againOf(result),
    controls: [
      ...controls.map((control) => controlOutcome(control, result.files)),
      ...missing.map((name) => ({
        name,
        verdict: "NOT RUN" as const,
        reason: `the control did not run: ${trouble}`,
        asPredicted: false,
      })),
    ],
    files: {
      page: result.files.page,
      ledger: result.files.ledger,
      logs: result.files.logs,
      result: result.files.result,
    },
  };
}

/** Its controls did not run either: what is counted must not shrink with what was tried. */
export function notRun(item: Chosen, why: string): Outcome {
  const { id, kind, title, claims } = item;
  const reason = `Not run: ${why}.`;
  return {
    id,
    kind,
    title,
    claims,
    verdict: "NOT RUN",
    reason,
    seconds: 0,
    controls: controlsOf(item).map((name) => ({ name, verdict: "NOT RUN", reason, asPredicted: false })),
    files: {},
  };
}

function controlsOf(item: Chosen): readonly string[] {
  if (item.kind === "check") return item.control === undefined ? [] : [item.control];
  return item.withControls ? item.controls : [];
}

/** What of an item was run more than once, and why. */
export function repetitions({ id, again, controls }: Outcome): { what: string; again: string }[] {
  const all = [
    { what: id, again },
    ...controls.map((control) => ({ what: `${id}, control ${control.name}`, again: control.again })),
  ];
  return all.flatMap((each) => (each.again === undefined ? [] : [{ what: each.what, again: each.again }]));
}

/** Experiments, plain checks and controls are counted alike: each is one thing that had to come out as said. */
export function count(outcomes: readonly Outcome[]): { passed: number; failed: number } {
  const cases = outcomes.flatMap((outcome) => [
    outcome.verdict === "PASS",
    ...outcome.controls.map(({ asPredicted }) => asPredicted),
  ]);
  const passed = cases.filter(Boolean).length;
  return { passed, failed: cases.length - passed };
}

/** 0: all as wanted; 1: something is wrong; 4: something did not run, and nothing is known to be wrong; 3: something shows nothing. */
export function exitCodeOf(outcomes: readonly Outcome[]): number {
  const bad = outcomes.filter((outcome) => !isGood(outcome));
  if (outcomes.length > 0 && bad.length === 0) return EXIT.done;
  const unshown = bad.flatMap(({ controls }) => controls.filter(({ asPredicted }) => !asPredicted));
  const words = [...bad, ...unshown].map(({ verdict }) => verdict);
  // A control that PASSed says that the check cannot fail, which is as wrong as a claim that does not hold.
  if (bad.some(({ verdict }) => verdict === "FAIL") || unshown.some(({ verdict }) => verdict === "PASS"))
    return EXIT.fail;
  if (outcomes.length === 0 || words.includes("NOT RUN")) return EXIT.couldNotRun;
  return EXIT.invalid;
}

/** What a whole run was, beside its items: out/e2e/e2e.json. */
export interface RunRecord {
  readonly schemaVersion: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Of the checkout; "-dirty" behind it where files were changed. */
  readonly commit: string;
  readonly cluster: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: { readonly cores: number; readonly memoryGiB: number; readonly platform: string };
  readonly passed: number;
  readonly failed: number;
  readonly outcomes: readonly Outcome[];
}
