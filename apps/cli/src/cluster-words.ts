/** A cluster for people: what runs where, zone by zone, and where to look. Pure. */
import type { AlertView, Overview } from "@holdfast/cluster";
import type { ClusterUrls } from "./cluster-urls.ts";
import type { Paint } from "./paint.ts";
import { table } from "./table.ts";
import { list, longDuration } from "./words.ts";

/** What is known of a cluster at one moment. `-o json` prints it as it is. */
export interface ClusterSnapshot {
  name: string;
  context: string;
  kubeconfig: string;
  urls: ClusterUrls;
  nodes: Overview["nodes"];
  pods: Overview["pods"];
  scalers: Overview["scalers"];
  releases: Overview["releases"];
  platform: Overview["platform"];
  alerts: AlertsView;
}

/** Alerts that are pending or firing; what kept them from being read, where something did. */
export interface AlertsView {
  active: readonly AlertView[];
  trouble?: string;
}

type Node = Overview["nodes"][number];
type Pod = Overview["pods"][number];

/** Each node with the pods of ours on it, zones first and in order: `zone-a  holdfast-worker  catalogue-..., stock-...`. */
export function zoneLines({ nodes, pods }: Pick<ClusterSnapshot, "nodes" | "pods">): string[] {
  const rows = inZones(nodes).map((node) => {
    const here = pods.filter((pod) => pod.node === node.name).map((pod) => podWords(pod));
    return [node.zone ?? node.role, node.name, list(here) || "-"];
  });
  return table([["ZONE", "NODE", "PODS"], ...rows]);
}

/** The whole of `status`. */
export function clusterLines(cluster: ClusterSnapshot, opts: { paint: Paint; wide: boolean; nowMs: number }): string[] {
  const { paint, wide, nowMs } = opts;
  const { nodes, pods, scalers, releases, platform } = cluster;
  return [
    `${paint("key", cluster.urls.catalogue)}  cluster ${cluster.name}`,
    ...urlLines(cluster.urls, paint),
    ...alertLines(cluster.alerts, { paint, nowMs }),
    `For kubectl: export KUBECONFIG=${cluster.kubeconfig}`,
    "",
    ...table([
      ["ZONE", "NODE", "STATE"],
      ...inZones(nodes).map((node) => [node.zone ?? node.role, node.name, stateOf(node)]),
    ]),
    "",
    ...(pods.length === 0
      ? ["No pod of ours runs there: `./holdfast up` installs the service."]
      : podLines(pods, { wide, nowMs })),
    ...section(scalers, {
      heads: ["SCALES", "BY", "REPLICAS", "MIN", "MAX", "READS"],
      cells: ({ name, kind, current, min, max, metrics }) =>
        kind === "none"
          ? [name, "nobody", String(current), "-", "-", "-"]
          : [name, kind, String(current), String(min), String(max), list(metrics) || "-"],
    }),
    ...scalers.flatMap(({ name, conditions }) => conditions.map((condition) => `${name}: ${condition}`)),
    ...section(releases, {
      heads: ["RELEASE", "REVISION", "STATUS", "CHART"],
      cells: ({ name, revision, status, chart }) => [name, String(revision), status, chart],
    }),
    ...section(platform, {
      heads: ["PLATFORM", "STATE", "VERSION"],
      cells: ({ name, ready, version }) => [name, ready ? "ready" : "not ready", version],
    }),
  ];
}

/** Where the platform shows what it knows. */
export function urlLines({ prometheus, logs, traces }: ClusterUrls, paint: Paint): string[] {
  return [
    `${paint("key", prometheus)}  Prometheus`,
    ...(logs === undefined ? [] : [`${paint("key", logs)}  log lines (VictoriaLogs)`]),
    ...(traces === undefined ? [] : [`${paint("key", traces)}  traces (Jaeger)`]),
  ];
}

/** One line an alert; none where nothing is wrong. */
function alertLines({ active, trouble }: AlertsView, opts: { paint: Paint; nowMs: number }): string[] {
  const { paint, nowMs } = opts;
  return [
    ...active.map(({ name, state, labels, activeAt }) => {
      const { alertname: _, severity, ...rest } = labels;
      const about = Object.entries(rest).map(([label, value]) => `${label}=${value}`);
      const words = [name, severity === undefined ? "" : `(${severity})`, ...about].filter(Boolean).join(" ");
      const tone = state === "firing" ? "bad" : "warn";
      return `${paint(tone, `ALERT ${state}`)} for ${longDuration(nowMs - Date.parse(activeAt))}: ${words}`;
    }),
    ...(trouble === undefined ? [] : [`${paint("warn", "Alerts are unknown:")} ${trouble}`]),
  ];
}

function podLines(pods: readonly Pod[], { wide, nowMs }: { wide: boolean; nowMs: number }): string[] {
  const heads = ["ZONE", "NAMESPACE", "POD", "STATE", "RESTARTS", "UP"];
  const inOrder = [...pods].sort((a, b) => (a.zone ?? "").localeCompare(b.zone ?? "") || a.name.localeCompare(b.name));
  const rows = inOrder.map((pod) => {
    const up = pod.startedAt === "" ? "-" : longDuration(nowMs - Date.parse(pod.startedAt));
    const cells = [pod.zone ?? "-", pod.namespace, pod.name, podState(pod), String(pod.restarts), up];
    return wide ? cells.concat(pod.node || "-", pod.image) : cells;
  });
  return table([wide ? heads.concat("NODE", "IMAGE") : heads, ...rows]);
}

function section<T>(items: readonly T[], opts: { heads: string[]; cells: (item: T) => string[] }): string[] {
  return items.length === 0 ? [] : ["", ...table([opts.heads, ...items.map(opts.cells)])];
}

/** The control plane last: what people look for is in the zones. */
function inZones(nodes: readonly Node[]): Node[] {
  const place = ({ zone, name }: Node): string => `${zone === undefined ? 1 : 0} ${zone ?? ""} ${name}`;
  return [...nodes].sort((a, b) => place(a).localeCompare(place(b)));
}

function stateOf({ ready, schedulable, paused }: Node): string {
  const words = [paused ? "paused" : "", ready ? "ready" : "not ready", schedulable ? "" : "takes no pods"];
  return words.filter(Boolean).join(", ");
}

function podState({ phase, ready }: Pod): string {
  if (phase === "Terminating") return "ending";
  return ready ? "ready" : phase === "Running" ? "not ready" : phase;
}

function podWords(pod: Pod): string {
  const state = podState(pod);
  return state === "ready" ? pod.name : `${pod.name} (${state})`;
}
