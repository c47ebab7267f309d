import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Cluster, HorizontalPodAutoscaler, Pod } from "@holdfast/cluster";
import { ClusterError } from "@holdfast/cluster";
import { afterAll, expect, test } from "vitest";
import { kindTarget } from "./kind-target.ts";
import { changeSystem, defaultSystemOn, type SystemChange } from "./system.ts";

const logDir = mkdtempSync(path.join(tmpdir(), "experiments-kind-"));
afterAll(() => rmSync(logDir, { recursive: true, force: true }));

type Watched = (event: { type: "ADDED" | "MODIFIED" | "DELETED"; object: unknown }) => void;

/**
 * A cluster without a node, in which every command is written down and each can be made to fail; what its watches show is up to
 * the test.
 */
function clusterWhere(fails: { [verb: string]: string }, change: SystemChange = {}, platform?: string) {
  const calls: string[] = [];
  const shown = new Map<string, Watched>();
  const call = async (what: string) => {
    calls.push(what);
    const [verb = ""] = what.split(" ");
    if (fails[verb] !== undefined) throw new ClusterError("TOOL_FAILED", fails[verb]);
    return "";
  };
  const cluster = {
    name: "holdfast",
    kubeconfig: path.join(logDir, "kubeconfig"),
    // Asked which nodes are paused, it says: none.
    tools: { docker: "true" },
    kubectl: {
      run: (args: readonly string[]) => call(args.slice(0, 3).join(" ")),
      json: async () => ({ items: [] }),
      apply: () => call("apply"),
      // Instead of a pod's log.
      command: () => ["true"],
      watch: ([what = ""]: readonly string[], { onEvent }: { onEvent: Watched }) => {
        shown.set(what, onEvent);
        return { stop: () => call("unwatch") };
      },
    },
    helm: { upgrade: ({ release }: { release: string }) => call(`upgrade ${release}`) },
  } as unknown as Cluster;
  const target = kindTarget({
    cluster,
    chart: "chart",
    images: { service: "service:1", agent: "agent:1" },
    ...(platform === undefined ? {} : { platform }),
  });
  return {
    calls,
    shown,
    create: () => target.create({ system: changeSystem(defaultSystemOn("kind"), change), logDir }),
  };
}

/** A catalogue pod that is ready. */
function pod(name: string): Pod {
  return {
    metadata: { name, uid: name, creationTimestamp: "", labels: { "app.kubernetes.io/instance": "catalogue" } },
    spec: { containers: [{ name: "service", image: "", env: [{ name: "SERVICE_VERSION", value: "1.0.0" }] }] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [
        {
          name: "service",
          ready: true,
          restartCount: 0,
          image: "",
          imageID: "",
          containerID: `containerd://${name}`,
          state: { running: { startedAt: "" } },
        },
      ],
    },
  };
}

function scaler(desiredReplicas: number, because?: string): HorizontalPodAutoscaler {
  return {
    metadata: { name: "keda-hpa-catalogue", uid: "hpa", creationTimestamp: "" },
    spec: { minReplicas: 3, maxReplicas: 7, scaleTargetRef: { kind: "Deployment", name: "catalogue" } },
    status: {
      desiredReplicas,
      conditions: [
        {
          type: "ScalingActive",
          status: because === undefined ? "True" : "False",
          ...(because && { message: because }),
        },
      ],
    },
  };
}

const KEDA = { catalogue: { autoscaling: { mode: "keda" } } } as const;
const HPA = { catalogue: { autoscaling: { mode: "hpa" } } } as const;

const { signal } = new AbortController();

test("a run that is refused its namespace, since another has just made it, takes nothing away", async () => {
  const { create, calls } = clusterWhere({ create: "Error from server (AlreadyExists): namespaces already exists" });
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("Another run has just made the namespace holdfast-lab");
  await target.stop();
  expect(calls).toEqual(["get namespace holdfast-lab", "get namespace holdfast-lab", "create -f -"]);
});

