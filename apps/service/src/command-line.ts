/** What a person meets who starts the program by hand: help, and one sentence for everything that keeps it from starting. */
import { helpText } from "./config/help.ts";
import { buildVersion } from "./version.ts";

const USAGE_EXIT_CODE = 2;

interface Ended {
  exitCode: number;
  text: string;
}

/** Runs the program, or does what the arguments ask for instead. */
export async function runProgram(main: () => Promise<void>, args: readonly string[]): Promise<void> {
  const answer = answerArguments(args);
  if (answer !== undefined) {
    end(answer);
    return;
  }
  try {
    await main();
  } catch (error) {
    end(sentenceOf(error));
  }
}

/** What the arguments ask for instead of a start: help, the version, or nothing that exists. */
export function answerArguments(args: readonly string[]): Ended | undefined {
  const [first] = args;
  if (first === undefined) return undefined;
  if (first === "--help" || first === "-h") return { exitCode: 0, text: helpText() };
  if (first === "--version") return { exitCode: 0, text: buildVersion };
  const shown = JSON.stringify(first.slice(0, 80));
  return {
    exitCode: USAGE_EXIT_CODE,
    text: `${shown} is not understood: only --help and --version are, everything else is set by variables of the environment.`,
  };
}

/** Errors that are sentences say their exit code; any other one is a bug of ours, and its stack is wanted. */
function sentenceOf(error: unknown): Ended {
  if (error instanceof Error && "exitCode" in error && typeof error.exitCode === "number") {
    return { exitCode: error.exitCode, text: error.message };
  }
  return { exitCode: 1, text: error instanceof Error && error.stack !== undefined ? error.stack : String(error) };
}

function end({ exitCode, text }: Ended): void {
  (exitCode === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  // Not process.exit, which may end the process before a pipe has taken the text.
  process.exitCode = exitCode;
}
