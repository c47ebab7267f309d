import { expect, it } from "vitest";
import { ClusterError } from "./errors.ts";
import { findMissing, isUnknownKind } from "./presence.ts";

const object = (kind: string, name: string, namespace?: string) => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace },
});

const answering = (lines: readonly string[]) => ({ run: async () => lines.join("\n") });

it("names what is gone, and what is there only in another namespace", async () => {
  const kubectl = answering([
    "Service        prometheus   monitoring",
    "ClusterRole    prometheus   <none>",
    "ConfigMap      config       default",
  ]);
  const role = object("ClusterRole", "prometheus");
  const there = [object("Service", "prometheus", "monitoring"), role, object("ConfigMap", "config")];
  const gone = [object("ServiceAccount", "prometheus", "monitoring"), object("ConfigMap", "config", "monitoring")];
  expect(await findMissing(kubectl, [...there, ...gone])).toEqual(gone);
  // A release's manifest names no namespace: it is the release's.
  expect(await findMissing(kubectl, [object("Service", "prometheus")], { namespace: "monitoring" })).toEqual([]);
  expect(await findMissing(kubectl, [object("Service", "prometheus")], { namespace: "other" })).toHaveLength(1);
});

it("says that all is gone where a kind is, and fails for any other reason", async () => {
  const failing = (text: string) => ({ run: () => Promise.reject(new ClusterError("TOOL_FAILED", text)) });
  const objects = [object("ScaledObject", "catalogue")];
  expect(
    await findMissing(failing('no matches for kind "ScaledObject" in version "keda.sh/v1alpha1"'), objects),
  ).toEqual(objects);
  await expect(findMissing(failing("connection refused"), objects)).rejects.toThrow("connection refused");
});

it("takes only a kind that is not known for an operator that is not installed", () => {
  expect(isUnknownKind(new Error(`error: the server doesn't have a resource type "scaledobjects"`))).toBe(true);
  expect(isUnknownKind(new Error("Unable to connect to the server"))).toBe(false);
});
