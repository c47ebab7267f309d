/** The real command, as a person would start it: a process group of its own, a private directory for temporary files. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";

const MAIN = path.join(import.meta.dirname, "main.ts");

interface Called {
  child: ChildProcess;
  /** What it has said so far. */
  readonly out: string;
  readonly err: string;
  /** Resolves when stdout matches. Rejects when it ends before that. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>;
  /** It, what it has started, and what they have: pids, of now. */
  family(): Promise<number[]>;
  /** To every process of its group, as Ctrl-C in a terminal. */
  signalGroup(signal: NodeJS.Signals): void;
}

export interface Sandbox {
  /** Everything that is started from here carries this path in its environment. */
  readonly tmp: string;
  holdfast(...args: string[]): Called;
  /** Runs it to its end. */
  run(...args: string[]): Promise<{ code: number | null; out: string; err: string }>;
  /** Command lines of processes that still run: of these, and whatever else was started from here. */
  leftProcesses(family?: number[]): Promise<string[]>;
  leftFiles(): Promise<string[]>;
}

/** A place to start the command in; what is left of it at the end of the test is ended and removed. */
export async function createSandbox({ onTestFinished }: TestContext): Promise<Sandbox> {
  const tmp = await mkdtemp(path.join(tmpdir(), "hf-"));
  const groups: number[] = [];
  onTestFinished(async () => {
    for (const group of groups) killGroup(group, "SIGKILL");
    await rm(tmp, { recursive: true, force: true });
  });

  function holdfast(...args: string[]): Called {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: tmp,
      // Not the cluster that may stand on this machine.
      env: {
        ...process.env,
        TMPDIR: tmp,
        HOLDFAST_CLUSTER: "no-cluster-of-tests",
        NO_COLOR: "1",
        FORCE_COLOR: undefined,
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    if (child.pid !== undefined) groups.push(child.pid);
    const said = { out: "", err: "" };
    const listeners = new Set<() => void>();
    child.stdout.setEncoding("utf8").on("data", (text: string) => hear("out", text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => hear("err", text));
    function hear(name: keyof typeof said, text: string): void {
      said[name] += text;
      for (const listener of listeners) listener();
    }
    const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
    return {
      child,
      exit,
      get out() {
        return said.out;
      },
      get err() {
        return said.err;
      },
      says: (pattern) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            const match = pattern.exec(said.out);
            if (match) resolve(match);
          };
          listeners.add(look);
          look();
          void exit.then((code) =>
            reject(new Error(`It ended (${code}) before it said ${pattern}:\n${said.out}\n${said.err}`)),
          );
        }),
      family: () => familyOf(child.pid),
      signalGroup: (signal) => killGroup(child.pid, signal),
    };
  }

  return {
    tmp,
    holdfast,
    async run(...args) {
      const called = holdfast(...args);
      const code = await called.exit;
      return { code, out: called.out, err: called.err };
    },
    leftProcesses: (family = []) => processesLeft(tmp, family),
    leftFiles: () => readdir(tmp),
  };
}

/** Whether somebody listens there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of it is left.
  }
}

interface ProcessEntry {
  pid: number;
  parent: number;
  state: string;
  environment: string;
  command: string;
}

async function processes(): Promise<ProcessEntry[]> {
  const pids = await readdir("/proc").catch(() => undefined);
  return pids ? processesOfProc(pids.filter((name) => /^\d+$/.test(name))) : processesOfPs();
}

async function processesOfProc(pids: string[]): Promise<ProcessEntry[]> {
  const read = (pid: string, file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  return Promise.all(
    pids.map(async (pid) => {
      const stat = await read(pid, "stat");
      // "1234 (name) S 1 ...": the name may hold anything, so what counts begins after the last parenthesis.
      const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const command = (await read(pid, "cmdline")).replaceAll("\0", " ").trim();
      return { pid: Number(pid), parent: Number(parent), state, environment: await read(pid, "environ"), command };
    }),
  );
}

/** macOS has no /proc, and shows nobody's environment. */
async function processesOfPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,state=,command="]);
  return stdout.split("\n").map((line) => {
    const [pid, parent, state = "", ...command] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state, environment: "", command: command.join(" ") };
  });
}

async function familyOf(pid: number | undefined): Promise<number[]> {
  const all = await processes();
  const family = pid === undefined ? [] : [pid];
  for (const member of family) family.push(...all.filter(({ parent }) => parent === member).map((child) => child.pid));
  return family;
}

/** By their pid, or by their environment, which most children inherit. One that only waits to be collected has ended. */
async function processesLeft(text: string, family: number[]): Promise<string[]> {
  const alive = (await processes()).filter(({ state }) => state !== "" && state !== "Z" && state !== "X");
  return alive
    .filter(({ pid, environment }) => family.includes(pid) || environment.includes(text))
    .map(({ command }) => command);
}
