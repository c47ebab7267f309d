/** What the checks read of Kubernetes' objects. */
import { isTrue, type Condition } from "@holdfast/cluster";

export interface Meta {
  name: string;
  namespace: string;
  uid: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
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

export function isReady(pod: Pod): boolean {
  return isTrue(pod, "Ready") && pod.metadata.deletionTimestamp === undefined;
}
