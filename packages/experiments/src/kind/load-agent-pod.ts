/**
 * The load agent as a bare pod on the control-plane node, which no experiment faults: it comes through the same
 * kube-proxy as any client in the cluster, and depends neither on DNS nor on a port-forward. It speaks over
 * `kubectl attach`, as it does over pipes on this machine, and ends with its input.
 */
import { controlPlaneLabel, type Kubectl } from "@holdfast/cluster";

const NAME = "load-agent";
const START_TIMEOUT_SECONDS = 60;

export function loadAgentPod({ image }: { image: string }) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: NAME,
      labels: { "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "holdfast" },
      // Its output is the ledger, a line a request and more: no log, and twice the work of those that are.
      annotations: { "holdfast/log-shipping": "none" },
    },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // It stops at SIGTERM and answers to nobody then.
      terminationGracePeriodSeconds: 5,
      nodeSelector: { [controlPlaneLabel]: "" },
      tolerations: [{ key: controlPlaneLabel, operator: "Exists", effect: "NoSchedule" }],
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "agent",
          image,
          stdin: true,
          // The agent's input ends when whoever is attached is gone, so no agent outlives its run.
          stdinOnce: true,
          // Its share when processors are short: an agent that is late measures itself.
          resources: { requests: { cpu: "500m", memory: "64Mi" }, limits: { memory: "256Mi" } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
        },
      ],
    },
  };
}

/** Resolves when it waits for its plan. */
export async function startLoadAgent(
  kubectl: Kubectl,
  { image, namespace, signal }: { image: string; namespace: string; signal: AbortSignal },
): Promise<void> {
  // Not applied: of two runs that begin together, one gets it.
  await kubectl.run(["create", "-n", namespace, "-f", "-"], {
    input: JSON.stringify(loadAgentPod({ image })),
    what: "start the load agent",
    signal,
  });
  await kubectl.run(
    ["wait", "-n", namespace, `pod/${NAME}`, "--for=condition=Ready", `--timeout=${START_TIMEOUT_SECONDS}s`],
    { what: "start the load agent", signal },
  );
}

/** The program that is the load agent to whoever spawns it. */
export function loadAgentCommand(kubectl: Kubectl, { namespace }: { namespace: string }): string[] {
  return kubectl.command(["attach", "-n", namespace, NAME, "-c", "agent", "-i", "-q"]);
}
