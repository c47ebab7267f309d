/** The lab: an engine that holds the rules, and one file an experiment. */
export { ExperimentError, sentenceOf, type ExperimentErrorCode } from "./errors.ts";
export { experiment, experimentOn } from "./experiment.ts";
export type {
  Control,
  ControlInput,
  ControlPrediction,
  DefinedExperiment,
  Experiment,
  ExperimentInput,
  Facts,
  Lab,
  LoadInput,
  MetricWatch,
  TargetDifference,
} from "./experiment.ts";
export { planned, unplanned, type Pass, type UnplannedOptions } from "./pass.ts";
export { defaultSystem, describeChange } from "./system.ts";
export type { Leaf, LeafChange, System, SystemChange } from "./system.ts";
export type {
  FaultRequest,
  MetricSample,
  Replica,
  ServiceName,
  Target,
  TargetEvent,
  TargetFactory,
  TargetName,
  TargetNode,
} from "./target.ts";
export {
  catalogueEnvironment,
  fleetSettings,
  fleetTarget,
  serviceEnvironment,
  type FleetTargetOptions,
} from "./fleet-target.ts";
export { kindTarget, type KindTargetOptions } from "./kind-target.ts";
export { loadAgentCommand, startLoadAgent } from "./kind/load-agent-pod.ts";
export { findExperiment, listExperiments, type ControlSummary, type ExperimentSummary } from "./catalogue.ts";
export { runWithAttempts, type AttemptOptions } from "./attempts.ts";
export { runExperiment, type RunOptions } from "./run.ts";
export { isAsWanted, runSuite, withControlsOf, type SuiteOptions, type SuiteResult } from "./suite.ts";
export type { Phase, Progress } from "./progress.ts";
export { attemptWords } from "./result.ts";
export type {
  ControlFigures,
  ControlReport,
  EarlierAttempt,
  Figures,
  RollbackCheck,
  RollbackReport,
  RunResult,
  VerdictWord,
} from "./result.ts";
export { junit } from "./junit.ts";
export { escapeXml, junitDocument, type JunitCase } from "./junit-document.ts";
export { livingOwner, ownerMark } from "./kind/owner-mark.ts";
export { escapeText } from "./report/html.ts";
export { htmlPage } from "./report/page.ts";
