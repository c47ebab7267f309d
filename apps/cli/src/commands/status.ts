import type { Command } from "commander";
import { examples, outputOption } from "../command-parts.ts";
import type { StatusFlags } from "../status.ts";
import type { Terminal } from "../terminal.ts";

/** `status`: what runs, on this machine and on a cluster. */
export function addStatus(program: Command, terminal: Terminal): void {
  program
    .command("status")
    .helpGroup("Look at it:")
    .summary("show what runs: a `start`, a cluster, or both")
    .description(
      "Shows what a running `start` shows (replicas, load, what just happened), and of a cluster that `up` has made its zones, nodes, pods, scalers, releases and URLs.",
    )
    .option("--name <name>", "of the `start` or of the cluster (default: the usual ones, or HOLDFAST_CLUSTER)")
    .addOption(outputOption(["json", "wide"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast status"],
        ["./holdfast status -o wide", "with ports, nodes and images"],
        ["./holdfast status -o json"],
      ]),
    )
    .action(async (flags: StatusFlags) => {
      const { status } = await import("../status.ts");
      await status(flags, terminal);
    });
}
