/**
 * Whether Kubernetes would take an object, offline: the API's own schemas, packed into validators by kubernetes-models,
 * and the schema that KEDA ships for its kind (crds/). Strict: a field that the schema does not know is an error, as it
 * is for `kubectl apply --validate=strict`; the API server itself would drop it in silence.
 */
// A file a kind: their groups are hundreds of modules, which cost seconds to load.
import { readFileSync } from "node:fs";

import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Pod } from "kubernetes-models/v1/Pod";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";

import type { KubernetesObject } from "./render.ts";

interface Model {
  validate(): void;
}

/** By apiVersion/kind. */
const models: Record<string, new (data: never) => Model> = {
  "apps/v1/Deployment": Deployment,
  "autoscaling/v2/HorizontalPodAutoscaler": HorizontalPodAutoscaler,
  "monitoring.coreos.com/v1/PodMonitor": PodMonitor,
  "monitoring.coreos.com/v1/PrometheusRule": PrometheusRule,
  "policy/v1/PodDisruptionBudget": PodDisruptionBudget,
  "v1/ConfigMap": ConfigMap,
  "v1/Pod": Pod,
  "v1/Service": Service,
  "v1/ServiceAccount": ServiceAccount,
};

const scaledObjectSchema = JSON.parse(
  readFileSync(`${import.meta.dirname}/crds/scaledobject-2.20.2.json`, "utf8"),
) as object;

/** What is wrong with the object, as `path: complaint`; empty when nothing is. A kind that is not known here is wrong. */
export function validateObject(object: KubernetesObject): string[] {
  const type = `${object.apiVersion}/${object.kind}`;
  if (type === "keda.sh/v1alpha1/ScaledObject") return validateScaledObject(object);
  const model = models[type];
  return model === undefined
    ? [`/: there is no schema for ${type}; add it to test/validate.ts`]
    : validateByModel(object, model);
}

function validateByModel(object: KubernetesObject, model: new (data: never) => Model): string[] {
  const unread = new Set<string>();
  const instance = new model(object as never);
  const watched = watchReads(instance, "", unread);
  // The validator is a method of the prototype: called on the watched object, it reads through it.
  try {
    watched.validate();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return [...unread].toSorted().map((path) => `${path}: unknown field`);
}

/**
 * The compiled validators say nothing of unknown fields, but they read every field that they know. So what was never
 * read is unknown.
 */
function watchReads<Value extends object>(value: Value, path: string, unread: Set<string>): Value {
  const children = new Map<PropertyKey, unknown>();
  for (const key of Object.keys(value)) unread.add(`${path}/${key}`);
  return new Proxy(value, {
    get(target, key, receiver) {
      unread.delete(`${path}/${String(key)}`);
      if (!Object.hasOwn(target, key)) return Reflect.get(target, key, receiver) as unknown;
      if (!children.has(key)) {
        const child: unknown = Reflect.get(target, key, receiver);
        const isObject = typeof child === "object" && child !== null;
        children.set(key, isObject ? watchReads(child, `${path}/${String(key)}`, unread) : child);
      }
      return children.get(key);
    },
  });
}

const ajv = addFormats.default(new Ajv({ allErrors: true, strict: false }));
const scaledObjectIsValid = ajv.compile(closed(scaledObjectSchema));

function validateScaledObject(object: KubernetesObject): string[] {
  if (scaledObjectIsValid(object)) return [];
  return (scaledObjectIsValid.errors ?? []).map(({ instancePath, keyword, message, params }) =>
    keyword === "additionalProperties"
      ? `${instancePath}/${String(params["additionalProperty"])}: unknown field`
      : `${instancePath}: ${message}`,
  );
}

/** The schema with every object closed that names its fields, which is what the API server prunes by. */
function closed(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    const isOpen =
      typeof value === "object" &&
      value !== null &&
      "properties" in value &&
      "type" in value &&
      !("additionalProperties" in value) &&
      !("x-kubernetes-preserve-unknown-fields" in value);
    return isOpen ? { ...value, additionalProperties: false } : value;
  }) as object;
}
