import { ClusterError } from "./errors.ts";
import { allContainers, podTemplate, PRIVILEGED_NAMESPACE } from "./platform-manifests.ts";
import type { ContainerTemplate, Manifest, PodTemplate } from "./platform-manifests.ts";

/**
 * Refuses what would not run under the Pod Security Standard `restricted`, as far as a manifest says it itself; only the namespace `telemetry` may hold
 * such. A namespace that enforces the standard would refuse the pods and leave their workload waiting, and kube-system enforces nothing.
 *
 * @throws ClusterError BAD_OPTIONS with all that is wrong
 */
export function refuseUnrestricted(objects: readonly Manifest[]): void {
  for (const object of objects) {
    const template = podTemplate(object);
    if (template === undefined || object.metadata.namespace === PRIVILEGED_NAMESPACE) continue;
    const wrong = [
      ...podFaults(template),
      ...allContainers(template).flatMap((container) => containerFaults(container, template)),
    ];
    if (wrong.length === 0) continue;
    const { namespace = "default", name } = object.metadata;
    throw new ClusterError(
      "BAD_OPTIONS",
      `${object.kind} ${namespace}/${name} is not restricted: ${wrong.join(", ")}. Of the platform, only the namespace ${PRIVILEGED_NAMESPACE} may hold such.`,
    );
  }
}

function podFaults({ spec }: PodTemplate): string[] {
  const { hostNetwork, hostPID, hostIPC, volumes = [] } = spec;
  return [
    ...(hostNetwork || hostPID || hostIPC ? ["it shares the node's network or processes"] : []),
    ...volumes
      .filter(({ hostPath }) => hostPath !== undefined)
      .map(({ name }) => `its volume ${name} is a directory of the node`),
  ];
}

function containerFaults(
  { name, ports = [], securityContext = {} }: ContainerTemplate,
  { spec }: PodTemplate,
): string[] {
  const ofPod = spec.securityContext;
  const { capabilities, seccompProfile = ofPod?.seccompProfile } = securityContext;
  const faults: [boolean | undefined, string][] = [
    [securityContext.privileged, "is privileged"],
    [securityContext.allowPrivilegeEscalation !== false, "may escalate its privileges"],
    [(securityContext.runAsNonRoot ?? ofPod?.runAsNonRoot) !== true, "may run as root"],
    [capabilities?.drop?.includes("ALL") !== true, "keeps capabilities"],
    [capabilities?.add?.some((added) => added !== "NET_BIND_SERVICE"), "adds capabilities"],
    [!["RuntimeDefault", "Localhost"].includes(seccompProfile?.type ?? ""), "has no seccomp profile"],
    [ports.some(({ hostPort }) => hostPort !== undefined), "takes a port of the node"],
  ];
  return faults.filter(([is]) => is === true).map(([, fault]) => `container ${name} ${fault}`);
}
