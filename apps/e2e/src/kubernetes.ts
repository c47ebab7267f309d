/** What the checks read of Kubernetes' objects. */

export interface Meta {
  name: string;
  namespace: string;
  uid: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface Pod {
  metadata: Meta;
  spec: { nodeName?: string; [more: string]: unknown };
  status: { phase: string; podIP?: string; conditions?: Condition[] };
}

export interface Node {
  metadata: Meta;
  spec: { unschedulable?: boolean; taints?: { key: string; effect: string }[] };
}

export interface Deployment {
  metadata: Meta;
  spec: { replicas: number };
  status: { readyReplicas?: number };
}

export interface Hpa {
  metadata: Meta;
  spec: { minReplicas?: number; maxReplicas: number };
  status?: {
    currentReplicas?: number;
    desiredReplicas?: number;
    currentMetrics?: {
      type: string;
      resource?: { name: string; current: { averageUtilization?: number } };
    }[];
    conditions?: Condition[];
  };
}

export interface Service {
  metadata: Meta;
  spec: { clusterIP: string; ports: { name?: string; port: number; targetPort: number | string }[] };
}

export interface List<T> {
  items: T[];
}

export const ZONE_LABEL = "topology.kubernetes.io/zone";

export function conditionOf(object: { status?: { conditions?: Condition[] } }, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod, "Ready")?.status === "True" && pod.metadata.deletionTimestamp === undefined;
}
