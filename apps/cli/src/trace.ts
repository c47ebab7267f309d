/** One call of `trace`: a request from its first span to its last line, one that was made or one that is sent for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { queryLogs, readTrace, type Cluster } from "@holdfast/cluster";
import { APP_NAMESPACE } from "./app-releases.ts";
import { messageOf } from "./cli-error.ts";
import { clusterName, nameFlag } from "./cluster-name.ts";
import { openNamedCluster } from "./cluster-open.ts";
import { clusterUrls } from "./cluster-urls.ts";
import { firstAnswer } from "./first-answer.ts";
import { logQuery } from "./log-query.ts";
import { nothingStored } from "./logs.ts";
import { sendSampled } from "./sampled-request.ts";
import type { Terminal } from "./terminal.ts";
import { traceIdOf } from "./trace-id.ts";
import { missingOf, missingSentence } from "./trace-whole.ts";
import { traceLines, type FoundTrace } from "./trace-words.ts";
import { duration } from "./words.ts";

export interface TraceFlags {
  name?: string;
  output?: "json";
}

/** A span is stored some 2 s after it has ended, and a line 2 to 3 s after it was written. */
const STORED_WITHIN_MS = 10_000;
const ASK_EVERY_MS = 500;
/** More than any request writes. */
const MOST_LINES = 1_000;

/** Prints it, or throws a CliError with the code NOTHING_STORED. */
export async function showTrace(
  id: string | undefined,
  opts: { flags: TraceFlags; terminal: Terminal },
): Promise<void> {
  const { flags, terminal } = opts;
  const given = id === undefined ? undefined : traceIdOf(id);
  const cluster = await openNamedCluster(clusterName(flags.name), { note: terminal.note });
  const { trace, troubles } =
    given === undefined ? await sendAndWait(cluster, terminal) : await readStored(cluster, given);
  if (trace.spans.length === 0 && trace.lines.length === 0) throw troubles[0] ?? nothingStored(trace.traceId);
  for (const trouble of troubles) terminal.note(messageOf(trouble));
  if (flags.output === "json") {
    terminal.print(JSON.stringify(trace, undefined, 2));
    return;
  }
  const { paint, width } = terminal;
  const urls = clusterUrls(cluster, { jaeger: trace.from === "jaeger" });
  for (const line of traceLines(trace, { paint, width, urls, nameFlag: nameFlag(cluster.name) })) terminal.print(line);
}

interface Reading {
  trace: FoundTrace;
  linesReadable: boolean;
  spansReadable: boolean;
  /** Why not: the other half is worth showing. */
  troubles: unknown[];
}

async function readStored(cluster: Cluster, traceId: string): Promise<Reading> {
  const [found, lines] = await Promise.allSettled([
    readTrace(cluster, { traceId }),
    queryLogs(cluster, { query: logQuery({ traceId }), limit: MOST_LINES }),
  ]);
  return {
    trace: {
      traceId,
      spans: found.status === "fulfilled" ? found.value.spans : [],
      ...(found.status === "fulfilled" ? { from: found.value.from } : {}),
      lines: lines.status === "fulfilled" ? lines.value : [],
    },
    spansReadable: found.status === "fulfilled",
    linesReadable: lines.status === "fulfilled",
    troubles: [found, lines].flatMap((each) => (each.status === "rejected" ? [each.reason] : [])),
  };
}

async function sendAndWait(cluster: Cluster, terminal: Terminal): Promise<Reading> {
  const catalogue = `http://localhost:${cluster.ports.app}`;
  const hint = `\`kubectl --kubeconfig ${cluster.kubeconfig} get pods -n ${APP_NAMESPACE}\` shows its pods.`;
  const [product = "unknown"] = await firstAnswer(catalogue, { hint });
  const sent = await sendSampled(`${catalogue}/api/products/${product}`, { hint });
  terminal.note(
    `${sent.method} ${sent.url}: ${sent.status} after ${duration(sent.durationMs)}, trace ${sent.traceId}. Waiting until it is stored ...`,
  );
  const endMs = performance.now() + STORED_WITHIN_MS;
  while (true) {
    const reading = await readStored(cluster, sent.traceId);
    const { linesReadable, spansReadable } = reading;
    const missing = missingOf(reading.trace, { spanId: sent.spanId, service: "catalogue", linesReadable });
    const trace = { ...reading.trace, sent };
    // What cannot be read now will not be in a moment, and is said.
    if (missing.length === 0 || !spansReadable) return { ...reading, trace };
    if (performance.now() > endMs) {
      terminal.note(missingSentence(missing, STORED_WITHIN_MS / 1_000));
      return { ...reading, trace: { ...trace, missing } };
    }
    await sleep(ASK_EVERY_MS);
  }
}
