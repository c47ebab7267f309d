/** One call of `logs`: lines as VictoriaLogs holds them, of every pod there is or was. */
import { queryLogs, type StoredLine } from "@holdfast/cluster";
import { CliError } from "./cli-error.ts";
import { clusterName } from "./cluster-name.ts";
import { openNamedCluster } from "./cluster-open.ts";
import { logQuery, type LogChoice } from "./log-query.ts";
import { logLines } from "./log-words.ts";
import type { Terminal } from "./terminal.ts";
import { traceIdOf } from "./trace-id.ts";

export interface LogFlags extends Omit<LogChoice, "traceId"> {
  limit: number;
  name?: string;
  output?: "json";
}

/** Prints them, or throws a CliError with the code NOTHING_STORED where there is none of a trace. */
export async function showLogs(id: string | undefined, opts: { flags: LogFlags; terminal: Terminal }): Promise<void> {
  const { flags, terminal } = opts;
  const traceId = id === undefined ? undefined : traceIdOf(id);
  const query = logQuery({ ...flags, traceId });
  const cluster = await openNamedCluster(clusterName(flags.name), { note: terminal.note });
  // One more than is shown, so that it is known whether there are more.
  const found = await queryLogs(cluster, {
    query,
    limit: flags.limit + 1,
  });
  const lines = found.slice(-flags.limit);
  if (lines.length === 0 && traceId !== undefined) throw nothingStored(traceId);
  if (flags.output === "json") {
    terminal.print(JSON.stringify({ ...(traceId === undefined ? {} : { traceId }), query, lines }, undefined, 2));
  } else {
    for (const line of logLines(lines, { paint: terminal.paint, nowMs: Date.now() })) terminal.print(line);
  }
  if (isRecent(lines.at(-1), Date.now())) terminal.note(STILL_COMING);
  if (lines.length === 0) terminal.note(`No line is stored that fits (${query}).`);
  if (found.length > flags.limit) {
    terminal.note(`These are the newest ${flags.limit}; there are more: --limit shows them.`);
  }
}

/** As long as a line takes to be stored. */
const RECENT_MS = 3_000;
const STILL_COMING = "A line is stored up to 3 s after it was written: more may be on their way.";

/** Whether the newest line is so new that others of its time may not be stored yet. */
export function isRecent(newest: Pick<StoredLine, "time"> | undefined, nowMs: number): boolean {
  return newest !== undefined && nowMs - Date.parse(newest.time) < RECENT_MS;
}

/** Where nothing is found, what is known about when and whether something is. */
export function nothingStored(traceId: string): CliError {
  return new CliError(
    `No line of the trace ${traceId} is stored. Every request has its lines, sampled or not, from 2 to 3 s after its end on; while VictoriaLogs or the agent of a node is away, from when it is back. A request that reached no pod has none.`,
    { code: "NOTHING_STORED" },
  );
}
