import { clusterNameRule, defaultClusterName, isClusterName } from "@holdfast/cluster";
import { listExperiments } from "@holdfast/experiments";
import { Command, InvalidArgumentError, Option, type CommanderError } from "commander";
import path from "node:path";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { E2eError } from "./e2e-error.ts";
import { CHECKS, choose, isCore, type Item } from "./items.ts";

export interface Flags {
  all?: true;
  only?: string[];
  list?: true;
  name: string;
  keep?: true;
  out: string;
  proof?: true;
  bundle?: string;
  kubernetes?: string;
  port?: string;
  labPort?: string;
  prometheusPort?: string;
  logsPort?: string;
  tracesPort?: string;
  registryPort?: string;
  freePorts?: true;
}

/** The command line. Parsing throws E2eError or CommanderError, and never exits. */
export function createProgram(action: (flags: Flags) => Promise<void>): Command {
  const program = new Command("./holdfast e2e")
    .description(
      [
        "Proves on a real cluster what is claimed: plain checks, and experiments under load, each with a control that must turn red. Brings a cluster up when there is none of that name and removes it at the end; leaves one that it found.",
        "Without a choice it runs the core: zones, upgrade-keeps-n, E1 and E8 with their controls, E3, E15a, E15c.",
      ].join("\n\n"),
    )
    .option("--all", "everything, with all controls")
    .option("--only <ids...>", "these alone, by their ids, with their controls", listed)
    .option("--list", "print what there is, and end")
    .option("--out <dir>", "where the results go", path.join("out", "e2e"))
    .option("--keep", "leave the cluster that was brought up")
    .option("--proof", "with --all: write docs/proof from the results")
    .addOption(
      new Option("--name <name>", "the cluster's name")
        .env("HOLDFAST_CLUSTER")
        .default(defaultClusterName)
        .argParser(clusterName),
    )
    .optionsGroup("For a cluster that is brought up, as for `./holdfast up`:")
    .option("--bundle <dir>", "take images and tools from there instead of the internet (default: HOLDFAST_BUNDLE)")
    .option("--kubernetes <version>", "of the nodes, such as 1.36")
    .option("--port <port>", "of the catalogue on this machine")
    .option("--lab-port <port>", "of the experiments' own catalogue")
    .option("--prometheus-port <port>", "of Prometheus")
    .option("--logs-port <port>", "of VictoriaLogs")
    .option("--traces-port <port>", "of Jaeger, where it is installed")
    .option("--registry-port <port>", "of the registry that images are pushed to")
    .option("--free-ports", "any free port for each that is not given")
    .helpOption("-h, --help", "print help")
    .addHelpText(
      "after",
      `
Examples:
  ./holdfast e2e                                         the core, on a cluster of its own
  ./holdfast e2e --only zones,E1                         two of them
  ./holdfast e2e --all --proof                           everything, and the table in docs/proof
  ./holdfast e2e --name ci --free-ports                  beside another cluster

Exit codes: 0 all as wanted, 1 something FAILed, 2 wrong usage, 3 something was INVALID, 4 something could not run, 130 interrupted.`,
    )
    .configureOutput({ outputError: () => {} })
    .exitOverride((error: CommanderError) => {
      if (error.exitCode === 0) throw error;
      const sentence = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      throw new E2eError(
        `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}. \`./holdfast e2e --help\` shows what there is.`,
        {
          exitCode: EXIT.usage,
        },
      );
    });
  return program.action(action);
}

function listed(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), ...value.split(",")];
}

/** An environment variable that is empty says nothing. */
function clusterName(value: string): string {
  if (value === "") return defaultClusterName;
  if (isClusterName(value)) return value;
  throw new InvalidArgumentError(`It takes ${clusterNameRule}.`);
}

/** Plain checks first, as they are quick; then the lab's experiments on this target. */
export function allItems(): readonly Item[] {
  return [
    ...CHECKS,
    ...listExperiments({ target: "kind" }).map(({ id, title, hypothesis, controls }) => ({
      kind: "experiment" as const,
      id,
      title,
      claims: hypothesis,
      controls: controls.filter(({ targets }) => targets.includes("kind")).map(({ name }) => name),
    })),
  ];
}

/** What `--list` prints. */
export function listLines(items: readonly Item[]): string[] {
  const width = Math.max(...items.map(({ id }) => id.length));
  return items.map(({ id, claims }) => `${isCore(id) ? "core" : "    "}  ${id.padEnd(width)}  ${claims}`);
}

/** @throws E2eError (usage) */
export function chosenBy(flags: Flags) {
  if (flags.all && flags.only)
    throw new E2eError("--all and --only exclude each other: give one of them.", { exitCode: EXIT.usage });
  if (flags.proof && !flags.all)
    throw new E2eError("--proof is written from everything: give --all too.", { exitCode: EXIT.usage });
  return choose(allItems(), { all: flags.all, only: flags.only });
}

/** The flags that kind-up.sh gets. */
export function upFlags({
  bundle,
  kubernetes,
  port,
  labPort,
  prometheusPort,
  logsPort,
  tracesPort,
  registryPort,
  freePorts,
}: Flags): string[] {
  const valued = {
    // As an absolute path: the script runs elsewhere than its caller.
    "--bundle": bundle && path.resolve(bundle),
    "--kubernetes": kubernetes,
    "--port": port,
    "--lab-port": labPort,
    "--prometheus-port": prometheusPort,
    "--logs-port": logsPort,
    "--traces-port": tracesPort,
    "--registry-port": registryPort,
  };
  return [
    ...Object.entries(valued).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value])),
    ...(freePorts ? ["--free-ports"] : []),
  ];
}
