export { ClusterError } from "./errors.ts";
export type { ClusterErrorCode } from "./errors.ts";
export { run } from "./run.ts";
export type { RunOptions, RunResult } from "./run.ts";
export { findDocker } from "./tools.ts";
export type { Tools } from "./tools.ts";
export { openCluster } from "./open.ts";
export type { Cluster, OpenOptions } from "./open.ts";
export { createCluster } from "./create.ts";
export type { CreateOptions } from "./create.ts";
export { deleteCluster, listClusters } from "./delete.ts";
export type { ClusterSummary, DeleteOptions } from "./delete.ts";
export { isMirrored, readBundle, verifyBundle, verifyFile } from "./bundle.ts";
export type { Bundle } from "./bundle.ts";
export { stateOf } from "./names.ts";
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
export { readNodes, untilNode } from "./nodes.ts";
export type { NodeView } from "./nodes.ts";
export { readPods } from "./pods.ts";
export type { PodView } from "./pods.ts";
export type { ScalerView } from "./scalers.ts";
export { readOverview } from "./overview.ts";
export type { Overview, PlatformPartView } from "./overview.ts";
export { ensureNamespace, installRelease, uninstallRelease, upgradeRelease } from "./releases.ts";
export type { InstallOptions, NamespaceOptions } from "./releases.ts";
export { isRolledOut, untilRolledOut } from "./rollout.ts";
export type { RolloutOptions } from "./rollout.ts";
export { diagnose, describePod } from "./diagnosis.ts";
export { condition, isTrue } from "./kubernetes-types.ts";
export type {
  Condition,
  ContainerState,
  ContainerStatus,
  Deployment,
  HorizontalPodAutoscaler,
  KubernetesEvent,
  List,
  Node,
  ObjectMeta,
  Pod,
  ScaledObject,
  Service,
} from "./kubernetes-types.ts";
