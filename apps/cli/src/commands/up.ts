import type { Command } from "commander";
import { clusterNameOption, examples, outputOption, wholeNumber } from "../command-parts.ts";
import type { Terminal } from "../terminal.ts";
import type { UpFlags } from "../up.ts";

/** `up`: from nothing to an answer through a cluster of four nodes in three zones. */
export function addUp(program: Command, terminal: Terminal): void {
  const port = wholeNumber({ min: 0, max: 65_535 });
  program
    .command("up")
    .helpGroup("On a cluster:")
    .summary("bring up a cluster of three zones with the service on it")
    .description(
      [
        "Makes a kind cluster of one control plane and three workers in three zones, installs its platform (metrics-server, KEDA, Prometheus, what stores logs and takes traces), builds and pushes this checkout's image, installs the chart for the catalogue and for stock with their alerts, and waits for the first answer. Needs Docker.",
        "Called again it completes what is missing and upgrades what has changed. Your own kubeconfig is neither read nor written. Ctrl-C leaves what `up` completes and `down` removes.",
      ].join("\n\n"),
    )
    .addOption(clusterNameOption("the cluster's name"))
    .option("--bundle <dir>", "take images and tools from there instead of the internet (default: HOLDFAST_BUNDLE)")
    .option("--profile <name>", "the chart's profile for the catalogue: workshop, ha or dev", "workshop")
    .option("--kubernetes <version>", "of the nodes, such as 1.36 (default: what the lock file or the bundle says)")
    .option("--port <port>", "of the catalogue on this machine; 0 = any free one (default: 30080)", port)
    .option("--lab-port <port>", "of the experiments' own catalogue (default: 30081)", port)
    .option("--prometheus-port <port>", "of Prometheus (default: 30090)", port)
    .option("--logs-port <port>", "of the logs, VictoriaLogs (default: 30428)", port)
    .option("--traces-port <port>", "of the traces, Jaeger, where it is installed (default: 30686)", port)
    .option("--registry-port <port>", "of the registry that images are pushed to (default: 5001)", port)
    .option("--free-ports", "any free port for each that is not given")
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([
        ["npm run up", "the same as ./holdfast up"],
        ["./holdfast up --bundle ~/holdfast-bundle", "without internet"],
        ["./holdfast up --profile ha"],
        ["./holdfast up --name second --free-ports", "beside another one"],
      ]),
    )
    .action(async (flags: UpFlags) => {
      const { up } = await import("../up.ts");
      process.exitCode = await up(flags, terminal);
    });
}
