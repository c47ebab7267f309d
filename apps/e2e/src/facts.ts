/** What a run was made of: the commit, the versions, the machine. A figure without them proves nothing. */
import { spawnSync } from "node:child_process";
import { availableParallelism, totalmem } from "node:os";
import { REPO_ROOT } from "./repo.ts";
import type { RunRecord } from "./result.ts";
import type { Found } from "./subject-cluster.ts";

export type Facts = Pick<RunRecord, "commit" | "versions" | "machine">;

interface ApiVersions {
  serverVersion?: { gitVersion: string };
  clientVersion?: { gitVersion: string };
}

/** With what the cluster says of itself. */
export async function readFactsOf({ cluster, tools }: Found): Promise<Facts> {
  return readFacts({ tools, ...(await cluster.kubectl.json<ApiVersions>(["version"])) });
}

/** What can be known without a cluster. */
export function readFacts(known: { tools?: Found["tools"] } & ApiVersions = {}): Facts {
  const { tools, serverVersion, clientVersion } = known;
  const versions = {
    kubernetes: serverVersion?.gitVersion,
    kubectl: clientVersion?.gitVersion,
    helm: tools && said(tools.helm, ["version", "--template", "{{.Version}}"]),
    kind: tools && said(tools.kind, ["version", "--quiet"]),
    docker: tools && said(tools.docker, ["version", "--format", "{{.Server.Version}}"]),
    node: process.version,
  };
  return {
    commit: commitOf(),
    versions: Object.fromEntries(
      Object.entries(versions).map(([name, version]) => [name, (version ?? "unknown").replace(/^v/, "")]),
    ),
    machine: {
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform}-${process.arch}`,
    },
  };
}

function commitOf(): string {
  const head = said("git", ["rev-parse", "--short=12", "HEAD"]);
  if (head === undefined) return "unknown";
  const changed = said("git", ["status", "--porcelain"]);
  return changed === "" ? head : `${head}-dirty`;
}

function said(file: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(file, args, { cwd: REPO_ROOT, encoding: "utf8", timeout: 10_000 });
  return status === 0 ? stdout.trim() : undefined;
}
