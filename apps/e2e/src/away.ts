/** Parts of the platform that a check takes away: put back whatever happens, by itself or by the next run. */
import type { Kubectl, List } from "@holdfast/cluster";
import type { Meta } from "./kubernetes.ts";
import type { Room } from "./room.ts";

const NAMESPACE = "monitoring";

/** As kubectl names them. */
export const PARTS = {
  traceGateway: "deployment/trace-gateway",
  victoriaLogs: "statefulset/victoria-logs",
  prometheus: "deployment/prometheus",
} as const;
export type Part = (typeof PARTS)[keyof typeof PARTS];

/** On a part from before it goes until it is back, so that an interrupted check can be undone by whoever comes next. */
const AWAY_LABEL = "holdfast/e2e-away";

const GONE_SECONDS = 60;
const BACK_SECONDS = 120;

/** Takes the part away, does the work, and brings it back before anything else happens. */
export async function whileAway<T>(
  room: Pick<Room, "cluster" | "signal">,
  part: Part,
  work: () => Promise<T>,
): Promise<T> {
  const { kubectl } = room.cluster;
  const { signal } = room;
  const [, name = ""] = part.split("/");
  const inside = ["--namespace", NAMESPACE];
  await kubectl.run(["label", part, `${AWAY_LABEL}=true`, "--overwrite", ...inside], { signal });
  try {
    await kubectl.run(["scale", part, "--replicas=0", ...inside], { what: `take ${part} away`, signal });
    const selector = ["-l", `app.kubernetes.io/name=${name}`];
    await kubectl.run(["wait", "pods", ...selector, "--for=delete", `--timeout=${GONE_SECONDS}s`, ...inside], {
      what: `see ${part} go`,
      signal,
    });
    return await work();
  } finally {
    await bringBack(kubectl, [part]);
  }
}

/** Brings parts back that an interrupted check has taken away. @returns which */
export async function bringBackAll(kubectl: Pick<Kubectl, "run" | "json">): Promise<string[]> {
  const { items } = await kubectl.json<List<{ kind: string; metadata: Meta }>>([
    "get",
    "deployments,statefulsets",
    "--namespace",
    NAMESPACE,
    "-l",
    AWAY_LABEL,
  ]);
  const parts = items.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
  await bringBack(kubectl, parts);
  return parts;
}

/** Without a signal: what was begun is undone, whatever happened. */
async function bringBack(kubectl: Pick<Kubectl, "run">, parts: readonly string[]): Promise<void> {
  const inside = ["--namespace", NAMESPACE];
  for (const part of parts) {
    await kubectl.run(["scale", part, "--replicas=1", ...inside], { what: `bring ${part} back` });
    await kubectl.run(["rollout", "status", part, `--timeout=${BACK_SECONDS}s`, ...inside], {
      what: `see ${part} come back`,
      timeoutMs: (BACK_SECONDS + 10) * 1000,
    });
    await kubectl.run(["label", part, `${AWAY_LABEL}-`, ...inside]);
  }
}
