/**
 * What scalers want, out of a watch on their HPAs: objects in, the lab's events out. KEDA works through an HPA of its own,
 * so both modes show alike. Pure.
 */
import { type Condition, type HorizontalPodAutoscaler } from "@holdfast/cluster";
import type { System } from "../system.ts";
import type { ServiceName, TargetEvent } from "../target.ts";

interface ScalerEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: HorizontalPodAutoscaler;
}

export interface ScalerWatch {
  /** An event of the watch, seen at that time. */
  note(event: ScalerEvent, atMs: number): readonly TargetEvent[];
  /** How many replicas the service is to have; undefined where no scaler has said so yet. */
  desired(service: ServiceName): number | undefined;
  /** As the cluster has it, once there is one. */
  scaler(service: ServiceName): HorizontalPodAutoscaler | undefined;
  /** It has read its metric. */
  works(service: ServiceName): boolean;
  /** Why the scaler does not work, in its own words. */
  trouble(service: ServiceName): string | undefined;
}

export function createScalerWatch(): ScalerWatch {
  const known = new Map<ServiceName, HorizontalPodAutoscaler>();

  return {
    note({ type, object }, atMs) {
      const service = serviceOf(object);
      if (service === undefined) return [];
      const before = known.get(service);
      if (type === "DELETED") {
        known.delete(service);
        return [];
      }
      known.set(service, object);
      const events: TargetEvent[] = [];
      const tell = (what: string, detail: Readonly<Record<string, unknown>>) =>
        events.push({ atMs, type: what, service, detail });
      const [from, to] = [desiredBy(before), desiredBy(object)];
      if (to !== undefined && from !== to) tell("scaler.desired", { ...(from === undefined ? {} : { from }), to });
      const [was, is] = [troubleOf(before), troubleOf(object)];
      if (is !== undefined && was === undefined) tell("scaler.failing", { because: is });
      if (is === undefined && was !== undefined) tell("scaler.working", {});
      return events;
    },
    desired: (service) => desiredBy(known.get(service)),
    scaler: (service) => known.get(service),
    works: (service) =>
      known
        .get(service)
        ?.status?.conditions?.some(({ type, status }) => type === "ScalingActive" && status === "True") ?? false,
    trouble: (service) => troubleOf(known.get(service)),
  };
}

/** Where a scaler in the cluster says something else than the system that bounds are computed from, as sentences. */
export function scalerDeviations(system: System, { spec }: Pick<HorizontalPodAutoscaler, "spec">): string[] {
  const own = system.catalogue.autoscaling;
  const requests = spec.metrics?.map(({ pods, external }) => (pods ?? external)?.target?.averageValue);
  const { scaleDown } = spec.behavior ?? {};
  const [policy] = scaleDown?.policies ?? [];
  const found: Readonly<Record<string, readonly [unknown, unknown]>> = {
    minReplicas: [spec.minReplicas, own.minReplicas],
    maxReplicas: [spec.maxReplicas, own.maxReplicas],
    // One metric and no other: each may ask for more replicas.
    requestsPerSecondTarget: [
      requests?.map((value) => value ?? "another metric").join(", "),
      String(own.requestsPerSecondTarget),
    ],
    scaleDownWindowSeconds: [scaleDown?.stabilizationWindowSeconds, own.scaleDownWindowSeconds],
    scaleDownPodsPeriodSeconds: [
      scaleDown?.policies?.length === 1 && policy?.type === "Pods" && policy.value === 1
        ? policy.periodSeconds
        : undefined,
      own.scaleDownPodsPeriodSeconds,
    ],
  };
  return Object.entries(found).flatMap(([name, [there, wanted]]) =>
    there === wanted
      ? []
      : [
          `catalogue.autoscaling.${name} is ${there === undefined ? "not said" : String(there)} there, and ${String(wanted)} in the experiment`,
        ],
  );
}

/** 0 is what a scaler says that has not looked yet. */
function desiredBy(hpa: HorizontalPodAutoscaler | undefined): number | undefined {
  const desired = hpa?.status?.desiredReplicas ?? 0;
  return desired > 0 ? desired : undefined;
}

function troubleOf(hpa: HorizontalPodAutoscaler | undefined): string | undefined {
  const failing = hpa?.status?.conditions?.find(isFailing);
  return failing && (failing.message ?? failing.reason ?? failing.type);
}

/** ScalingLimited, which is True at a limit, is no trouble. */
function isFailing({ type, status }: Condition): boolean {
  return (type === "ScalingActive" || type === "AbleToScale") && status === "False";
}

function serviceOf({ spec }: HorizontalPodAutoscaler): ServiceName | undefined {
  const { name } = spec.scaleTargetRef;
  return name === "catalogue" || name === "stock" ? name : undefined;
}
