import type { Command } from "commander";
import type { ExperimentSummary, TargetName } from "@holdfast/experiments";
import { examples, outputOption, targetOption } from "../command-parts.ts";
import { paragraph, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** `list`: what can be run, and what each claims. */
export function addList(program: Command, terminal: Terminal): void {
  program
    .command("list")
    .helpGroup("Prove it:")
    .summary("list the experiments")
    .description("Lists the experiments: what each claims, and the controls that must fail.")
    .addOption(targetOption("only those that run there"))
    .addOption(outputOption(["json", "wide"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast list"],
        ["./holdfast list -o wide", "with claims and controls"],
        ["./holdfast list --target kind", "what runs on a cluster"],
      ]),
    )
    .action(async (opts: { output?: "json" | "wide"; target?: TargetName }) => {
      const { listExperiments } = await import("@holdfast/experiments");
      const experiments = listExperiments(opts.target === undefined ? {} : { target: opts.target });
      if (opts.output === "json") {
        terminal.print(JSON.stringify(experiments, undefined, 2));
        return;
      }
      const lines = opts.output === "wide" ? experiments.flatMap((e) => describe(e, terminal)) : shortList(experiments);
      for (const line of lines) terminal.print(line);
    });
}

function shortList(experiments: readonly ExperimentSummary[]): string[] {
  const rows = experiments.map((e) => [
    e.id,
    e.title,
    e.targets.join(","),
    e.controls.map((control) => control.name).join(","),
  ]);
  return table([["ID", "TITLE", "TARGETS", "CONTROLS"], ...rows]);
}

function describe(experiment: ExperimentSummary, { paint, stdout }: Terminal): string[] {
  const width = Math.min(stdout.columns || 100, 100);
  return [
    `${paint("title", `${experiment.id}  ${experiment.title}`)}  ${paint("quiet", `on ${experiment.targets.join(", ")}`)}`,
    ...paragraph(`claims: ${experiment.hypothesis}`, { width, indent: 4 }),
    ...experiment.controls.flatMap((control) =>
      paragraph(`control ${control.name}${whereOf(control, experiment)}: must fail, since ${control.because}`, {
        width,
        indent: 4,
      }),
    ),
    "",
  ];
}

/** Said only where a control does not run wherever its experiment does. */
function whereOf(control: ExperimentSummary["controls"][number], experiment: ExperimentSummary): string {
  return control.targets.length === experiment.targets.length ? "" : ` (on ${control.targets.join(", ")} only)`;
}
