import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseManifests } from "./platform-manifests.ts";
import type { ContainerTemplate, Manifest, PodTemplate } from "./platform-manifests.ts";
import { refuseUnrestricted } from "./restricted.ts";

const platform = new URL("../../../k8s/platform/", import.meta.url);

async function read(file: string): Promise<Manifest[]> {
  return parseManifests(await readFile(new URL(file, platform), "utf8"), file);
}

type Spec = PodTemplate["spec"];

/** A Deployment that may run, with one thing changed. */
function changed(change: (spec: Spec, container: ContainerTemplate) => void): Manifest[] {
  const spec: Spec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      { name: "c", image: "i", securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } } },
    ],
  };
  const [container] = spec.containers;
  if (container !== undefined) change(spec, container);
  const metadata = { name: "d", namespace: "monitoring" };
  return [{ apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { template: { spec } } }];
}

test("what runs restricted is taken", () => {
  expect(() => refuseUnrestricted(changed(() => undefined))).not.toThrow();
});

const faults: Record<string, (spec: Spec, container: ContainerTemplate) => void> = {
  "it shares the node's network": (spec) => (spec.hostNetwork = true),
  "its volume logs is a directory of the node": (spec) => (spec.volumes = [{ name: "logs", hostPath: {} }]),
  "container c may run as root": (spec) => (spec.securityContext = { seccompProfile: { type: "RuntimeDefault" } }),
  "container c has no seccomp profile": (spec) => (spec.securityContext = { runAsNonRoot: true }),
  "container c is privileged": (_, { securityContext = {} }) => (securityContext.privileged = true),
  "container c may escalate": (_, { securityContext = {} }) => (securityContext.allowPrivilegeEscalation = true),
  "container c keeps capabilities": (_, { securityContext = {} }) => (securityContext.capabilities = {}),
  "container c adds capabilities": (_, { securityContext = {} }) =>
    (securityContext.capabilities = { drop: ["ALL"], add: ["SYS_ADMIN"] }),
  "container c takes a port of the node": (_, container) => (container.ports = [{ containerPort: 1, hostPort: 1 }]),
  "container first may run as root": (spec) =>
    (spec.initContainers = [{ name: "first", image: "i", securityContext: { runAsNonRoot: false } }]),
};

test.each(Object.entries(faults))("what is not is refused: %s", (fault, change) => {
  expect(() => refuseUnrestricted(changed(change))).toThrow(fault);
});

test("the log agent may mount the node's directories where it is, and nowhere else", async () => {
  const agent = await read("log-agent/daemonset.yaml");
  expect(() => refuseUnrestricted(agent)).not.toThrow();
  for (const { metadata } of agent) metadata.namespace = "monitoring";
  expect(() => refuseUnrestricted(agent)).toThrow("DaemonSet monitoring/log-agent is not restricted");
});
