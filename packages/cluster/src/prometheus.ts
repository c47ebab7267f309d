/** What the platform's Prometheus knows, through its port on this machine. */
import type { Cluster } from "./open.ts";
import { askPlatformJson } from "./platform-http.ts";
import type { Question } from "./platform-http.ts";

export interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

export interface AlertView {
  readonly name: string;
  readonly state: "pending" | "firing";
  readonly labels: Record<string, string>;
  /** RFC 3339: since when its expression has been true. */
  readonly activeAt: string;
}

export interface TargetView {
  readonly pod?: string;
  readonly namespace?: string;
  /** Prometheus' word: `up`, `down` or `unknown` (not yet scraped). */
  readonly health: string;
  readonly lastError: string;
}

type Asked = Pick<Cluster, "name" | "ports">;
interface Options {
  signal?: AbortSignal | undefined;
}

/** Of GET /api/v1/query, as far as it is read here. */
export type QueryData =
  | { resultType: "vector"; result: { metric: Record<string, string>; value: [number, string] }[] }
  | { resultType: "scalar" | "string"; result: [number, string] }
  | { resultType: "matrix"; result: unknown[] };

/** Rules as /api/v1/rules tells of them. */
export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  readonly rules: {
    readonly name: string;
    readonly type: string;
    readonly health: string;
    readonly lastError?: string;
  }[];
}

/**
 * One instant query (PromQL). A value may be NaN.
 *
 * @throws ClusterError PLATFORM_AWAY, BAD_OPTIONS (Prometheus' words about the query), CLUSTER_DIFFERS, ABORTED
 */
export async function queryPrometheus(cluster: Asked, opts: { query: string } & Options): Promise<Sample[]> {
  const data = await ask<QueryData>(cluster, { path: "/api/v1/query", form: { query: opts.query } }, opts);
  return readSamples(data);
}

export function readSamples(data: QueryData): Sample[] {
  switch (data.resultType) {
    case "vector":
      return data.result.map(({ metric, value }) => ({ labels: metric, value: number(value[1]) }));
    case "scalar":
      return [{ labels: {}, value: number(data.result[1]) }];
    default:
      return [];
  }
}

/** Prometheus writes `+Inf`, which Number() does not know. */
function number(text: string): number {
  return Number(text.replace(/Inf$/, "Infinity"));
}

/** Alerts that are pending or firing now. @throws as queryPrometheus() */
export async function readAlerts(cluster: Asked, opts: Options = {}): Promise<AlertView[]> {
  const { alerts } = await ask<{
    alerts: { labels: Record<string, string>; state: "pending" | "firing"; activeAt: string }[];
  }>(cluster, { path: "/api/v1/alerts" }, opts);
  return alerts.map(({ labels, state, activeAt }) => ({ name: labels["alertname"] ?? "", state, labels, activeAt }));
}

/** What is scraped now. @throws as queryPrometheus() */
export async function readTargets(cluster: Asked, opts: Options = {}): Promise<TargetView[]> {
  const { activeTargets } = await ask<{ activeTargets: Target[] }>(
    cluster,
    { path: "/api/v1/targets?state=active" },
    opts,
  );
  return activeTargets.map((target) => viewTarget(target));
}

interface Target {
  labels: Record<string, string>;
  health: string;
  lastError: string;
}

function viewTarget({ labels: { pod, namespace }, health, lastError }: Target): TargetView {
  return {
    ...(pod === undefined ? {} : { pod }),
    ...(namespace === undefined ? {} : { namespace }),
    health,
    lastError,
  };
}

/** Every group of rules that Prometheus has loaded. @throws as queryPrometheus() */
export async function readRuleGroups(cluster: Asked, opts: Options = {}): Promise<RuleGroup[]> {
  return (await ask<{ groups: RuleGroup[] }>(cluster, { path: "/api/v1/rules" }, opts)).groups;
}

async function ask<T>(cluster: Asked, question: Pick<Question, "path" | "form">, opts: Options): Promise<T> {
  const answer = await askPlatformJson<{ data: T }>(cluster, {
    port: "prometheus",
    program: "Prometheus",
    workload: "deployment/prometheus",
    timeoutMs: 20_000,
    signal: opts.signal,
    ...question,
  });
  return answer.data;
}
