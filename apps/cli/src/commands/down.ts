import type { Command } from "commander";
import { clusterNameOption, examples, outputOption } from "../command-parts.ts";
import type { DownFlags } from "../down.ts";
import type { Terminal } from "../terminal.ts";

/** `down`: removes what `up` has made, and nothing else. */
export function addDown(program: Command, terminal: Terminal): void {
  program
    .command("down")
    .helpGroup("On a cluster:")
    .summary("remove that cluster and all that belongs to it")
    .description(
      "Removes the cluster that `up` has made, whole or half-made: its nodes, registries, volume, network and kubeconfig. What does not bear our mark is left alone. Where there is nothing, nothing is done.",
    )
    .addOption(clusterNameOption("the cluster's name"))
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([["npm run down", "the same as ./holdfast down"], ["./holdfast down --name second"]]),
    )
    .action(async (flags: DownFlags) => {
      const { down } = await import("../down.ts");
      process.exitCode = await down(flags, terminal);
    });
}
