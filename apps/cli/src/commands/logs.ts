import type { Command } from "commander";
import { clusterNameOption, examples, outputOption, timeInSeconds, wholeNumber } from "../command-parts.ts";
import type { LogFlags } from "../logs.ts";
import type { Terminal } from "../terminal.ts";

/** `logs`: what was written, by pods that are there and by those that are gone. */
export function addLogs(program: Command, terminal: Terminal): void {
  program
    .command("logs")
    .helpGroup("On a cluster:")
    .summary("show stored log lines: of a request, or of pods")
    .description(
      [
        "Shows log lines as VictoriaLogs holds them, oldest first: those of one request, of every service that it met, or those of pods, also of pods that are gone.",
        "The trace id is the 32 hex digits that a request had in its `traceparent` and has in each of its lines; `load` and `trace` say one. Without it: what the last five minutes brought.",
      ].join("\n\n"),
    )
    .argument("[trace-id]", "the request's; a whole traceparent will do")
    .option("--pod <name>", "lines of this pod, or of pods whose names begin so")
    .option(
      "--since <time>",
      "only lines that are no older (default: 5m; with a trace id, all)",
      timeInSeconds({ min: 1, max: 30 * 24 * 3_600 }),
    )
    .option("--limit <n>", "at most so many, the newest", wholeNumber({ min: 1, max: 100_000 }), 200)
    .addOption(clusterNameOption("the cluster's name"))
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast logs 4bf92f3577b34da6a3ce929d0e0e4736", "a request, line by line"],
        ["./holdfast logs --pod catalogue --since 10m", "of pods that are gone, too"],
        ["./holdfast logs --since 30s -o json | jq '.lines[].message'"],
      ]),
    )
    .action(async (traceId: string | undefined, flags: LogFlags) => {
      const { showLogs } = await import("../logs.ts");
      await showLogs(traceId, { flags, terminal });
    });
}
