import type { Command } from "commander";
import { examples, outputOption } from "../command-parts.ts";
import { exitCodeOf } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { verdictLines } from "../verdict-words.ts";

/** `verdict`: what a ledger proves, by the rule that stands in it. */
export function addVerdict(program: Command, terminal: Terminal): void {
  program
    .command("verdict")
    .helpGroup("Prove it:")
    .summary("recompute a verdict from its ledger")
    .description(
      "Recomputes a verdict from the raw records of a run, by the rule in the file's first line. Exits with it: 0 PASS, 1 FAIL, 3 INVALID.",
    )
    .argument("<file>", "a ledger, such as out/E1.ledger.jsonl")
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([["./holdfast verdict out/E1.ledger.jsonl"], ["./holdfast verdict out/E1.ledger.jsonl -o json"]]),
    )
    .action(async (file: string, opts: { output?: "json" }) => {
      const { judge, readLedger } = await import("@holdfast/load");
      const ledger = await readLedger(file);
      const verdict = judge(ledger);
      if (opts.output === "json") terminal.print(JSON.stringify({ file, ...verdict }, undefined, 2));
      else
        for (const line of verdictLines(verdict, { paint: terminal.paint, width: terminal.width, title: file }))
          terminal.print(line);
      process.exitCode = exitCodeOf(verdict.verdict);
    });
}
