import type { Command } from "commander";
import { examples } from "../command-parts.ts";

/** `image`: the service's own script, which stands with the half that a team keeps. */
export function addImage(program: Command): void {
  program
    .command("image")
    .helpGroup("On a cluster:")
    .summary("build the service's container image")
    .description(
      "Builds the service's container image: distroless, one file, the same digest from the same sources. Needs Docker.",
    )
    .argument("[args...]", "arguments of the image's script; `./holdfast image --help` lists them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      "after",
      examples([
        ["./holdfast image"],
        ["./holdfast image --push registry.example.com/team/service", "and push it, so that a cluster can pull it"],
      ]),
    )
    .action(async (args: string[]) => {
      const { handOver } = await import("../hand-over.ts");
      const { argumentsOfScript } = await import("../room-script.ts");
      process.exitCode = await handOver(() => [...argumentsOfScript("apps/service", "image"), ...args], {
        needs: "apps/service",
        purpose: "build its image",
        cwd: "apps/service",
      });
    });
}
