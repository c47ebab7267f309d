import path from "node:path";
import type { Command } from "commander";
import { examples } from "../command-parts.ts";
import { REPO_ROOT } from "../repo.ts";

const MAIN = path.join(REPO_ROOT, "apps", "bench", "src", "main.ts");

/** `bench`: an app of its own, started with whatever arguments stand behind the word. */
export function addBench(program: Command): void {
  program
    .command("bench")
    .helpGroup("Prove it:")
    .summary("measure the service against bare Express and what people use today")
    .description(
      "Measures the service against bare Express and against what people use today. Takes minutes and a quiet machine.",
    )
    .argument("[args...]", "arguments of the bench; `./holdfast bench --help` lists them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      "after",
      examples([["./holdfast bench"], ["./holdfast bench --help", "what it measures, and its flags"]]),
    )
    .action(async (args: string[]) => {
      const { handOver } = await import("../hand-over.ts");
      process.exitCode = await handOver([MAIN, ...args], { needs: "apps/bench", purpose: "measure" });
    });
}
