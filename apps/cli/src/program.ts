import { Command } from "commander";
import { usageError } from "./cli-error.ts";
import { examples } from "./command-parts.ts";
import { addBench } from "./commands/bench.ts";
import { addDown } from "./commands/down.ts";
import { addE2e } from "./commands/e2e.ts";
import { addImage } from "./commands/image.ts";
import { addList } from "./commands/list.ts";
import { addLoad } from "./commands/load.ts";
import { addLogs } from "./commands/logs.ts";
import { addRun } from "./commands/run.ts";
import { addSecondTerminal } from "./commands/second-terminal.ts";
import { addStart } from "./commands/start.ts";
import { addStatus } from "./commands/status.ts";
import { addTrace } from "./commands/trace.ts";
import { addUp } from "./commands/up.ts";
import { addVerdict } from "./commands/verdict.ts";
import { createPaint } from "./paint.ts";
import { repoVersion } from "./repo.ts";
import type { Terminal } from "./terminal.ts";
import { usageSentence } from "./usage-sentence.ts";

/** The whole command line. Parsing throws CliError or CommanderError, and never exits. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command("./holdfast")
    .usage("<command> [options]")
    .description("A Kubernetes service template whose reliability claims are tests.")
    .version(repoVersion(), "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp({ styleTitle: (title) => createPaint(terminal.stdout)("title", title) })
    .addHelpText(
      "after",
      `${examples([
        ["./holdfast start", "three replicas under load, live; `npm start` is the same"],
        ["./holdfast rollout", "from a second terminal: roll out a new version under that load"],
        ["./holdfast start --rollout", "both at once, with a verdict as exit code"],
        ["./holdfast run E1 --with-controls", "prove that a rolling update loses nothing"],
        ["./holdfast up", "the same service on a cluster of three zones; `npm run up` is the same"],
        ["./holdfast trace", "a request on that cluster, span by span, line by line"],
      ])}

Exit codes: 0 done or PASS, 1 FAIL, 2 wrong usage, 3 INVALID, 4 could not run, 130 interrupted.
\`./holdfast <command> --help\` has examples for each command.`,
    );
  addStart(program, terminal);
  addStatus(program, terminal);
  addSecondTerminal(program, terminal);
  addUp(program, terminal);
  addLoad(program, terminal);
  addTrace(program, terminal);
  addLogs(program, terminal);
  addDown(program, terminal);
  addImage(program);
  addE2e(program);
  addRun(program, terminal);
  addList(program, terminal);
  addVerdict(program, terminal);
  addBench(program);
  addHelp(program);
  for (const command of [program, ...program.commands]) settle(command, terminal);
  return program;
}

/** `help COMMAND`, which commander's own answers with the whole list when the name is wrong. */
function addHelp(program: Command): void {
  program
    .command("help")
    .helpGroup("Else:")
    .summary("print help for a command")
    .description("Prints help for a command.")
    .argument("[command]")
    .addHelpText("after", examples([["./holdfast help start"]]))
    .action((name: string | undefined) => {
      const command = name === undefined ? program : program.commands.find((each) => each.name() === name);
      if (!command) {
        throw usageError(`There is no command "${name}" to help with. \`./holdfast help\` lists the commands.`);
      }
      command.outputHelp();
    });
}

/** Their arguments are not ours. */
const HANDED_OVER = new Set(["bench", "e2e", "image", "help"]);

/** What holds for every command: our streams, sentences in place of commander's, and `--verbose`. */
function settle(command: Command, terminal: Terminal): void {
  command
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      // Errors are thrown, and said once, by main.
      outputError: () => {},
    })
    .exitOverride((error) => {
      if (error.exitCode === 0) throw error;
      throw usageError(usageSentence(error, command), error.code);
    });
  if (command.parent && !HANDED_OVER.has(command.name())) {
    command.option("--verbose", "on an error, say where it came from");
  }
}
