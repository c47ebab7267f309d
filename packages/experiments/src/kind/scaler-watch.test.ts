import type { HorizontalPodAutoscaler } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { changeSystem, defaultSystemOn } from "../system.ts";
import { createScalerWatch, scalerDeviations } from "./scaler-watch.ts";

const spec: HorizontalPodAutoscaler["spec"] = {
  minReplicas: 3,
  maxReplicas: 7,
  scaleTargetRef: { kind: "Deployment", name: "catalogue" },
  // As KEDA makes it.
  metrics: [{ type: "External", external: { metric: { name: "s0-prometheus" }, target: { averageValue: "30" } } }],
  behavior: {
    scaleDown: { stabilizationWindowSeconds: 15, policies: [{ type: "Pods", value: 1, periodSeconds: 15 }] },
  },
};
const system = changeSystem(defaultSystemOn("kind"), {
  catalogue: { autoscaling: { mode: "keda", requestsPerSecondTarget: 30 } },
});

function hpa(desiredReplicas: number, active: "True" | "False" = "True"): HorizontalPodAutoscaler {
  const because = active === "False" ? { message: "unable to get external metric" } : {};
  return {
    metadata: { name: "keda-hpa-catalogue", uid: "1", creationTimestamp: "" },
    spec,
    status: {
      desiredReplicas,
      conditions: [
        { type: "AbleToScale", status: "True" },
        { type: "ScalingActive", status: active, ...because },
        { type: "ScalingLimited", status: "False" },
      ],
    },
  };
}

test("what a scaler wants is told when it changes, and what it has not decided yet is nothing", () => {
  const watch = createScalerWatch();
  expect(watch.note({ type: "ADDED", object: hpa(0) }, 1)).toEqual([]);
  expect(watch.desired("catalogue")).toBeUndefined();
  expect(watch.note({ type: "MODIFIED", object: hpa(3) }, 2)).toEqual([
    { atMs: 2, type: "scaler.desired", service: "catalogue", detail: { to: 3 } },
  ]);
  expect(watch.note({ type: "MODIFIED", object: hpa(3) }, 3)).toEqual([]);
  expect(watch.note({ type: "MODIFIED", object: hpa(6) }, 4)).toEqual([
    { atMs: 4, type: "scaler.desired", service: "catalogue", detail: { from: 3, to: 6 } },
  ]);
  expect(watch.desired("catalogue")).toBe(6);
  expect(watch.desired("stock")).toBeUndefined();
});

test("a scaler that cannot read its metric says so once, and that it can again", () => {
  const watch = createScalerWatch();
  expect(watch.works("catalogue")).toBe(false);
  watch.note({ type: "ADDED", object: hpa(3) }, 1);
  expect(watch.works("catalogue")).toBe(true);
  const failing = [
    { atMs: 2, type: "scaler.failing", service: "catalogue", detail: { because: "unable to get external metric" } },
  ];
  expect(watch.note({ type: "MODIFIED", object: hpa(3, "False") }, 2)).toEqual(failing);
  expect(watch.note({ type: "MODIFIED", object: hpa(3, "False") }, 3)).toEqual([]);
  expect(watch.trouble("catalogue")).toBe("unable to get external metric");
  expect(watch.works("catalogue")).toBe(false);
  expect(watch.note({ type: "MODIFIED", object: hpa(3) }, 4).map(({ type }) => type)).toEqual(["scaler.working"]);
  expect(watch.trouble("catalogue")).toBeUndefined();
});

test("a scaler that is gone wants nothing, and one of somebody else's Deployment is none of ours", () => {
  const watch = createScalerWatch();
  watch.note({ type: "ADDED", object: hpa(3) }, 1);
  watch.note({ type: "DELETED", object: hpa(3) }, 2);
  expect(watch.scaler("catalogue")).toBeUndefined();
  const foreign = { ...hpa(3), spec: { ...spec, scaleTargetRef: { kind: "Deployment", name: "other" } } };
  expect(watch.note({ type: "ADDED", object: foreign }, 3)).toEqual([]);
});

test("a scaler as the experiment computes with it deviates in nothing, whichever kind of metric it reads", () => {
  expect(scalerDeviations(system, { spec })).toEqual([]);
  const pods = [{ type: "Pods" as const, pods: { metric: { name: "rps" }, target: { averageValue: "30" } } }];
  expect(scalerDeviations(system, { spec: { ...spec, metrics: pods } })).toEqual([]);
});

test("each number that is another is named with both, and so is a second metric or another policy", () => {
  const { behavior: _, ...unsaid } = { ...spec, minReplicas: 1, maxReplicas: 9 };
  expect(scalerDeviations(system, { spec: unsaid })).toEqual([
    "catalogue.autoscaling.minReplicas is 1 there, and 3 in the experiment",
    "catalogue.autoscaling.maxReplicas is 9 there, and 7 in the experiment",
    "catalogue.autoscaling.scaleDownWindowSeconds is not said there, and 15 in the experiment",
    "catalogue.autoscaling.scaleDownPodsPeriodSeconds is not said there, and 15 in the experiment",
  ]);
  const cpu = { type: "Resource" as const, resource: { name: "cpu", target: { averageUtilization: 70 } } };
  expect(scalerDeviations(system, { spec: { ...spec, metrics: [...(spec.metrics ?? []), cpu] } })).toEqual([
    "catalogue.autoscaling.requestsPerSecondTarget is 30, another metric there, and 30 in the experiment",
  ]);
  const policies = [{ type: "Pods", value: 2, periodSeconds: 15 }];
  const scaleDown = { stabilizationWindowSeconds: 15, policies };
  expect(scalerDeviations(system, { spec: { ...spec, behavior: { scaleDown } } })).toEqual([
    "catalogue.autoscaling.scaleDownPodsPeriodSeconds is not said there, and 15 in the experiment",
  ]);
});
