/** The built service as a process of its own: the bundle alone in an empty directory, on ports that the system chooses. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BUNDLE = new URL("../dist/service.cjs", import.meta.url);

export interface LogLine {
  level: string;
  time: string;
  msg: string;
  seq: number;
  [field: string]: unknown;
}

export interface ServiceProcess {
  readonly pid: number;
  /** Base URLs; empty until the service listens. */
  readonly url: string;
  readonly adminUrl: string;
  readonly lines: readonly LogLine[];
  readonly stderr: string;
  /** Resolves with the first line, seen or to come, for which `wanted` is true. Rejects when the process ends before. */
  line(wanted: (line: LogLine) => boolean): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const cleanUps: (() => Promise<void>)[] = [];

/** Ends what the tests of a file have started; `service-process.setup.ts` calls it. */
export async function endProcesses(): Promise<void> {
  await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()));
}

/**
 * Starts the bundle and returns at once. What is not set is taken from nowhere: the environment is empty but for this.
 * Nothing is shed unless a test asks for it: a service that shares its cores with other tests looks busy.
 */
export async function spawnService(
  env: Record<string, string> = {},
  args: readonly string[] = [],
): Promise<ServiceProcess> {
  const directory = await mkdtemp(join(tmpdir(), "service-"));
  await copyFile(BUNDLE, join(directory, "service.cjs"));
  const child = spawn(process.execPath, ["service.cjs", ...args], {
    cwd: directory,
    env: { HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", SHED_ABOVE: "1", ...env },
  });
  cleanUps.push(async function cleanUp() {
    child.kill("SIGKILL");
    await exited;
    await rm(directory, { recursive: true, force: true });
  });

  const lines: LogLine[] = [];
  const waiting = new Set<{
    wanted: (line: LogLine) => boolean;
    resolve: (line: LogLine) => void;
    reject: (error: Error) => void;
  }>();
  const urls = { public: "", admin: "" };
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));

  createInterface({ input: child.stdout }).on("line", function onLine(text) {
    if (!text.startsWith("{")) return;
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    if (line["event.name"] === "lifecycle.listening")
      urls[line["server"] as "public" | "admin"] = `http://127.0.0.1:${String(line["server.port"])}`;
    for (const waiter of waiting) {
      if (!waiter.wanted(line)) continue;
      waiting.delete(waiter);
      waiter.resolve(line);
    }
  });

  // `close`, not `exit`: then all that was written has been read.
  const exited = once(child, "close").then(([code, signal]) => {
    for (const { reject } of waiting)
      reject(
        new Error(`the service ended with ${String(code ?? signal)} before it said what was waited for: ${stderr}`),
      );
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });

  return {
    pid: child.pid as number,
    get url() {
      return urls.public;
    },
    get adminUrl() {
      return urls.admin;
    },
    lines,
    get stderr() {
      return stderr;
    },
    line(wanted) {
      const seen = lines.find(wanted);
      if (seen !== undefined) return Promise.resolve(seen);
      return new Promise((resolve, reject) => waiting.add({ wanted, resolve, reject }));
    },
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

/** Starts the bundle and waits until it is ready. */
export async function startService(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await spawnService(env);
  await service.line(isState("ready"));
  return service;
}

export function isState(state: string): (line: LogLine) => boolean {
  return (line) => line["event.name"] === "lifecycle.state" && line["to"] === state;
}

export function isEvent(name: string, fields: Record<string, unknown> = {}): (line: LogLine) => boolean {
  return (line) =>
    line["event.name"] === name && Object.entries(fields).every(([field, value]) => line[field] === value);
}

/** Switches a fault on. */
export async function fault(service: ServiceProcess, request: Record<string, unknown>): Promise<Response> {
  return fetch(`${service.adminUrl}/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
}

export async function probe(service: ServiceProcess, name: "livez" | "readyz" | "startupz"): Promise<number> {
  return (await fetch(`${service.adminUrl}/${name}`)).status;
}

/** The value of a series, by its beginning, in what the service exposes now. */
export async function metric(service: ServiceProcess, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${service.adminUrl}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}