test("a run whose releases cannot be installed takes its own namespace away", async () => {
  const { create, calls } = clusterWhere({ upgrade: "no such chart" });
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("no such chart");
  await target.stop();
  expect(calls).toContain("upgrade catalogue");
  expect(calls.slice(-3)).toEqual(["delete namespace holdfast-lab", "unwatch", "unwatch"]);
});

/** A target that watches, since its start came as far as that. */
async function watching(change: SystemChange) {
  const made = clusterWhere({ upgrade: "no such chart" }, change);
  const target = await made.create();
  await target.start({ signal }).catch(() => {});
  const show = (what: string, object: unknown) => made.shown.get(what)?.({ type: "MODIFIED", object });
  return {
    target,
    showPods: (...names: string[]) => names.forEach((name) => show("pods", pod(name))),
    showScaler: (...about: Parameters<typeof scaler>) =>
      show("horizontalpodautoscalers.v2.autoscaling", scaler(...about)),
    isSettled: () =>
      target.settled("catalogue", { withinMs: 1, signal }).then(
        () => true,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
  };
}

test("with a scaler, settled is what that wants and at least its least: it begins with one", async () => {
  const { target, isSettled, showPods, showScaler } = await watching(KEDA);
  showPods("a");
  expect(await isSettled()).toContain("catalogue did not come to the 3 to 7 ready replicas of 1.0.0");
  showScaler(1);
  expect(await isSettled()).toContain("a 1.0.0 ready");
  showPods("b", "c");
  expect(await isSettled()).toBe(true);
  showScaler(5);
  expect(await isSettled()).toContain("did not come to the 5 ready replicas");
  showPods("d", "e");
  expect(await isSettled()).toBe(true);
  await target.stop();
});

test("a scaler that does not work is named with what it says", async () => {
  const { target, isSettled, showScaler } = await watching(KEDA);
  showScaler(3, "unable to get external metric.");
  expect(await isSettled()).toMatch(/The scaler does not work: unable to get external metric\.$/);
  await target.stop();
});

test("what a scaler wants is an event of the target", async () => {
  const { target, showScaler } = await watching(KEDA);
  const events: unknown[] = [];
  target.on(({ type, service, detail }) => events.push([type, service, detail]));
  showScaler(6);
  expect(events).toEqual([["scaler.desired", "catalogue", { to: 6 }]]);
  await target.stop();
});

test("nobody sets a number that a scaler owns, and no scaler is watched where there is none", async () => {
  const { target } = await watching(KEDA);
  await expect(target.scale("catalogue", 5)).rejects.toThrow("The number of catalogue's replicas is its scaler's");
  await target.stop();
  const { isSettled, showPods, showScaler, target: other } = await watching({});
  showPods("a", "b", "c");
  showScaler(5);
  expect(await isSettled()).toBe(true);
  await other.stop();
});

test("KEDA's refusal of a Deployment that it has not heard of yet is asked once more", async () => {
  const race = 'admission webhook "vscaledobject.kb.io" denied the request: Deployment.apps "catalogue" not found';
  const { create, calls } = clusterWhere({ upgrade: race }, KEDA);
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("not found");
  await target.stop();
  expect(calls.filter((call) => call === "upgrade catalogue")).toHaveLength(2);
});

test("what a run adds to the platform is removed after its namespace, also where it could not be added", async () => {
  const platform = fileURLToPath(new URL("../../../k8s/platform", import.meta.url));
  const { create, calls } = clusterWhere({ apply: "the API server is away" }, HPA, platform);
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("the API server is away");
  expect(calls).not.toContain("upgrade catalogue");
  await target.stop();
  const removed = calls.indexOf("delete --ignore-not-found --wait=true");
  expect(removed).toBeGreaterThan(calls.indexOf("delete namespace holdfast-lab"));
});

test("a target that does not know the platform cannot add to it, and nothing else adds anything", async () => {
  const { create, calls } = clusterWhere({}, HPA);
  const target = await create();
  await expect(target.start({ signal })).rejects.toThrow("was not told where k8s/platform is");
  await target.stop();
  expect(calls).toContain("delete namespace holdfast-lab");
  expect(calls.join()).not.toContain("delete --ignore-not-found");
});
