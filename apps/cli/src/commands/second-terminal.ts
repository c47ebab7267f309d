/** The commands of a second terminal: each asks the running `start` over its socket, and prints its answer. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { CliError, errorCode } from "../cli-error.ts";
import { examples, nameOption, number, outputOption, wholeNumber } from "../command-parts.ts";
import { askControl, type ControlAnswer, type ControlRequest } from "../control-socket.ts";
import { MOST_REPLICAS } from "../session-load.ts";
import { DEFAULT_SESSION, sessionDir, sessionNames } from "../session-dir.ts";
import type { Terminal } from "../terminal.ts";
import { list } from "../words.ts";

interface Flags {
  name: string;
  output?: "json";
}

export function addSecondTerminal(program: Command, terminal: Terminal): void {
  const command = (name: string, summary: string): Command =>
    program
      .command(name)
      .helpGroup("In a second terminal, while `start` runs:")
      .summary(summary)
      .addOption(nameOption());

  command("rollout", "roll out a new version, replica by replica")
    .description(
      "Rolls out a new version of the catalogue, one replica at a time, and waits until the last old one has ended. Says what was sent and lost meanwhile.",
    )
    .option("--to <version>", "the version's name (default: the next number)")
    .addOption(outputOption(["json"]))
    .addHelpText("after", examples([["./holdfast rollout"], ["./holdfast rollout --to v7"]]))
    .action(async (flags: Flags & { to?: string }) => {
      await act({ command: "rollout", args: flags.to === undefined ? {} : { version: flags.to } }, { flags, terminal });
    });

  command("kill", "kill a replica with SIGKILL")
    .description("Kills a replica without warning. It is restarted, as a kubelet would.")
    .argument(
      "[replica]",
      "its name, or the end of it, as `./holdfast status` shows it (default: any ready one of the catalogue)",
    )
    .addOption(outputOption(["json"]))
    .addHelpText("after", examples([["./holdfast kill"], ["./holdfast kill x2k9q", "the one whose name ends so"]]))
    .action(async (replica: string | undefined, flags: Flags) => {
      await act({ command: "kill", args: replica === undefined ? {} : { replica } }, { flags, terminal });
    });

  command("scale", "run more or fewer replicas of the catalogue")
    .description("Runs so many replicas of the catalogue. Those that are too many are drained.")
    .argument("<replicas>", "how many", wholeNumber({ min: 1, max: MOST_REPLICAS }))
    .addOption(outputOption(["json"]))
    .addHelpText("after", examples([["./holdfast scale 5"], ["./holdfast scale 1"]]))
    .action(async (replicas: number, flags: Flags) => {
      await act({ command: "scale", args: { replicas } }, { flags, terminal });
    });

  command("break", "take the upstream away, or make it slow")
    .description("Takes the upstream (stock) away. The catalogue goes on answering, degraded and saying so.")
    .option(
      "--slow <seconds>",
      "leave it there and delay its answers by so much",
      number({ min: 0.1, max: 60, unit: "seconds" }),
    )
    .addOption(outputOption(["json"]))
    .addHelpText(
      "after",
      examples([["./holdfast break"], ["./holdfast break --slow 3"], ["./holdfast heal", "brings it back"]]),
    )
    .action(async (flags: Flags & { slow?: number }) => {
      await act(
        { command: "break", args: flags.slow === undefined ? {} : { slowSeconds: flags.slow } },
        { flags, terminal },
      );
    });

  command("heal", "bring the upstream back")
    .description("Brings the upstream (stock) back.")
    .addOption(outputOption(["json"]))
    .addHelpText("after", examples([["./holdfast heal"]]))
    .action((flags: Flags) => act({ command: "heal" }, { flags, terminal }));

  command("overload", "ask for more than the replicas can do")
    .description(
      "For a while, asks for more than the replicas can do: they shed what is too much with 503 and Retry-After, and stay alive.",
    )
    .option("--for <seconds>", "how long", number({ min: 1, max: 300, unit: "seconds" }))
    .addOption(outputOption(["json"]))
    .addHelpText("after", examples([["./holdfast overload"], ["./holdfast overload --for 30"]]))
    .action(async (flags: Flags & { for?: number }) => {
      await act(
        { command: "overload", args: flags.for === undefined ? {} : { seconds: flags.for } },
        { flags, terminal },
      );
    });

  command("stop", "drain and end it")
    .description("Ends the running `start` as Ctrl-C does: the load stops, the replicas drain, nothing is left.")
    .addHelpText("after", examples([["./holdfast stop"], ["./holdfast stop --name other"]]))
    .action(async (flags: Flags) => {
      const answer = await ask({ command: "stop" }, { flags, terminal });
      await untilGone(sessionDir(flags.name).path);
      terminal.print(answer.text);
    });
}

/** The answer comes with the last replica's end; what follows takes a moment, and a script may start the next one at once. */
async function untilGone(dir: string): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (existsSync(dir) && performance.now() < endMs) await sleep(20);
}

interface Context {
  flags: Flags;
  terminal: Terminal;
}

async function act(request: ControlRequest, context: Context): Promise<void> {
  const answer = await ask(request, context);
  const { flags, terminal } = context;
  terminal.print(flags.output === "json" ? JSON.stringify(answer.result ?? {}, undefined, 2) : answer.text);
  process.exitCode = answer.exitCode ?? 0;
}

async function ask(request: ControlRequest, { flags, terminal }: Context): Promise<ControlAnswer> {
  const dir = sessionDir(flags.name);
  try {
    return await askControl(dir.socket, request, { onProgress: terminal.note });
  } catch (error) {
    if (errorCode(error) === "NOT_RUNNING") throw await notRunning(flags.name);
    throw error;
  }
}

async function notRunning(name: string): Promise<CliError> {
  const others = (await sessionNames()).filter((each) => each !== name);
  const which =
    name === DEFAULT_SESSION
      ? "No start of this checkout is running"
      : `No start of the name "${name}" is running in this checkout`;
  const start = name === DEFAULT_SESSION ? "./holdfast start" : `./holdfast start --name ${name}`;
  const hint = others.length > 0 ? ` (others were started as ${list(others)}: say --name)` : "";
  return new CliError(`${which}: start one with \`${start}\` and try again${hint}.`, { code: "NOT_RUNNING" });
}
