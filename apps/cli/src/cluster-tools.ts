/** The programs that a cluster is made and asked with: Docker as it is installed, the rest in the versions we know. */
import path from "node:path";
import { findDocker, run, type Tools } from "@holdfast/cluster";
import { CliError, messageOf } from "./cli-error.ts";
import { runNode } from "./node-child.ts";
import { REPO_ROOT } from "./repo.ts";

/** Finds them, and brings those that are missing. Throws a CliError with the code DOCKER_MISSING or TOOLS_MISSING. */
export async function clusterTools(opts: {
  /** Where a bundle holds them; it is looked at first. */
  bundleDir?: string | undefined;
  note: (line: string) => void;
  signal?: AbortSignal;
}): Promise<Tools> {
  const { bundleDir, note, signal } = opts;
  const docker = dockerOnPath();
  const { stdout, output, trouble } = await runNode(["scripts/tools.mjs", "kind", "kubectl", "helm"], {
    cwd: REPO_ROOT,
    env: bundleDir === undefined ? process.env : { ...process.env, HOLDFAST_BUNDLE: bundleDir },
    signal,
    // What takes its time is told as it begins; what went wrong is told once, below.
    onLine: (line) => {
      if (isProgress(line)) note(line);
    },
  });
  if (trouble !== undefined) {
    throw new CliError(`Could not bring kind, kubectl and helm (${trouble}): ${lastLines(output)}`, {
      code: "TOOLS_MISSING",
    });
  }
  const tools: unknown = JSON.parse(stdout);
  return { docker, ...(tools as Omit<Tools, "docker">) };
}

export function isDockerThere(): boolean {
  return path.isAbsolute(findDocker());
}

/** Docker's client. Throws a CliError with the code DOCKER_MISSING; whether its server runs is the preflight's to find out. */
export function dockerOnPath(): string {
  const docker = findDocker();
  if (isDockerThere()) return docker;
  throw new CliError(
    "There is no Docker on PATH, and a cluster's nodes are its containers: install it (https://docs.docker.com/engine/install) and try again. `./holdfast start` needs none.",
    { code: "DOCKER_MISSING" },
  );
}

/** Docker's client, after its server has answered. Throws a CliError with the code DOCKER_MISSING or DOCKER_SILENT. */
export async function dockerThatAnswers({ signal }: { signal?: AbortSignal } = {}): Promise<string> {
  const docker = dockerOnPath();
  try {
    await run(docker, ["version", "--format", "{{.Server.Version}}"], {
      what: "ask Docker for its version",
      timeoutMs: 20_000,
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new CliError(
      `Docker does not answer (${messageOf(error).trim().split("\n").at(-1)?.trim()}): start it, or let this user use it, and try again.`,
      { code: "DOCKER_SILENT", cause: error },
    );
  }
  return docker;
}

function isProgress(line: string): boolean {
  return line.endsWith(" ...");
}

/** What a program said last, where it says what is wrong. */
export function lastLines(output: string, count = 6): string {
  return output
    .trim()
    .split("\n")
    .filter((line) => !isProgress(line))
    .slice(-count)
    .map((line) => line.trim().replace(/^holdfast: /, ""))
    .join(" ");
}
