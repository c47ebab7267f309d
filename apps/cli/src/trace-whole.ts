/** Whether all of a request that we have sent is stored. Pure. */
import type { StoredTrace } from "./waterfall.ts";
import { list } from "./words.ts";

/**
 * What is still to come of a sampled request, as "no span of catalogue"; empty where nothing is. `spanId` is what it named as
 * its parent, `service` who it was sent to. A call upstream that failed has met nobody, so nothing is expected of it; nor of a log that cannot be read.
 */
export function missingOf(
  trace: StoredTrace,
  sent: { spanId: string; service: string; linesReadable?: boolean },
): string[] {
  const { spans, lines } = trace;
  const first = spans.find(({ parentSpanId }) => parentSpanId === sent.spanId);
  if (first === undefined) return [`no span of ${sent.service}`];
  const parents = new Set(spans.map(({ parentSpanId }) => parentSpanId));
  const unanswered = spans.filter(({ kind, error, spanId }) => kind === "client" && !error && !parents.has(spanId));
  const written = new Set(lines.map(({ spanId }) => spanId));
  const silent = spans.filter(
    ({ kind, spanId }) => sent.linesReadable !== false && kind === "server" && !written.has(spanId),
  );
  // Whoever was called has it as its parent: where that is not there, it would stand at the root.
  const known = new Set([sent.spanId, ...spans.map(({ spanId }) => spanId)]);
  const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId));
  return [
    ...unanswered.map(({ service, name }) => `no span of who answered ${service}'s ${name}`),
    ...orphans.map(({ service, name }) => `no span of who asked ${service} for ${name}`),
    ...[...new Set(silent.map(({ service }) => service))].map((service) => `no log line of ${service}`),
  ];
}

/** What is said where it did not all come in time. */
export function missingSentence(missing: readonly string[], seconds: number): string {
  return `After ${seconds} s there is ${list(missing)}: \`./holdfast status\` says whether all of the platform is ready.`;
}
