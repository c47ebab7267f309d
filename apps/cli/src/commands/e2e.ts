import path from "node:path";
import type { Command } from "commander";
import { examples } from "../command-parts.ts";
import { REPO_ROOT } from "../repo.ts";

const MAIN = path.join(REPO_ROOT, "apps", "e2e", "src", "main.ts");

/** `e2e`: an app of its own, started with whatever arguments stand behind the word. */
export function addE2e(program: Command): void {
  program
    .command("e2e")
    .helpGroup("On a cluster:")
    .summary("prove everything on a real cluster")
    .description(
      "Runs the checks and the experiments on a three-zone cluster: the one that is there, or one of its own, which it removes afterwards.",
    )
    .argument("[args...]", "arguments of the checks; `./holdfast e2e --help` lists them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      "after",
      examples([
        ["npm run e2e", "the core: two checks, E1 and E8 with controls, E3, E15a, E15c"],
        ["./holdfast e2e --all"],
        ["./holdfast e2e --only zones,E1"],
      ]),
    )
    .action(async (args: string[]) => {
      const { handOver } = await import("../hand-over.ts");
      process.exitCode = await handOver([MAIN, ...args], { needs: "apps/e2e", purpose: "run the checks on a cluster" });
    });
}
