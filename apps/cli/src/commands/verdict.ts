import { exitCodeOf } from "@holdfast/experiments/exit-codes";
import type { Command } from "commander";
import { examples, outputOption } from "../command-parts.ts";
import { paragraph } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { verdictLines } from "../verdict-words.ts";

/** `verdict`: what a ledger proves, by the rule that stands in it. */
export function addVerdict(program: Command, terminal: Terminal): void {
  program
    .command("verdict")
    .helpGroup("Prove it:")
    .summary("recompute a verdict from its ledger")
    .description(
      "Recomputes a verdict from the raw records of a run, by the rule in the file's first line. Where the run was about log lines, those that it found stored are counted again too. Exits with it: 0 PASS, 1 FAIL, 3 INVALID.",
    )
    .argument("<file>", "a ledger, such as out/E1.ledger.jsonl")
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([["./holdfast verdict out/E1.ledger.jsonl"], ["./holdfast verdict out/E1.ledger.jsonl -o json"]]),
    )
    .action(async (file: string, opts: { output?: "json" }) => {
      const [{ judge, readLedger }, { recountLogs, withRecount }] = await Promise.all([
        import("@holdfast/load"),
        import("@holdfast/experiments/log-ledger"),
      ]);
      const ledger = await readLedger(file);
      const recount = await recountLogs(ledger, { ledgerFile: file });
      const verdict = withRecount(judge(ledger), recount);
      if (opts.output === "json") {
        const logs = recount && { file: recount.file, agrees: recount.agrees, ...recount.logs };
        terminal.print(JSON.stringify({ file, ...verdict, ...(logs && { logs }) }, undefined, 2));
      } else {
        const { paint, width } = terminal;
        for (const line of verdictLines(verdict, { paint, width, title: file })) terminal.print(line);
        if (recount?.agrees) for (const line of paragraph(recount.said, { width, indent: 2 })) terminal.print(line);
      }
      process.exitCode = exitCodeOf(verdict.verdict);
    });
}
