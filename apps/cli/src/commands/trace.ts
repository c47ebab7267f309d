import type { Command } from "commander";
import { clusterNameOption, examples, outputOption } from "../command-parts.ts";
import type { Terminal } from "../terminal.ts";
import type { TraceFlags } from "../trace.ts";

/** `trace`: a request's way through the services. */
export function addTrace(program: Command, terminal: Terminal): void {
  program
    .command("trace")
    .helpGroup("On a cluster:")
    .summary("show a request's spans and log lines as a waterfall")
    .description(
      [
        "Shows a request's way through the services: each span with a bar, failed ones marked, and its log lines where they were written. Spans are read from Jaeger where it is installed, else from the collector's file.",
        "Without an id it sends one request to the catalogue, asks for its trace to be stored, waits until it is (10 s at most) and shows it.",
        "A request that was not sampled has no spans, unless it failed; its log lines are shown.",
      ].join("\n\n"),
    )
    .argument("[trace-id]", "the request's; a whole traceparent will do")
    .addOption(clusterNameOption("the cluster's name"))
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([
        ["./holdfast trace", "send a request and follow it"],
        ["./holdfast trace 4bf92f3577b34da6a3ce929d0e0e4736"],
        ["./holdfast trace -o json | jq '.spans[].name'"],
      ]),
    )
    .action(async (traceId: string | undefined, flags: TraceFlags) => {
      const { showTrace } = await import("../trace.ts");
      await showTrace(traceId, { flags, terminal });
    });
}
