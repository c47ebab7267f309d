/** A Node program of this checkout that does something for us and says its result on stdout. */
import { spawn, type ChildProcess } from "node:child_process";

export interface ChildResult {
  stdout: string;
  /** Both streams, in the order in which they came, for the sentence that says what went wrong. */
  output: string;
  /** "exit 1", "SIGKILL", or why it did not start; undefined when it ended well. */
  trouble: string | undefined;
}

/**
 * Runs `node ARGS` to its end. Aborted, it ends with everything it has started, and the signal's reason is thrown:
 * `node --run` hands a signal on to nobody.
 */
export async function runNode(
  args: readonly string[],
  opts: { cwd: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal | undefined; onLine?: (line: string) => void },
): Promise<ChildResult> {
  const { cwd, env = process.env, signal, onLine } = opts;
  signal?.throwIfAborted();
  // A process group of its own: it can be ended as a whole, and Ctrl-C is ours to order.
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const result: ChildResult = { stdout: "", output: "", trouble: undefined };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    result.stdout += text;
    result.output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    result.output += text;
    for (const line of text.split("\n")) if (line.trim() !== "") onLine?.(line.trim());
  });
  const end = (): void => killGroup(child);
  signal?.addEventListener("abort", end, { once: true });
  try {
    result.trouble = await new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (code, killed) => resolve(code === 0 ? undefined : (killed ?? `exit ${code}`)));
    });
  } finally {
    signal?.removeEventListener("abort", end);
  }
  signal?.throwIfAborted();
  return result;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // Nobody of it is left.
  }
}
