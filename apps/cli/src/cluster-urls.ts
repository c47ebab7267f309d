/** Where a cluster is reached from this machine. */
import type { Cluster } from "@holdfast/cluster";

export interface ClusterUrls {
  catalogue: string;
  prometheus: string;
  /** The web page of VictoriaLogs; absent on a cluster that publishes none. */
  logs?: string;
  /** Jaeger's; absent where Jaeger is not installed. */
  traces?: string;
  registry: string;
}

/** Its port is published in any case; whether Jaeger stands behind it, the caller knows. */
export function clusterUrls(
  { ports, registry }: Pick<Cluster, "ports" | "registry">,
  { jaeger }: { jaeger: boolean },
): ClusterUrls {
  return {
    catalogue: `http://localhost:${ports.app}`,
    prometheus: `http://localhost:${ports.prometheus}`,
    ...(ports.logs ? { logs: `http://localhost:${ports.logs}/select/vmui` } : {}),
    ...(jaeger && ports.traces ? { traces: `http://localhost:${ports.traces}` } : {}),
    registry,
  };
}
