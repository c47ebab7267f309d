/** What `start` says every few seconds where there is no terminal: the live block's content in one line. Pure. */
import type { ReplicaSnapshot, Snapshot } from "./snapshot.ts";
import { count, duration, failures, longDuration, rate } from "./words.ts";

/** The line; `sinceMs` is when the line before was written, on the clock of `upMs`. */
export function plainLine(snapshot: Snapshot, sinceMs: number): string {
  const services = snapshot.services.map((service) => {
    const replicas = service.replicas.map(replicaWords).join(", ") || "none";
    return `${service.name}: ${replicas}${service.note ? ` (${service.note})` : ""}`;
  });
  const { load } = snapshot;
  const latency =
    load.p99Ms === undefined || load.p50Ms === undefined
      ? ""
      : `, p50 ${duration(load.p50Ms)}, p99 ${duration(load.p99Ms)}`;
  const numbers = `${rate(load.sentPerSecond)} requests/s${latency}; ${count(load.sent)} sent, ${count(load.answered)} answered, ${count(load.degraded)} degraded, ${failures(load.failed)}`;
  const news = snapshot.happenings.filter((happening) => happening.atMs > sinceMs).map((happening) => happening.text);
  return [`up ${longDuration(snapshot.upMs)}`, ...services, numbers, news.join("; ")].filter(Boolean).join(" | ");
}

function replicaWords(replica: ReplicaSnapshot): string {
  const pid = replica.pid === undefined ? "" : ` pid ${replica.pid}`;
  const restarts = replica.restarts > 0 ? `, restarts ${replica.restarts}` : "";
  return `${replica.name} ${replica.state} ${replica.version}${pid} (${count(replica.requests)} requests${restarts})`;
}
