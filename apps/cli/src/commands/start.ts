import type { Command } from "commander";
import { examples, number, outputOption, wholeNumber } from "../command-parts.ts";
import { GENTLE, JUDGED, MOST_REPLICAS } from "../session-load.ts";
import { DEFAULT_SESSION } from "../session-dir.ts";
import type { StartOptions } from "../start.ts";
import type { Terminal } from "../terminal.ts";

/** `start`: the embedded fleet under load, to look at and to play with. */
export function addStart(program: Command, terminal: Terminal): void {
  program
    .command("start")
    .helpGroup("Look at it:")
    .summary("run replicas under load on this machine, live")
    .description(
      [
        "Runs three replicas of the service and the upstream they ask behind one address, sends a gentle constant load, and shows what becomes of every request.",
        "Keys, in a terminal: r roll out, k kill a replica, + - more or fewer, b break and h heal the upstream, o overload, ? help, q quit. The same from a second terminal: `./holdfast rollout`, `kill`, `scale`, `break`, `heal`, `overload`, `status`, `stop`.",
        "Ctrl-C drains and ends it; nothing is left. Needs no Docker and no cluster.",
      ].join("\n\n"),
    )
    .option(
      "--port <port>",
      "where to serve (default: 8080, or a free one if that is taken)",
      wholeNumber({ min: 0, max: 65_535 }),
    )
    .option("--replicas <n>", "replicas of the catalogue", wholeNumber({ min: 1, max: MOST_REPLICAS }), 3)
    .option(
      "--rate <n>",
      `requests a second; 0 sends none (default: ${GENTLE.ratePerSecond}, with --rollout ${JUDGED.ratePerSecond})`,
      number({ min: 0, max: 2_000 }),
    )
    .option("--rollout", "roll out one new version under the load, print the verdict, end, and exit with it")
    .option("--name <name>", "a name of its own, to run beside another one of this checkout", DEFAULT_SESSION)
    .option(
      "--log-dir <dir>",
      "keep the replicas' logs there, and with --rollout the ledger (default: the logs are removed at the end, the ledger goes to out/)",
    )
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([
        ["npm start", "the same as ./holdfast start"],
        ["./holdfast start --replicas 5 --rate 100"],
        ["./holdfast start --rollout", "exits 0 when nothing was lost"],
        ["./holdfast start --rollout --log-dir out/rollout", "and keeps the logs as well"],
        ["./holdfast start --name other --port 0", "a second one, on any free port"],
        ["./holdfast start -o json | jq .load.failed", "a line of JSON every 5 s"],
      ]),
    )
    .action(async (opts: StartOptions) => {
      // Loaded when it is needed: help must not wait for the fleet.
      const { start } = await import("../start.ts");
      process.exitCode = await start(opts, terminal);
    });
}
