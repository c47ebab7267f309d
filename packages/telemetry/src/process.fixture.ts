/** Starts `service.fixture.ts` and speaks to it. */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { get as httpGet, type Agent, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { LogLine } from "./observed-server.fixture.ts";

/** Node's own place for it: a start then takes half the time, as it need not strip the types of the same sources again. */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") };

const PROGRAM = fileURLToPath(new URL("service.fixture.ts", import.meta.url));

export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly port: number;
  /** Sends a message and waits for the end; resolves with code and signal. */
  end(message: "close" | "exit"): Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  kill(): Promise<void>;
}

export async function startService(
  env: Readonly<Record<string, string>>,
  stdout: "ignore" | "pipe" = "ignore",
): Promise<ServiceProcess> {
  const stdio: StdioOptions = ["ignore", stdout, "pipe", "ipc"];
  const child = spawn(process.execPath, [PROGRAM], {
    stdio,
    env: { PATH: process.env["PATH"], ...COMPILE_CACHE, ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const early = exited.then(() => Promise.reject(new Error("The fixture ended before it told its port.")));
  // Only of interest until the port is known.
  early.catch(() => undefined);
  const [{ port }] = (await Promise.race([once(child, "message"), early])) as [{ port: number }];
  return {
    child,
    port,
    end(message) {
      child.send(message);
      return exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A folder of the test's own, removed at its end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "telemetry-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** GET over one kept connection a client; `agent` absent: a connection of its own. */
export async function get(port: number, path: string, agent?: Agent): Promise<string> {
  const request = httpGet({ host: "127.0.0.1", port, path, agent: agent ?? false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return text(response);
}

/** Every whole line; a torn last one (the process was killed while it wrote) is left out. */
export function parseLines(log: string): LogLine[] {
  return log
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

export function numbersTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
