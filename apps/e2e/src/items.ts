/** Everything that can be proved on the cluster, and which of it one call means. Pure. */
import { EXIT } from "@holdfast/experiments/exit-codes";
import { E2eError } from "./e2e-error.ts";

/** A plain check: one file in checks/ of the same name. */
export interface CheckItem {
  readonly kind: "check";
  readonly id: string;
  readonly title: string;
  readonly claims: string;
  /** What is different in the control, which the same judgement must call wrong; some have none. */
  readonly control?: string;
  /** What it takes away for a while, so that no check runs beside it that may need it. None of those that take the platform away does. */
  readonly takes?: "a node" | "platform";
}

/** An experiment of the lab, with what it says of itself. */
interface ExperimentItem {
  readonly kind: "experiment";
  readonly id: string;
  readonly title: string;
  readonly claims: string;
  /** The controls that it has on the cluster. */
  readonly controls: readonly string[];
}

export type Item = CheckItem | ExperimentItem;

/** What is to be done with it in this call. */
export type Chosen = CheckItem | (ExperimentItem & { readonly withControls: boolean });

export const CHECKS: readonly CheckItem[] = [
  {
    kind: "check",
    id: "zones",
    title: "One replica in every zone",
    claims:
      "three replicas stand in three zones and never two of them on one node, after the installation and after a rollout",
    control: "no spread, and an affinity for one node",
  },
  {
    kind: "check",
    id: "upgrade-keeps-n",
    title: "An upgrade keeps the scaler's N",
    claims:
      "`helm upgrade` (server-side apply) while a scaler holds N replicas keeps N at every moment, for KEDA and for an HPA on CPU",
    control: "the chart owns the count (autoscaling.mode none) and somebody else scales",
  },
  {
    kind: "check",
    id: "scaler-handover",
    title: "A scaler takes over N",
    claims:
      "an upgrade from `replicas` to an HPA is refused on a live release; after the command that the refusal names it is taken and keeps N at every moment",
    control: "the same upgrade without that command",
  },
  {
    kind: "check",
    id: "admin-port",
    title: "The admin port is not for clients",
    claims: "through the client Service only the API answers; probes and metrics answer on the pod's own address",
    control: "a Service that names the admin port too",
  },
  {
    kind: "check",
    id: "pod-security",
    title: "Everything of ours is restricted",
    claims:
      "every pod of ours (service, `helm test`, Prometheus, VictoriaLogs, trace gateway, KEDA) is admitted by a namespace that enforces pod security `restricted`; the log agent alone is not, and takes no more than root's eyes on the node's log files",
    control: "a privileged pod",
  },
  {
    kind: "check",
    id: "traces-join",
    title: "A trace joins",
    claims:
      "spans of a request arrive with catalogue and stock in one trace, child of the client's `traceparent`; a log line's trace id finds its span, and the other way round",
    control: "a stock that is told no OTLP endpoint",
  },
  {
    kind: "check",
    id: "failed-unsampled-span",
    title: "A failure leaves its span",
    claims:
      "a failed request that was not to be sampled has its local span in the store, and a log line that leads to it",
    control: "a request that was not to be sampled and does not fail",
  },
  {
    kind: "check",
    id: "collector-away",
    title: "Without the trace gateway it serves on",
    claims:
      "with the trace gateway away the service serves at full speed, each replica says once what is wrong, and spans arrive again by themselves",
    control: "the judgement that spans arrive again, while the gateway is still away",
    takes: "platform",
  },
  {
    kind: "check",
    id: "logs-away",
    title: "Without VictoriaLogs it serves on",
    claims:
      "with VictoriaLogs away the service serves at full speed and says nothing, the node's agent says what is wrong, and every line that was written meanwhile arrives",
    control: "the judgement that they have arrived, while VictoriaLogs is still away",
    takes: "platform",
  },
  {
    kind: "check",
    id: "prometheus-away",
    title: "Without Prometheus it serves on",
    claims:
      "with Prometheus away the service serves at full speed and keeps its replicas, `status` says what keeps the scaler from working, and scrapes and scaler recover by themselves",
    control: "the judgement that they have recovered, while Prometheus is still away",
    takes: "platform",
  },
  {
    kind: "check",
    id: "scrape",
    title: "Prometheus sees every replica",
    claims:
      "every pod of ours is scraped, and in a rollout each replica at least once in its life and never more than two intervals apart while it is ready",
    control: "metrics.podAnnotations false",
  },
  {
    kind: "check",
    id: "otlp-endpoint-wrong",
    title: "A wrong OTLP endpoint costs nothing",
    claims:
      "a service whose OTLP endpoint does not exist serves at full speed, says once where its spans do not arrive, and loses no log line",
    control: "the right endpoint: the sentence is missing",
  },
  {
    kind: "check",
    id: "hostile-lines",
    title: "A bad line costs no other",
    claims:
      "a log line of 1 MB, invalid UTF-8, newlines in user input and a line that VictoriaLogs refuses cost no other line, and what is refused is said",
    control: "a pod whose lines the agent is told to leave",
  },
  {
    kind: "check",
    id: "scaler-blind",
    title: "A scaler without a number says so",
    claims:
      "where the scaler's query returns nothing the replicas stay, the service serves, and `status` names the query",
    control: "pods that are scraped",
  },
  {
    kind: "check",
    id: "hpa-cpu",
    title: "An HPA on CPU reads a number",
    claims: "the HorizontalPodAutoscaler that the chart renders reads the CPU of the pods",
    control: "an HPA on pods without a CPU request",
  },
  {
    kind: "check",
    id: "affinity",
    title: "Affinities place pods",
    claims:
      "node affinity puts the pod into the zone that it names, and affinity to the upstream puts it into the upstream's zone",
    control: "each inverted: the pod is elsewhere, or Pending",
  },
  {
    kind: "check",
    id: "pdb",
    title: "A drain goes on",
    claims: "the chart's PodDisruptionBudget lets `kubectl drain` go on with 1, 2 and 3 replicas",
    control: "a budget with minAvailable = replicas",
    takes: "a node",
  },
  {
    kind: "check",
    id: "helm-test",
    title: "`helm test` tells",
    claims: "`helm test` passes on a release that serves, in a namespace that enforces `restricted`",
    control: "the same release without a replica",
  },
  {
    kind: "check",
    id: "uninstall",
    title: "`helm uninstall` leaves nothing",
    claims: "after `helm uninstall` the namespace holds what it held before, of every kind that the cluster knows",
    control: "an object that the release does not own",
  },
];

