/** All experiments there are. */
import { ExperimentError } from "./errors.ts";
import type { Experiment } from "./experiment.ts";
import { alert } from "./experiments/alert.ts";
import { dependency } from "./experiments/dependency.ts";
import { logLedger, logLedgerBySidecar } from "./experiments/log-ledger.ts";
import { nodeLoss } from "./experiments/node-loss.ts";
import { podCrash } from "./experiments/pod-crash.ts";
import { rollingUpdate } from "./experiments/rolling-update.ts";
import { scaleOutAndIn, scaleOutAndInByHpa } from "./experiments/scale-out-and-in.ts";
import { describeChange } from "./system.ts";
import type { TargetName } from "./target.ts";

export interface ExperimentSummary {
  readonly id: string;
  readonly title: string;
  readonly hypothesis: string;
  readonly targets: readonly TargetName[];
  readonly controls: readonly ControlSummary[];
}

export interface ControlSummary {
  readonly name: string;
  readonly because: string;
  /** `catalogue.shutdown.enabled: true -> false` */
  readonly change: string;
  readonly targets: readonly TargetName[];
}

const experiments: readonly Experiment[] = [
  rollingUpdate,
  podCrash,
  nodeLoss,
  scaleOutAndIn,
  scaleOutAndInByHpa,
  dependency,
  logLedger,
  logLedgerBySidecar,
  alert,
];

/** In the order of their numbers; with `target`, those that run there. */
export function listExperiments(opts: { target?: TargetName } = {}): readonly ExperimentSummary[] {
  return experiments.filter(({ targets }) => opts.target === undefined || targets.includes(opts.target)).map(summaryOf);
}

/** By id, upper or lower case. @throws ExperimentError EXPERIMENT_UNKNOWN, with the ids that exist */
export function findExperiment(id: string): Experiment {
  const found = experiments.find((candidate) => candidate.id.toLowerCase() === id.toLowerCase());
  if (found) return found;
  throw new ExperimentError(
    "EXPERIMENT_UNKNOWN",
    `There is no experiment "${id}"; there are ${experiments.map((candidate) => candidate.id).join(", ")}.`,
  );
}

function summaryOf({ id, title, hypothesis, targets, controls }: Experiment): ExperimentSummary {
  return {
    id,
    title,
    hypothesis,
    targets,
    controls: controls.map(({ name, because, change, targets: own }) => ({
      name,
      because,
      change: describeChange(change),
      targets: own ?? targets,
    })),
  };
}
