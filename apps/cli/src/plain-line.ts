/** What `start` says every few seconds where there is no terminal: the live block's content in one line. Pure. */
import type { ReplicaSnapshot, Snapshot } from "./snapshot.ts";
import { count, cut, duration, failures, longDuration, plural, rate } from "./words.ts";

/** With these bounds a line stays below a thousand characters: more is not read. Twice what `start` runs by itself. */
const MOST_REPLICAS_SAID = 6;
/** The newest: what led to them is plain from them. */
const MOST_NEWS_SAID = 4;
/** A sentence that holds somebody's error may be long. */
const LONGEST_NEWS = 90;

/** The line; `sinceMs` is when the line before was written, on the clock of `upMs`. */
export function plainLine(snapshot: Snapshot, sinceMs: number): string {
  const services = snapshot.services.map((service) => {
    const said = service.replicas.slice(0, MOST_REPLICAS_SAID).map(replicaWords);
    const more = service.replicas.length - said.length;
    const replicas = [...said, ...(more > 0 ? [`and ${more} more`] : [])].join(", ") || "none";
    return `${service.name}: ${replicas}${service.note ? ` (${service.note})` : ""}`;
  });
  const { load } = snapshot;
  const latency =
    load.p99Ms === undefined || load.p50Ms === undefined
      ? ""
      : `, p50 ${duration(load.p50Ms)}, p99 ${duration(load.p99Ms)}`;
  const numbers = `${rate(load.sentPerSecond)} requests/s${latency}; ${count(load.sent)} sent, ${count(load.answered)} answered, ${count(load.degraded)} degraded, ${failures(load.failed)}`;
  return [`up ${longDuration(snapshot.upMs)}`, ...services, numbers, newsSince(snapshot, sinceMs)]
    .filter(Boolean)
    .join(" | ");
}

/** What is new, the newest last; during a rollout more happens than a line can hold. */
function newsSince({ happenings }: Snapshot, sinceMs: number): string {
  const news = happenings.filter((happening) => happening.atMs > sinceMs).map(({ text }) => cut(text, LONGEST_NEWS));
  const said = news.slice(-MOST_NEWS_SAID);
  const earlier = news.length - said.length;
  return [...(earlier > 0 ? [`${earlier} more before`] : []), ...said].join("; ");
}

function replicaWords(replica: ReplicaSnapshot): string {
  const pid = replica.pid === undefined ? "" : ` pid ${replica.pid}`;
  const restarts = replica.restarts > 0 ? `, restarts ${replica.restarts}` : "";
  return `${replica.name} ${replica.state} ${replica.version}${pid} (${plural(replica.requests, "request")}${restarts})`;
}