/** What must hold before anything lands. */
const CORE: ReadonlySet<string> = new Set(["zones", "upgrade-keeps-n", "E1", "E3", "E8", "E15a", "E15c"]);
/** The experiments whose controls are part of the core; the other controls are for --all. */
const CORE_CONTROLS: ReadonlySet<string> = new Set(["E1", "E8"]);

export interface Selection {
  readonly all?: boolean | undefined;
  /** Ids, upper or lower case. */
  readonly only?: readonly string[] | undefined;
}

/** The items of one call, in the order of the list: plain checks first, as they are quick. @throws E2eError (usage) for an unknown id */
export function choose(items: readonly Item[], { all = false, only }: Selection): readonly Chosen[] {
  const names = only?.map((id) => id.trim().toLowerCase()).filter((id) => id !== "");
  if (names && names.length === 0) throw unknown("", items);
  for (const name of names ?? []) {
    if (!items.some(({ id }) => id.toLowerCase() === name)) throw unknown(name, items);
  }
  const withControls = (id: string) => names !== undefined || all || CORE_CONTROLS.has(id);
  return items
    .filter(({ id }) => (names ? names.includes(id.toLowerCase()) : all || CORE.has(id)))
    .map((item) => (item.kind === "check" ? item : chosenExperiment(item, withControls(item.id))));
}

function chosenExperiment(item: ExperimentItem, withControls: boolean): Chosen {
  return { ...item, withControls };
}

function unknown(name: string, items: readonly Item[]): E2eError {
  const ids = items.map(({ id }) => id).join(", ");
  return new E2eError(
    name === ""
      ? `--only needs an id; there are ${ids}.`
      : `There is nothing called "${name}" to prove; there are ${ids}.`,
    { exitCode: EXIT.usage },
  );
}

export function isCore(id: string): boolean {
  return CORE.has(id);
}
