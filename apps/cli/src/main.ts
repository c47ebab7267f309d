/** The `holdfast` command. `./holdfast` prepares the checkout and then imports this file. */
import { enableCompileCache } from "node:module";
import path from "node:path";
import { REPO_ROOT } from "./repo.ts";

// Measured: a command of the second terminal answers in 0.1 s instead of 0.3 s, since types are stripped once. Hence the imports below.
enableCompileCache(path.join(REPO_ROOT, ".cache", "compile"));
const { createProgram } = await import("./program.ts");
const { reportError } = await import("./report-error.ts");
const { createTerminal } = await import("./terminal.ts");

const terminal = createTerminal();
const args = process.argv.slice(2);
const program = createProgram(terminal);

const verbose = args.includes("--verbose");
// Nobody can catch it any more: say it as any other error, and end. Replicas end with the balancer that watches us.
process.on("uncaughtException", (error) => process.exit(reportError(error, { terminal, verbose })));

try {
  if (args.length === 0) program.outputHelp();
  else await program.parseAsync(args, { from: "user" });
} catch (error) {
  process.exitCode = reportError(error, { terminal, verbose });
}
