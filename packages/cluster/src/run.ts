/** The room's one process runner: everything that docker, kind, kubectl or helm do for us goes through here. */
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { ClusterError } from "./errors.ts";

export interface RunOptions {
  /** Goes to the program's standard input; without it the program has none. */
  readonly input?: string | undefined;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds after which the program and its children are ended; default 120 000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string | undefined;
  /** Completes "Could not ...": `read the nodes`. */
  readonly what?: string | undefined;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Longer than anything but a pull or the making of a cluster takes, which say so themselves. */
const defaultTimeoutMs = 120_000;
/** kind and docker end within a second of SIGTERM; what does not is killed. */
const killAfterMs = 3000;
/** As much of a program's last words as a person reads. */
const lastLines = 12;

/** Process groups that we started and that may still run. */
const running = new Set<number>();
process.once("exit", () => {
  for (const pid of running) killGroup(pid, "SIGTERM");
});

/**
 * Runs a program to its end. It gets a process group of its own, so that Ctrl-C in the terminal reaches us alone and we decide in which order
 * things end; on abort and on timeout the whole group ends, kind's docker children too, before this returns.
 *
 * Throws TOOL_FAILED (with the program's last lines), TOOL_MISSING, TIMEOUT, ABORTED.
 */
export async function run(file: string, args: readonly string[], opts: RunOptions = {}): Promise<RunResult> {
  const { signal, timeoutMs = defaultTimeoutMs, input, env, cwd } = opts;
  const what = opts.what ?? `run ${[file, ...args].join(" ")}`;
  if (signal?.aborted) throw aborted(what);

  const child = execa(file, args, {
    detached: true,
    // An input of "" is an input; none at all must not wait for a person.
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
    ...(env === undefined ? {} : { env }),
    ...(cwd === undefined ? {} : { cwd }),
    reject: false,
    stripFinalNewline: true,
  });
  const pid = child.pid;
  if (pid !== undefined) running.add(pid);

  let ending: "ABORTED" | "TIMEOUT" | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  function end(reason: "ABORTED" | "TIMEOUT"): void {
    if (ending !== undefined || pid === undefined) return;
    ending = reason;
    killGroup(pid, "SIGTERM");
    killTimer = setTimeout(killGroup, killAfterMs, pid, "SIGKILL");
  }
  const timer = setTimeout(end, timeoutMs, "TIMEOUT");
  const onAbort = () => end("ABORTED");
  signal?.addEventListener("abort", onAbort, { once: true });

  try {
    const result = await child;
    if (ending === "ABORTED") throw aborted(what);
    if (ending === "TIMEOUT") {
      throw new ClusterError("TIMEOUT", `Could not ${what} within ${Math.round(timeoutMs / 1000)} s.${tail(result)}`);
    }
    if (result.code === "ENOENT") {
      throw new ClusterError("TOOL_MISSING", `Could not ${what}: there is no program ${file}.`, {
        cause: result.cause,
      });
    }
    if (result.failed) {
      const end =
        result.exitCode === undefined
          ? `ended by ${result.signal ?? result.shortMessage}`
          : `exit code ${result.exitCode}`;
      throw new ClusterError(
        "TOOL_FAILED",
        `Could not ${what}: \`${shown(file, args)}\` ended with an error (${end}).${tail(result)}`,
      );
    }
    return { stdout: result.stdout, stderr: result.stderr };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    signal?.removeEventListener("abort", onAbort);
    if (pid !== undefined) running.delete(pid);
  }
}

function aborted(what: string): ClusterError {
  return new ClusterError("ABORTED", `Stopped before we could ${what}.`);
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended already.
  }
}

function shown(file: string, args: readonly string[]): string {
  const line = [file.replace(/^.*\//, ""), ...args].join(" ");
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

function tail(result: { stdout?: unknown; stderr?: unknown }): string {
  const said = [result.stderr, result.stdout].find((text) => typeof text === "string" && text.trim() !== "");
  if (typeof said !== "string") return "";
  // kind draws its steps with control characters and a spinner; only the words are of use here.
  const words = stripVTControlCharacters(said).replaceAll("\r", "\n");
  const lines = words.split("\n").filter((line) => line.trim() !== "");
  return ` It said:\n${lines
    .slice(-lastLines)
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n")}`;
}
