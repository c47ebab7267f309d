/** The part of the Kubernetes API that Holdfast reads: only fields that are used, optional where the API may leave them out. Times are RFC 3339. */

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  creationTimestamp: string;
  /** Set while it ends; for a pod, the moment at which its grace is over. */
  deletionTimestamp?: string;
  generation?: number;
  resourceVersion?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
}

export interface List<T> {
  items: T[];
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt: string };
  terminated?: {
    exitCode: number;
    signal?: number;
    reason?: string;
    message?: string;
    startedAt?: string;
    finishedAt?: string;
  };
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  image: string;
  imageID: string;
  /** `containerd://<id>`; absent before the first start. */
  containerID?: string;
  state?: ContainerState;
  lastState?: ContainerState;
}

interface Probe {
  initialDelaySeconds?: number;
  periodSeconds?: number;
  failureThreshold?: number;
  timeoutSeconds?: number;
}

export interface Container {
  name: string;
  image: string;
  lifecycle?: { preStop?: { sleep?: { seconds: number } } };
  startupProbe?: Probe;
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  ports?: { name?: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}

export interface PodSpec {
  nodeName?: string;
  terminationGracePeriodSeconds?: number;
  tolerations?: { key?: string; operator?: string; effect?: string; tolerationSeconds?: number }[];
  containers: Container[];
  initContainers?: Container[];
}

export interface Pod {
  metadata: ObjectMeta;
  spec: PodSpec;
  status?: {
    phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
    /** Why the whole pod was ended: `Evicted`, `NodeLost` ... */
    reason?: string;
    message?: string;
    podIP?: string;
    hostIP?: string;
    startTime?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface Node {
  metadata: ObjectMeta;
  spec: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: {
    conditions?: Condition[];
    addresses?: { type: string; address: string }[];
    allocatable?: Record<string, string>;
    nodeInfo?: { kubeletVersion?: string; osImage?: string; containerRuntimeVersion?: string };
  };
}

export interface Deployment {
  metadata: ObjectMeta;
  spec: {
    replicas?: number;
    selector: { matchLabels?: Record<string, string> };
    strategy?: { rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string } };
    template: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec: PodSpec };
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    unavailableReplicas?: number;
    conditions?: Condition[];
  };
}

export interface StatefulSet {
  metadata: ObjectMeta;
  spec: Deployment["spec"] & { serviceName?: string };
  status?: Omit<NonNullable<Deployment["status"]>, "unavailableReplicas">;
}

export interface DaemonSet {
  metadata: ObjectMeta;
  spec: Pick<Deployment["spec"], "selector" | "template">;
  status?: {
    observedGeneration?: number;
    desiredNumberScheduled: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
    numberReady?: number;
    conditions?: Condition[];
  };
}

/** Of core/v1. */
export interface KubernetesEvent {
  metadata: ObjectMeta;
  involvedObject: { kind: string; name: string; namespace?: string; uid?: string };
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
}

export interface Service {
  metadata: ObjectMeta;
  spec: {
    type?: string;
    clusterIP?: string;
    selector?: Record<string, string>;
    ports: { name?: string; port: number; targetPort?: number | string; nodePort?: number }[];
  };
}

interface MetricValue {
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

/** As a metric is asked for (`target`) and as it was last read (`current`). */
export interface HpaMetric {
  type: "Resource" | "ContainerResource" | "Pods" | "Object" | "External";
  resource?: { name: string; target?: MetricValue; current?: MetricValue };
  containerResource?: { name: string; container: string; target?: MetricValue; current?: MetricValue };
  pods?: { metric: { name: string }; target?: MetricValue; current?: MetricValue };
  object?: { metric: { name: string }; target?: MetricValue; current?: MetricValue };
  external?: { metric: { name: string }; target?: MetricValue; current?: MetricValue };
}

/** Of autoscaling/v2. */
export interface HorizontalPodAutoscaler {
  metadata: ObjectMeta;
  spec: {
    minReplicas?: number;
    maxReplicas: number;
    scaleTargetRef: { kind: string; name: string };
    metrics?: HpaMetric[];
    behavior?: {
      scaleDown?: {
        stabilizationWindowSeconds?: number;
        policies?: { type: string; value: number; periodSeconds: number }[];
      };
    };
  };
  status?: {
    currentReplicas?: number;
    desiredReplicas?: number;
    currentMetrics?: (HpaMetric | null)[] | null;
    conditions?: Condition[] | null;
  };
}

/** Of keda.sh/v1alpha1. */
export interface ScaledObject {
  metadata: ObjectMeta;
  spec: {
    minReplicaCount?: number;
    maxReplicaCount?: number;
    scaleTargetRef: { kind?: string; name: string };
    triggers?: { type: string; metadata?: Record<string, string> }[];
    fallback?: { failureThreshold?: number; replicas?: number; behavior?: string };
  };
  status?: {
    conditions?: Condition[];
    hpaName?: string;
    /** By the metric's name, `s<place of its trigger>-<kind of metric>`. */
    health?: Record<string, { numberOfFailures?: number; status?: string }> | null;
  };
}

export interface ApiService {
  metadata: ObjectMeta;
  status?: { conditions?: Condition[] };
}

export function condition(
  object: { status?: { conditions?: Condition[] | null } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

export function isTrue(object: { status?: { conditions?: Condition[] | null } }, type: string): boolean {
  return condition(object, type)?.status === "True";
}

/** Ready, and not about to end. */
export function isReady(pod: Pod): boolean {
  return isTrue(pod, "Ready") && pod.metadata.deletionTimestamp === undefined;
}
