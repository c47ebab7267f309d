export { ClusterError } from "./errors.ts";
export type { ClusterErrorCode } from "./errors.ts";
export { run } from "./run.ts";
export type { RunOptions, RunResult } from "./run.ts";
export { createDocker } from "./docker.ts";
export { findDocker } from "./tools.ts";
export type { Tools } from "./tools.ts";
export { openCluster } from "./open.ts";
export type { Cluster, OpenOptions } from "./open.ts";
export { createCluster } from "./create.ts";
export type { CreateOptions } from "./create.ts";
export { withClusterLock } from "./cluster-lock.ts";
export { deleteCluster } from "./delete.ts";
export type { DeleteOptions } from "./delete.ts";
export { isMirrored, readBundle, verifyBundle, verifyFile } from "./bundle.ts";
export type { Bundle } from "./bundle.ts";
export { bundleDirOf } from "./mounted-bundle.ts";
export {
  clusterNameRule,
  commandFor,
  controlPlaneLabel,
  defaultClusterName,
  dockerMark,
  isClusterName,
  kindClusterLabel,
  namesOf,
  networkName,
  nodeMark,
  nodePorts,
  releaseLabel,
  stateDirIn,
  stateOf,
  usualPorts,
  zoneLabel,
} from "./names.ts";
export type { ClusterNames, NodePortName, PublishedPortName } from "./names.ts";
export type { Step, UpProgress } from "./progress.ts";
export { createKubectl } from "./kubectl.ts";
export type { ApplyOptions, Kubectl, RawOptions } from "./kubectl.ts";
export type { Watch, WatchEvent, WatchGap, WatchOptions } from "./watch.ts";
export { createHelm } from "./helm.ts";
export type { Helm } from "./helm.ts";
export type { HelmRelease, HelmUpgrade } from "./helm.ts";
export { installPlatform } from "./platform.ts";
export type { PlatformOptions } from "./platform.ts";
export { imageReference, readPlatformLock } from "./platform-lock.ts";
export type { LockedImage, PlatformLock, PlatformPart } from "./platform-lock.ts";
export { installAddon, removeAddon } from "./addon.ts";
export type { AddonOptions } from "./addon.ts";
export { queryLogs } from "./logs.ts";
export type { StoredLine } from "./logs.ts";
export { readTrace } from "./traces.ts";
export type { StoredSpan } from "./traces.ts";
export { queryPrometheus, readAlerts, readTargets } from "./prometheus.ts";
export type { AlertView, Sample, TargetView } from "./prometheus.ts";
export { loadRules, unloadRules } from "./rules.ts";
export type { RulesOptions } from "./rules.ts";
export { killLogAgents, setLogAgentQueue } from "./log-agents.ts";
export { PLATFORM_NAMESPACE, platformWorkloads, startPlatformWorkload, stopPlatformWorkload } from "./platform-away.ts";
export type { PlatformWorkload } from "./platform-away.ts";
export { readNodes, untilNode } from "./nodes.ts";
export type { NodeView } from "./nodes.ts";
export { readPods } from "./pods.ts";
export type { PodView } from "./pods.ts";
export type { ScalerView } from "./scalers.ts";
export { readOverview } from "./overview.ts";
export type { Overview, PlatformPartView } from "./overview.ts";
export {
  ensureNamespace,
  installRelease,
  isReleaseWhole,
  uninstallRelease,
  untilReleaseReady,
  upgradeRelease,
} from "./releases.ts";
export type { InstallOptions, NamespaceOptions, ReadyOptions } from "./releases.ts";
export { untilRolledOut } from "./rollout.ts";
export { isRolledOut } from "./workloads.ts";
export type { Workload, WorkloadKind } from "./workloads.ts";
export type { RolloutOptions } from "./rollout.ts";
export { diagnose, describePod } from "./diagnosis.ts";
export { condition, isReady, isTrue } from "./kubernetes-types.ts";
export type {
  ApiService,
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  DaemonSet,
  Deployment,
  HorizontalPodAutoscaler,
  HpaMetric,
  KubernetesEvent,
  List,
  Node,
  ObjectMeta,
  Pod,
  PodSpec,
  ScaledObject,
  Service,
  StatefulSet,
} from "./kubernetes-types.ts";
