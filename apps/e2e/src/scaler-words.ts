/** What `./holdfast status` says of a release's scaler. */
import { readOverview, type ScalerView } from "@holdfast/cluster";
import { Broken, TooLittle } from "./judgement.ts";
import type { Room } from "./room.ts";
import { until } from "./until.ts";

/** Eight calls to the API server. */
const EVERY_MS = 3000;

/** The chart's values of a scaler of which only is looked at whether it reads: its target is far above any load here. */
export function readingScaler(minReplicas: number) {
  return {
    mode: "keda",
    minReplicas,
    maxReplicas: 4,
    requestsPerSecond: { target: 1000, windowSeconds: 20 },
    cpu: { targetUtilization: null },
  };
}

async function readScaler({ cluster, namespace, signal }: Room, release: string): Promise<ScalerView> {
  const { scalers } = await readOverview(cluster, { namespaces: [namespace], signal });
  const found = scalers.find(({ name }) => name === release);
  if (!found || found.kind === "none") throw new TooLittle(`${release} has no scaler.`);
  return found;
}

/** Waits until the scaler reads its metrics and nothing is wrong with it. @throws Broken with what is wrong */
export async function judgeScales(room: Room, { release, withinSeconds }: Waiting): Promise<string> {
  const scaler = await until(() => readScaler(room, release), {
    holds: isWell,
    withinSeconds,
    everyMs: EVERY_MS,
    signal: room.signal,
  });
  if (!isWell(scaler)) {
    throw new Broken(
      `The scaler of ${release} does not read its metrics: ${scaler.conditions[0] ?? scaler.metrics.join(", ")}`,
    );
  }
  return `the scaler reads ${scaler.metrics.join(", ")}`;
}

/** Waits until it says that something is wrong. @returns its sentence, and how many replicas there are. @throws Broken where it says nothing */
export async function judgeComplains(
  room: Room,
  { release, withinSeconds, about }: Waiting & { about: RegExp },
): Promise<{ sentence: string; replicas: number }> {
  const complaintOf = ({ conditions }: ScalerView) => conditions.find((sentence) => about.test(sentence));
  const scaler = await until(() => readScaler(room, release), {
    holds: (found) => complaintOf(found) !== undefined,
    withinSeconds,
    everyMs: EVERY_MS,
    signal: room.signal,
  });
  const sentence = complaintOf(scaler);
  if (sentence === undefined) {
    throw new Broken(
      `The scaler of ${release} says nothing of it within ${withinSeconds} s: ${scaler.conditions.join(" ") || "all is well"}.`,
    );
  }
  return { sentence, replicas: scaler.current };
}

interface Waiting {
  readonly release: string;
  readonly withinSeconds: number;
}

function isWell({ conditions, metrics }: ScalerView): boolean {
  return conditions.length === 0 && metrics.length > 0 && metrics.every((metric) => !metric.includes("?"));
}
