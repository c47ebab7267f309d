/** A command that is a program of its own: it gets our terminal and our arguments, and we end as it does. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { CliError } from "./cli-error.ts";
import { REPO_ROOT } from "./repo.ts";

/**
 * Runs `node ARGS` of this checkout in the foreground, with our terminal, and returns its exit code.
 * Throws a CliError when the checkout lacks what is needed for `purpose`, which completes "restore it to ...".
 * ARGS that are read out of what is needed are handed over as a function.
 */
export async function handOver(
  args: readonly string[] | (() => readonly string[]),
  opts: { needs: string; purpose: string; cwd?: string },
): Promise<number> {
  if (!existsSync(path.join(REPO_ROOT, opts.needs))) {
    throw new CliError(`This checkout has no ${opts.needs}: restore it to ${opts.purpose}.`, {
      code: "NOT_IN_CHECKOUT",
    });
  }
  const child = spawn(process.execPath, typeof args === "function" ? args() : args, {
    stdio: "inherit",
    ...(opts.cwd === undefined ? {} : { cwd: path.join(REPO_ROOT, opts.cwd) }),
  });
  // Ctrl-C reaches it from the terminal; it ends what it began, and we end with it.
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
