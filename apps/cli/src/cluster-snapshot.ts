import { readOverview, type Cluster } from "@holdfast/cluster";
import { APP_NAMESPACE } from "./app-releases.ts";
import type { ClusterSnapshot } from "./cluster-words.ts";

/** What `up`, `status` and `load` show of a cluster. */
export async function clusterSnapshot(cluster: Cluster): Promise<ClusterSnapshot> {
  const { name, context, kubeconfig, ports, registry } = cluster;
  const overview = await readOverview(cluster, { namespaces: [APP_NAMESPACE] });
  return {
    name,
    context,
    kubeconfig,
    urls: {
      catalogue: `http://localhost:${ports.app}`,
      prometheus: `http://localhost:${ports.prometheus}`,
      registry,
    },
    ...overview,
  };
}
