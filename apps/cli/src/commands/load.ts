import type { Command } from "commander";
import type { ClusterLoadFlags } from "../cluster-load.ts";
import { clusterNameOption, examples, number, outputOption, timeInSeconds, wholeNumber } from "../command-parts.ts";
import type { Terminal } from "../terminal.ts";

/** `load`: what becomes of every request of a constant load, sent from inside the cluster. */
export function addLoad(program: Command, terminal: Terminal): void {
  program
    .command("load")
    .helpGroup("On a cluster:")
    .summary("send load from inside the cluster, and judge it")
    .description(
      [
        "Sends a constant load to the catalogue from a pod of the cluster, half over new and half over kept-alive connections, and says what became of every request. Do what you like to the service meanwhile.",
        "Exits with the verdict: 0 when no request failed, 1 when some did, 3 when the run says nothing. Its raw records stay in the output directory.",
      ].join("\n\n"),
    )
    .option("--rate <n>", "requests a second", number({ min: 1, max: 2_000 }), 100)
    .option(
      "--for <time>",
      "how long; rate and time together up to 1 000 000 requests",
      timeInSeconds({ min: 5, max: 3_600 }),
      60,
    )
    .option(
      "--connections <n>",
      "sockets that are kept open and used in turn (default: half the rate, at least 50)",
      wholeNumber({ min: 1, max: 5_000 }),
    )
    .option(
      "--slow-share <share>",
      "share of requests that ask for an answer after 3 s, 0 to 0.5; needs a profile with faults enabled",
      number({ min: 0, max: 0.5 }),
      0,
    )
    .option("--out <dir>", "where its raw records go", "out")
    .addOption(clusterNameOption("the cluster's name"))
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast load --rate 200 --for 60s"],
        ["./holdfast load --for 5m", "and meanwhile, elsewhere, break something"],
        ["./holdfast load --rate 50 -o json | jq .failed.total"],
      ]),
    )
    .action(async (flags: ClusterLoadFlags) => {
      const { sendClusterLoad } = await import("../cluster-load.ts");
      process.exitCode = await sendClusterLoad(flags, terminal);
    });
}
