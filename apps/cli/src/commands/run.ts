import type { Command } from "commander";
import { clusterNameOption, examples, outputOption, targetOption, wholeNumber } from "../command-parts.ts";
import type { RunFlags } from "../run-experiments.ts";
import type { Terminal } from "../terminal.ts";

/** `run`: experiments on this machine, each with a verdict that is its exit code. */
export function addRun(program: Command, terminal: Terminal): void {
  program
    .command("run")
    .helpGroup("Prove it:")
    .summary("run experiments, and the controls that must fail")
    .description(
      [
        "Runs experiments, on the embedded fleet or on the cluster that `./holdfast up` has made, and writes, for each, its verdict, its raw records, its replicas' logs and a page with the picture into the output directory.",
        "Exits with the verdict: 0 PASS, 1 FAIL, 3 INVALID. A control is run by the same rule, so it exits 1 when it fails as predicted, 3 when it failed otherwise, 0 when it did not fail.",
        "Ctrl-C ends a run in order, its rollback included, and exits 130.",
      ].join("\n\n"),
    )
    .argument("<ids...>", "experiments, as `./holdfast list` names them")
    .option("--control [name]", "run a control instead: the one of that name, or the experiment's first")
    .option(
      "--with-controls",
      "after each experiment its controls; exits 0 only if every experiment passes and every control fails as predicted",
    )
    .option(
      "--attempts <n>",
      "run what is INVALID again, up to so many times in all, and say so in the result; a FAIL is never repeated",
      wholeNumber({ min: 1, max: 3 }),
      1,
    )
    .addOption(targetOption("where to run").default("fleet"))
    .addOption(clusterNameOption("the cluster's name, with --target kind"))
    .option("--out <dir>", "where the results go", "out")
    .addOption(outputOption(["json", "junit"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast run E1", "rolling update: nothing may be lost"],
        ["./holdfast run E1 --control", "the same without its protection: must fail"],
        ["./holdfast run E1 E3 E11 --with-controls", "everything that runs without a cluster"],
        ["./holdfast run E1 --target kind", "the same claim, on Kubernetes"],
        ["./holdfast run E3 -o junit > e3.xml"],
      ]),
    )
    .action(async (ids: string[], flags: RunFlags) => {
      // Loaded when it is needed: help must not wait for the lab.
      const { runExperiments } = await import("../run-experiments.ts");
      process.exitCode = await runExperiments(ids, { flags, terminal });
    });
}
