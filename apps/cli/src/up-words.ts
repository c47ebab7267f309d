/** What `up` says at its end. Pure. */
import { nameFlag } from "./cluster-name.ts";
import { urlLines, zoneLines, type ClusterSnapshot } from "./cluster-words.ts";
import type { Paint } from "./paint.ts";
import type { UpReport } from "./up.ts";
import { duration } from "./words.ts";

export function upLines(cluster: ClusterSnapshot, opts: { report: UpReport; paint: Paint }): string[] {
  const { report, paint } = opts;
  const flag = nameFlag(cluster.name);
  return [
    "",
    `${paint("good", "Ready")} after ${duration(report.seconds * 1_000)}: ${outcomeSentence(report)}`,
    "",
    ...zoneLines(cluster),
    "",
    `  ${paint("key", `${cluster.urls.catalogue}/api/products`)}  the catalogue`,
    ...urlLines(cluster.urls, paint).map((line) => `  ${line}`),
    "",
    "Next:",
    `  ./holdfast load${flag} --rate 200 --for 60s    load from inside the cluster, with a verdict`,
    `  ./holdfast trace${flag}                        one request, span by span and line by line`,
    `  ./holdfast run E1 --target kind${flag}         roll out under load: nothing may be lost`,
    `  ./holdfast status${flag}                       what runs where, now`,
    `\`./holdfast down${flag}\` removes all of it. For kubectl: export KUBECONFIG=${cluster.kubeconfig}`,
  ];
}

/** Whether anything was done, and what. */
export function outcomeSentence({ releases }: Pick<UpReport, "releases">): string {
  const { catalogue, stock } = releases;
  if (catalogue === "unchanged" && stock === "unchanged") return "everything was as it should be, nothing was changed.";
  return catalogue === stock
    ? `catalogue and stock are ${catalogue}.`
    : `catalogue is ${catalogue}, stock is ${stock}.`;
}
