/** Short ways into the one Deployment of a render. */
import type { IContainer, IPodSpec } from "kubernetes-models/v1";

import { onlyOfKind, type KubernetesObject } from "./render.ts";

export function podOf(objects: readonly KubernetesObject[]): IPodSpec {
  const pod = onlyOfKind(objects, "Deployment").spec?.template.spec;
  if (pod === undefined) throw new Error("The Deployment has no pod.");
  return pod;
}

export function serviceContainerOf(objects: readonly KubernetesObject[]): IContainer {
  const container = podOf(objects).containers.find(({ name }) => name === "service");
  if (container === undefined) throw new Error("No container of the Deployment is named service.");
  return container;
}

/** What the service is told: name of a variable -> its text. */
export function environmentOf(objects: readonly KubernetesObject[]): Record<string, string> {
  const plain = (serviceContainerOf(objects).env ?? []).filter(({ value }) => value !== undefined);
  return Object.fromEntries(plain.map(({ name, value }) => [name, value ?? ""]));
}
