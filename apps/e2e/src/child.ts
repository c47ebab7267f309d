/** Programs that a run starts: in process groups of their own, so that Ctrl-C is ours to hand on, in our order. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { REPO_ROOT } from "./repo.ts";

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Asks the program to end, by SIGTERM; it does so in its own order. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Who is asked. `child`, the default, is for programs that end what they have started: were their children asked too, those would
   * skip what they have to undo. `group` is for those that hand a signal on to nobody, such as `node --run`.
   */
  readonly asks?: "child" | "group";
  /** Directory inside of the checkout; default its root. */
  readonly cwd?: string;
}

/** Runs a program with our terminal's output. @returns its exit code, 128 + N where a signal ended it */
export async function follow(file: string, args: readonly string[], opts: ChildOptions = {}): Promise<number> {
  return (await start(file, { args, stdout: "inherit", ...opts })).code;
}

/** Runs a program for what it says on stdout. */
export async function ask(
  file: string,
  args: readonly string[],
  opts: ChildOptions = {},
): Promise<{ code: number; stdout: string }> {
  return start(file, { args, stdout: "pipe", ...opts });
}

async function start(
  file: string,
  opts: ChildOptions & { args: readonly string[]; stdout: "inherit" | "pipe" },
): Promise<{ code: number; stdout: string }> {
  const { args, signal, env, asks = "child" } = opts;
  signal?.throwIfAborted();
  const child = spawn(file, args, {
    cwd: new URL(opts.cwd ?? ".", `file://${REPO_ROOT}/`),
    env: { ...process.env, ...env },
    stdio: ["ignore", opts.stdout, "inherit"],
    detached: true,
  });
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const interrupt = () => {
    // SIGTERM, since a starter that waits for its child in the same terminal hands this one on and takes Ctrl-C for the terminal's.
    if (asks === "group") signalGroup(child.pid, "SIGTERM");
    else child.kill("SIGTERM");
  };
  // When we are gone nobody would end it.
  const end = () => signalGroup(child.pid, "SIGTERM");
  signal?.addEventListener("abort", interrupt, { once: true });
  process.once("exit", end);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, killed) => resolve(code ?? 128 + (killed ? constants.signals[killed] : 0)));
    });
    return { code, stdout };
  } finally {
    signal?.removeEventListener("abort", interrupt);
    process.off("exit", end);
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of it is left.
  }
}
