/** The platform's Prometheus loads rules out of a rendered chart, so that what is proved is what ships. */
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { ClusterError } from "./errors.ts";
import type { Cluster } from "./open.ts";
import { contentHash, parseManifests } from "./platform-manifests.ts";
import { queryPrometheus, readRuleGroups } from "./prometheus.ts";
import type { RuleGroup } from "./prometheus.ts";

const NAMESPACE = "monitoring";
const CONFIG_MAP = "prometheus-rules";
/** The kubelet writes the file within seconds of being told, Prometheus looks every 5 s. */
const LOADED_WITHIN_SECONDS = 90;
/** Until then it has read them, and its own metric of that has been scraped. */
const REFUSED_AFTER_SECONDS = 25;
const ASK_AGAIN_MS = 1000;

interface PrometheusRule {
  kind: string;
  spec: { groups: { name: string; rules: { alert?: string; record?: string }[] }[] };
}

export interface RulesOptions {
  readonly release: string;
  readonly namespace: string;
  /** Path of the chart's directory. */
  readonly chart: string;
  /** Beats `valuesFiles`; `prometheusRule.enabled` is set in any case. */
  readonly values?: object | undefined;
  readonly valuesFiles?: readonly string[] | undefined;
  /** A chart whose alerts are switched off is no mistake then: its release has none afterwards. */
  readonly optional?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Renders the chart with `prometheusRule.enabled`, hands the rules of its PrometheusRule to the platform's Prometheus, and waits until that
 * evaluates them. A release's earlier rules are replaced, those of other releases stay. Rules that Prometheus refuses are taken back, since
 * it would load no later ones either.
 *
 * @returns how many groups, and the names of their alerts and recordings
 * @throws ClusterError BAD_OPTIONS (no PrometheusRule is rendered), TOOL_FAILED, TIMEOUT, PLATFORM_AWAY, ABORTED
 */
export async function loadRules(
  cluster: Pick<Cluster, "name" | "ports" | "helm" | "kubectl">,
  opts: RulesOptions,
): Promise<{ groups: number; rules: string[] }> {
  const { release, namespace, chart, signal } = opts;
  const rendered = await cluster.helm.template({
    release,
    namespace,
    chart,
    values: withRules(opts.values ?? {}),
    ...(opts.valuesFiles === undefined ? {} : { valuesFiles: opts.valuesFiles }),
    signal,
  });
  if (opts.optional === true && !parseManifests(rendered, chart).some(({ kind }) => kind === "PrometheusRule")) {
    await unloadRules(cluster, opts);
    return { groups: 0, rules: [] };
  }
  const groups = groupsOf(rendered, `the chart ${chart}`);
  const key = keyOf(opts);
  const file = ruleFile(groups);
  await writeKey(cluster, { key, text: file.text, signal });
  const giveUpAt = Date.now() + LOADED_WITHIN_SECONDS * 1000;
  const refusedFrom = Date.now() + REFUSED_AFTER_SECONDS * 1000;
  while (!isLoaded(await readRuleGroups(cluster, { signal }), { key, marker: file.marker })) {
    const refused = Date.now() > refusedFrom && (await refuses(cluster, signal));
    if (refused || Date.now() > giveUpAt) {
      await unloadRules(cluster, opts);
      throw new ClusterError(
        "TIMEOUT",
        refused
          ? `Prometheus refuses the rules of release ${release}; they were taken back. \`kubectl -n ${NAMESPACE} logs deployment/prometheus\` shows why.`
          : `Waited ${LOADED_WITHIN_SECONDS} s for Prometheus to load the rules of release ${release}, which it did not; they were taken back.`,
      );
    }
    // Nothing tells when it has read its files again.
    await sleep(ASK_AGAIN_MS, undefined, signal === undefined ? {} : { signal });
  }
  return {
    groups: groups.length,
    rules: groups.flatMap((group) => group.rules.map(({ alert, record }) => alert ?? record ?? "")),
  };
}

/** Takes a release's rules away and waits until Prometheus has forgotten them. That there are none is no error. */
export async function unloadRules(
  cluster: Pick<Cluster, "name" | "ports" | "kubectl">,
  opts: { release: string; namespace: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = opts;
  const key = keyOf(opts);
  await writeKey(cluster, { key, text: null, signal });
  const giveUpAt = Date.now() + LOADED_WITHIN_SECONDS * 1000;
  while ((await readRuleGroups(cluster, { signal })).some((group) => isIn(group, key))) {
    if (Date.now() > giveUpAt) {
      throw new ClusterError(
        "TIMEOUT",
        `Waited ${LOADED_WITHIN_SECONDS} s for Prometheus to forget the rules of release ${opts.release}, which it did not.`,
      );
    }
    await sleep(ASK_AGAIN_MS, undefined, signal === undefined ? {} : { signal });
  }
}

async function refuses(cluster: Pick<Cluster, "name" | "ports">, signal: AbortSignal | undefined): Promise<boolean> {
  return (
    (await queryPrometheus(cluster, { query: "prometheus_config_last_reload_successful == 0", signal })).length > 0
  );
}

function keyOf({ namespace, release }: { namespace: string; release: string }): string {
  return `${namespace}-${release}.yml`;
}

function withRules(values: object): object {
  const { prometheusRule = {} } = values as { prometheusRule?: object };
  return { ...values, prometheusRule: { ...prometheusRule, enabled: true } };
}

/** The groups of every PrometheusRule in a rendered chart. Throws BAD_OPTIONS where there is none. */
export function groupsOf(rendered: string, from: string): PrometheusRule["spec"]["groups"] {
  const rules = parseManifests(rendered, from).filter(({ kind }) => kind === "PrometheusRule") as unknown[];
  const groups = (rules as PrometheusRule[]).flatMap(({ spec }) => spec.groups);
  if (groups.length > 0) return groups;
  throw new ClusterError("BAD_OPTIONS", `${from} renders no PrometheusRule with these values.`);
}

/**
 * As Prometheus reads it. A last group, named after the content, tells when just this has been loaded: groups and rules may bear the names that
 * they had before.
 */
export function ruleFile(groups: PrometheusRule["spec"]["groups"]): { text: string; marker: string } {
  const marker = `holdfast-loaded-${contentHash(groups)}`;
  const loaded = { name: marker, rules: [{ record: "holdfast_rules_loaded", expr: "vector(1)" }] };
  return { text: stringify({ groups: [...groups, loaded] }), marker };
}

export function isLoaded(loaded: readonly RuleGroup[], wanted: { key: string; marker: string }): boolean {
  return loaded.some((group) => isIn(group, wanted.key) && group.name === wanted.marker);
}

function isIn(group: RuleGroup, key: string): boolean {
  return group.file.endsWith(`/${key}`);
}

/** One key of the ConfigMap, whatever the others are; null removes it. */
async function writeKey(
  { kubectl }: Pick<Cluster, "kubectl">,
  opts: { key: string; text: string | null; signal: AbortSignal | undefined },
): Promise<void> {
  const { key, text, signal } = opts;
  const what = "hand rules to Prometheus";
  const named = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: CONFIG_MAP, namespace: NAMESPACE } };
  // Without data: what keys there are stay, since they are another manager's.
  await kubectl.apply([named], { serverSide: true, what, signal });
  await kubectl.run(
    [
      "patch",
      "configmap",
      CONFIG_MAP,
      "-n",
      NAMESPACE,
      "--type=merge",
      "-p",
      JSON.stringify({ data: { [key]: text } }),
    ],
    { what, signal },
  );
  // The kubelet looks at a ConfigMap's files once a minute, and at once when anything of the pod changes.
  await kubectl.run(
    [
      "annotate",
      "pods",
      "-n",
      NAMESPACE,
      "-l",
      "app.kubernetes.io/name=prometheus",
      "--overwrite",
      `holdfast/rules-changed=${Date.now()}`,
    ],
    { what, signal },
  );
}
