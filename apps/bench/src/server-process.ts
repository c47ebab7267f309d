/** One peer as a process of its own, with its log going to a file as a container's does. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";

const reporter = fileURLToPath(new URL("./servers/report.cjs", import.meta.url));

interface Usage {
  cpuMicros: number;
  rssBytes: number;
}

export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  /** Milliseconds from the fork to the moment at which it listens. */
  readonly listeningAfterMs: number;
  usage(): Promise<Usage>;
}

export interface ServerOptions {
  file: string;
  execArgv?: string[];
  env?: Record<string, string>;
  logFile: string;
}

/** Starts a server and resolves when it listens. Throws when it exits before. */
export async function startServer(opts: ServerOptions): Promise<ServerProcess> {
  const { file, execArgv = [], env = {}, logFile } = opts;
  const log = openSync(logFile, "w");
  const startedMs = performance.now();
  const child = fork(file, {
    execArgv: ["--require", reporter, ...execArgv],
    env: { ...process.env, NODE_ENV: "production", ...env },
    stdio: ["ignore", log, "inherit", "ipc"],
  });
  closeSync(log);
  const { port } = await message<{ port: number }>(child, "listening");
  const listeningAfterMs = performance.now() - startedMs;
  return {
    url: `http://127.0.0.1:${port}`,
    listeningAfterMs,
    usage: async () => {
      const answer = message<Usage>(child, "usage");
      child.send("usage");
      return await answer;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function message<T>(child: ChildProcess, type: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (received: unknown) => {
      if ((received as { type: string }).type === type) settle(() => resolve(received as T));
    };
    const onExit = (code: number | null) =>
      settle(() => reject(new Error(`A server of the benchmark exited with ${code} before it reported "${type}".`)));
    const settle = (action: () => void) => {
      child.off("message", onMessage).off("exit", onExit);
      action();
    };
    child.on("message", onMessage).on("exit", onExit);
  });
}
