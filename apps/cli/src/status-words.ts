/** `status`, for people: the same data as the live block, as tables that stay where they are printed. Pure. */
import type { Paint } from "./paint.ts";
import type { ReplicaSnapshot, Snapshot } from "./snapshot.ts";
import { table } from "./table.ts";
import { ago, count, duration, failures, longDuration, rate } from "./words.ts";

export function statusLines(snapshot: Snapshot, opts: { paint: Paint; wide: boolean }): string[] {
  const { paint, wide } = opts;
  const { load } = snapshot;
  const heads = [
    "SERVICE",
    "REPLICA",
    "STATE",
    "VERSION",
    "RESTARTS",
    "REQUESTS",
    ...(wide ? ["PID", "CONNECTIONS", "API", "ADMIN"] : []),
  ];
  const rows = snapshot.services.flatMap((service) =>
    service.replicas.map((replica) => [service.name, ...cells(replica, wide)]),
  );
  const notes = snapshot.services.flatMap((service) => (service.note ? [`${service.name}: ${service.note}`] : []));
  return [
    `${paint("key", snapshot.url)}  ${snapshot.phase}, up ${longDuration(snapshot.upMs)}, pid ${snapshot.pid}`,
    "",
    ...table([heads, ...rows]),
    ...notes,
    "",
    `${rate(load.sentPerSecond)} requests/s, p50 ${duration(load.p50Ms ?? Number.NaN)}, p99 ${duration(load.p99Ms ?? Number.NaN)}`,
    `${count(load.sent)} sent, ${count(load.answered)} answered, ${count(load.degraded)} degraded, ${failures(load.failed)}`,
    ...(snapshot.happenings.length > 0 ? [""] : []),
    ...snapshot.happenings.map((each) => `${ago(snapshot.upMs - each.atMs)}: ${each.text}`),
  ];
}

function cells(replica: ReplicaSnapshot, wide: boolean): string[] {
  const basic = [replica.name, replica.state, replica.version, String(replica.restarts), count(replica.requests)];
  if (!wide) return basic;
  const address = (port: number | undefined): string => (port === undefined ? "-" : `http://127.0.0.1:${port}`);
  return [
    ...basic,
    String(replica.pid ?? "-"),
    String(replica.connections ?? "-"),
    address(replica.port),
    address(replica.adminPort),
  ];
}
