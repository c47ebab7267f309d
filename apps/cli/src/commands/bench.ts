import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { examples } from "../command-parts.ts";
import { EXIT } from "../exit-codes.ts";
import { REPO_ROOT } from "../repo.ts";

const BENCH = path.join(REPO_ROOT, "apps", "bench", "src", "main.ts");

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
      process.exitCode = await runBench(args);
    });
}

async function runBench(args: string[]): Promise<number> {
  if (!existsSync(BENCH))
    throw new CliError("This checkout has no apps/bench: restore it to measure.", { code: "NO_BENCH" });
  const child = spawn(process.execPath, [BENCH, ...args], { stdio: "inherit" });
  // Ctrl-C reaches the bench from the terminal; it ends what it began, and we end with it.
  const wait = (): void => {};
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", wait).on("SIGTERM", forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) =>
        resolve(code ?? (signal ? 128 + constants.signals[signal] : EXIT.couldNotRun)),
      );
    });
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", forward);
  }
}
