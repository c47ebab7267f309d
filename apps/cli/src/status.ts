/** One call of `status`: the `start` that runs, and the cluster that there is. */
import { CliError, errorCode, messageOf } from "./cli-error.ts";
import { clusterName, nameFlag } from "./cluster-name.ts";
import type { ClusterSnapshot } from "./cluster-words.ts";
import { askControl } from "./control-socket.ts";
import { DEFAULT_SESSION, sessionDir, sessionNames } from "./session-dir.ts";
import type { Snapshot } from "./snapshot.ts";
import { statusLines } from "./status-words.ts";
import type { Terminal } from "./terminal.ts";
import { list } from "./words.ts";

export interface StatusFlags {
  name?: string;
  output?: "json" | "wide";
}

/** Prints both, or throws a CliError with the code NOT_RUNNING where there is neither. */
export async function status(flags: StatusFlags, terminal: Terminal): Promise<void> {
  const session = flags.name ?? DEFAULT_SESSION;
  const name = clusterName(flags.name);
  const snapshot = await sessionSnapshot(session);
  const cluster = await clusterOf(name, terminal).catch((error: unknown) => {
    if (!snapshot) throw error;
    // What is wrong with the cluster must not hide what runs here.
    terminal.note(messageOf(error));
    return undefined;
  });
  if (!snapshot && !cluster) throw await nothingRuns({ session, name });
  if (flags.output === "json") {
    terminal.print(JSON.stringify({ ...snapshot, ...(cluster ? { cluster } : {}) }, undefined, 2));
    return;
  }
  const wide = flags.output === "wide";
  if (snapshot) for (const line of statusLines(snapshot, { paint: terminal.paint, wide })) terminal.print(line);
  if (snapshot && cluster) terminal.print("");
  if (!cluster) return;
  const { clusterLines } = await import("./cluster-words.ts");
  const opts = { paint: terminal.paint, wide, nowMs: Date.now() };
  for (const line of clusterLines(cluster, opts)) terminal.print(line);
}

async function sessionSnapshot(session: string): Promise<Snapshot | undefined> {
  try {
    const answer = await askControl(sessionDir(session).socket, { command: "status" });
    return answer.result as Snapshot;
  } catch (error) {
    // A cluster's name may be longer than a session's can be.
    if (["NOT_RUNNING", "USAGE"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Loaded when it is needed: the second terminal of a `start` must not wait for it. */
async function clusterOf(name: string, terminal: Terminal): Promise<ClusterSnapshot | undefined> {
  const [{ isClusterThere, openNamedCluster }, { isDockerThere }] = await Promise.all([
    import("./cluster-open.ts"),
    import("./cluster-tools.ts"),
  ]);
  // Without Docker there is no cluster; one that does not answer may have some.
  const isThere = await isClusterThere(name).catch((error: unknown) => {
    if (isDockerThere()) throw error;
    return false;
  });
  if (!isThere) return undefined;
  const { clusterSnapshot } = await import("./cluster-snapshot.ts");
  return clusterSnapshot(await openNamedCluster(name, { note: terminal.note }));
}

async function nothingRuns({ session, name }: { session: string; name: string }): Promise<CliError> {
  const others = (await sessionNames()).filter((each) => each !== session);
  const which = session === DEFAULT_SESSION ? "No start of this checkout" : `No start of the name "${session}"`;
  const flag = session === DEFAULT_SESSION ? "" : ` --name ${session}`;
  const hint = others.length > 0 ? ` Others were started as ${list(others)}: say --name.` : "";
  return new CliError(
    `${which} is running, and there is no cluster "${name}": \`./holdfast start${flag}\` runs replicas on this machine, \`./holdfast up${nameFlag(name)}\` makes a cluster.${hint}`,
    { code: "NOT_RUNNING" },
  );
}
