import type { List } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Meta } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

/** What happened and what was measured are no things of a release; they go by themselves. */
const NO_THINGS = /^(events(\.events\.k8s\.io)?|pods\.metrics\.k8s\.io)$/;

/** Where the platform takes log lines. */
const LOGS_ENDPOINT = "http://victoria-logs.monitoring:9428/insert/opentelemetry/v1/logs";

/** Every object of every kind that the cluster knows, as `kind/name`. */
async function everything(room: Room): Promise<ReadonlySet<string>> {
  const kinds = await room.cluster.kubectl.run(["api-resources", "--namespaced", "--verbs=list", "-o", "name"], {
    signal: room.signal,
  });
  const listed = kinds.split("\n").filter((kind) => kind !== "" && !NO_THINGS.test(kind));
  const { items } = await room.json<List<{ kind: string; metadata: Meta }>>(["get", listed.join(",")]);
  return new Set(items.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
}

/** What is there that was not there before. @throws Broken when anything is */
function judge(before: ReadonlySet<string>, after: ReadonlySet<string>): string {
  const left = [...after].filter((name) => !before.has(name)).toSorted();
  if (left.length > 0) throw new Broken(`Left behind: ${left.join(", ")}.`);
  const lost = [...before].filter((name) => !after.has(name)).toSorted();
  if (lost.length > 0) throw new Broken(`Taken away although not of the release: ${lost.join(", ")}.`);
  return `the namespace holds the ${after.size} objects that it held before`;
}

/** A release with everything that the chart can render here, tested, so that what the test leaves is seen too. */
async function comeAndGo(room: Room): Promise<number> {
  const values = {
    ...QUICK,
    role: "stock",
    service: { headless: { enabled: true } },
    autoscaling: { mode: "keda", minReplicas: 2, maxReplicas: 3 },
    logShipping: { mode: "sidecar", sidecar: { endpoint: LOGS_ENDPOINT } },
  };
  const before = await everything(room);
  await room.install({ release: "passing", values });
  await room.cluster.helm.test("passing", room.namespace, { timeoutSeconds: 120, signal: room.signal });
  const during = await everything(room);
  await room.cluster.helm.uninstall({
    release: "passing",
    namespace: room.namespace,
    timeoutSeconds: 120,
    signal: room.signal,
  });
  // Helm deletes what it made; what Kubernetes made of that ends by itself, pods with their whole drain.
  await room.kubectl([
    "wait",
    "pods,replicasets,endpointslices",
    "-l",
    "app.kubernetes.io/instance=passing",
    "--for=delete",
    "--timeout=60s",
  ]);
  return [...during].filter((name) => !before.has(name)).length;
}

check("uninstall", {
  async claim(room) {
    const before = await everything(room);
    const made = await comeAndGo(room);
    if (made < 8) throw new TooLittle(`Only ${made} objects came with the release, so their going shows little.`);
    return `${made} objects came with the release; after it ${judge(before, await everything(room))}.`;
  },

  async control(room) {
    const before = await everything(room);
    await room.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "forgotten" } });
    return mustBreak(/Left behind: ConfigMap\/forgotten\./, async () => judge(before, await everything(room)));
  },
});
