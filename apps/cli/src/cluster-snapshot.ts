import { readAlerts, readOverview, type Cluster } from "@holdfast/cluster";
import { APP_NAMESPACE } from "./app-releases.ts";
import { messageOf } from "./cli-error.ts";
import { clusterUrls } from "./cluster-urls.ts";
import type { AlertsView, ClusterSnapshot } from "./cluster-words.ts";

/** Prometheus answers in milliseconds; where it does not, the rest is worth showing. */
const ALERTS_WITHIN_MS = 5_000;

/** What `up`, `status` and `load` show of a cluster. */
export async function clusterSnapshot(cluster: Cluster): Promise<ClusterSnapshot> {
  const { name, context, kubeconfig } = cluster;
  const [overview, alerts] = await Promise.all([
    readOverview(cluster, { namespaces: [APP_NAMESPACE] }),
    alertsOf(cluster),
  ]);
  return {
    name,
    context,
    kubeconfig,
    urls: clusterUrls(cluster, { jaeger: overview.platform.some((part) => part.name === "jaeger") }),
    ...overview,
    alerts,
  };
}

async function alertsOf(cluster: Cluster): Promise<AlertsView> {
  try {
    return { active: await readAlerts(cluster, { signal: AbortSignal.timeout(ALERTS_WITHIN_MS) }) };
  } catch (error) {
    return { active: [], trouble: messageOf(error) };
  }
}
