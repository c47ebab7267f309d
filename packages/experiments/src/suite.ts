/** Several experiments, each followed by its controls, and one exit code for all. */
import { readLedger } from "@holdfast/load";
import path from "node:path";
import { runWithAttempts, type AttemptOptions } from "./attempts.ts";
import { experimentOn, type Experiment } from "./experiment.ts";
import { replaceFile, resultText } from "./out-files.ts";
import { htmlPage } from "./report/page.ts";
import type { ControlFigures, RunResult } from "./result.ts";

export interface SuiteOptions extends Omit<AttemptOptions, "control"> {
  readonly experiments: readonly Experiment[];
  /** After each experiment every control that the target has; their figures go into the experiment's own result. */
  readonly withControls: boolean;
}

export interface SuiteResult {
  /** In the order they ran, controls after their experiment. */
  readonly results: readonly RunResult[];
  /** As wanted: an experiment that PASSed, a control that FAILed as predicted. */
  readonly passed: number;
  readonly failed: number;
  /** 0: all as wanted; 3: some run was INVALID and none was wrong; 1 otherwise. */
  readonly exitCode: 0 | 1 | 3;
}

/** @throws ExperimentError from the first run that could not be had; results of earlier ones stand in `outDir` */
export async function runSuite(opts: SuiteOptions): Promise<SuiteResult> {
  const { experiments, withControls, ...run } = opts;
  const results: RunResult[] = [];
  for (const experiment of experiments) {
    const result = await runWithAttempts(experiment, run);
    if (!withControls) {
      results.push(result);
      continue;
    }
    const controls: RunResult[] = [];
    for (const control of experiment.controls) {
      if (!(control.targets ?? experiment.targets).includes(run.target.name)) continue;
      controls.push(await runWithAttempts(experiment, { ...run, control: control.name }));
    }
    const whole = withControlsOf(result, controls);
    results.push(whole, ...controls);
    await rewrite(experimentOn(experiment, run.target.name), { result: whole, outDir: run.outDir });
  }
  return { results, ...countOf(results) };
}

/** The experiment's result and page once more, with its controls in them. */
async function rewrite(
  experiment: Experiment,
  { result, outDir }: { result: RunResult; outDir: string },
): Promise<void> {
  const ledger = await readLedger(path.join(outDir, result.files.ledger));
  await replaceFile(path.join(outDir, result.files.page), htmlPage({ experiment, result, ledger }));
  await replaceFile(path.join(outDir, result.files.result), resultText(result));
}

/** An experiment's result with its controls' figures in it. */
export function withControlsOf(result: RunResult, runs: readonly RunResult[]): RunResult {
  const controls = runs.flatMap((run) => controlFigures(run) ?? []);
  const [first] = controls;
  return first ? { ...result, control: first, controls } : result;
}

function controlFigures(run: RunResult): ControlFigures | undefined {
  if (!run.ran) return undefined;
  const {
    schemaVersion: _,
    id: _id,
    title: _title,
    hypothesis: _h,
    rule: _r,
    target: _t,
    versions: _v,
    files: _f,
    ran,
    ...figures
  } = run;
  return { ...ran, ...figures };
}

export function isAsWanted(result: RunResult): boolean {
  return result.ran ? result.ran.asPredicted : result.verdict === "PASS";
}

function countOf(results: readonly RunResult[]): Omit<SuiteResult, "results"> {
  const unwanted = results.filter((result) => !isAsWanted(result));
  const onlyInvalid = unwanted.every(({ verdict }) => verdict === "INVALID");
  return {
    passed: results.length - unwanted.length,
    failed: unwanted.length,
    exitCode: unwanted.length === 0 ? 0 : onlyInvalid ? 3 : 1,
  };
}
