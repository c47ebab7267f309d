/** Starts the test program as a process and tells what it does. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { LifecycleEvent } from "../events.ts";
import { atEndOfFile } from "./clean-up.ts";
import type { ProgramPlan } from "./plan.ts";

/** What the program says: lifecycle events, requests that began; with the time at which it said so. */
export type Line = (LifecycleEvent | { type: "began"; path: string }) & { atMs: number };

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly atMs: number;
}

export interface Replica {
  readonly pid: number;
  readonly lines: readonly Line[];
  /** Resolves with the first line that matches, also one that was there before. Rejects when the process ends without one. */
  line<L extends Line>(matches: (line: Line) => line is L): Promise<L>;
  line(matches: (line: Line) => boolean): Promise<Line>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
  /** What it wrote to stderr: nothing, unless it broke. */
  readonly stderr: () => string;
}

export interface ServingReplica extends Replica {
  readonly port: number;
  readonly adminPort: number;
}

const PROGRAM = fileURLToPath(new URL("./program.ts", import.meta.url));

/** Node's own place for it: a start then takes half the time, as it need not strip the types of the same sources again. */
const COMPILE_CACHE = join(tmpdir(), "node-compile-cache");

/** Starts a process; it is killed at the end of the file at the latest. */
export function startReplica(plan: ProgramPlan = {}): Replica {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  atEndOfFile(() => void child.kill("SIGKILL"));

  const lines: Line[] = [];
  const hearers = new Set<() => void>();
  let over = false;
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  createInterface({ input: child.stdout })
    .on("line", (text) => {
      lines.push(JSON.parse(text) as Line);
      hearers.forEach((hear) => hear());
    })
    .on("close", () => {
      over = true;
      hearers.forEach((hear) => hear());
    });

  return {
    pid: child.pid ?? 0,
    lines,
    line: (matches: (line: Line) => boolean) =>
      new Promise<never>((resolve, reject) => {
        const hear = (): void => {
          const found = lines.find(matches);
          if (found !== undefined) {
            resolve(found as never);
          } else if (over) {
            reject(
              new Error(`the program ended without the line that was awaited: ${JSON.stringify(lines)} ${stderr}`),
            );
          } else {
            return;
          }
          hearers.delete(hear);
        };
        hearers.add(hear);
        hear();
      }),
    kill: (signal) => void child.kill(signal),
    exited: once(child, "exit").then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      atMs: performance.timeOrigin + performance.now(),
    })),
    stderr: () => stderr,
  };
}

/** Starts a process and waits until it serves. */
export async function startServing(plan: ProgramPlan = {}): Promise<ServingReplica> {
  const replica = startReplica(plan);
  const admin = await replica.line(isListening("admin"));
  const api = await replica.line(isListening("public"));
  await replica.line(isState("ready"));
  return { ...replica, port: api.port, adminPort: admin.port };
}

export function isListening(server: "public" | "admin") {
  return (line: Line): line is Line & { type: "listening" } => line.type === "listening" && line.server === server;
}

export function isState(state: string) {
  return (line: Line): line is Line & { type: "state" } => line.type === "state" && line.to === state;
}

export function isPhase(phase: string, at: "start" | "end") {
  return (line: Line): line is Line & { type: "phase" } =>
    line.type === "phase" && line.phase === phase && line.at === at;
}

export function isPhaseEnd(phase: string) {
  return (line: Line): line is Line & { type: "phase"; at: "end" } =>
    line.type === "phase" && line.phase === phase && line.at === "end";
}

export function isExit(line: Line): line is Line & { type: "exit" } {
  return line.type === "exit";
}

export function hasBegun(path: string) {
  return (line: Line): boolean => line.type === "began" && line.path === path;
}
