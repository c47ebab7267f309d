import { readTargets, type List } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import { isReady, type Pod } from "../kubernetes.ts";
import { APP_NAMESPACE, QUICK, type Room } from "../room.ts";
import { judgeScrapes, readScrapes, type Lived, type Matrix } from "../scrapes.ts";
import { until } from "../until.ts";

const RELEASE = "stock";
const REPLICAS = 3;
/** Of the platform's Prometheus. */
const INTERVAL_MS = 5000;
/** Discovery looks every 5 s, and the first scrape comes within an interval after it. */
const SEEN_WITHIN_SECONDS = 20;

/** Namespaces in which a pod may ask to be scraped; the room's own is one more. */
const OURS = [APP_NAMESPACE, "monitoring", "telemetry"];

const valuesOf = (version: string, metrics: object = {}) => ({
  ...QUICK,
  role: "stock",
  replicas: REPLICAS,
  podAnnotations: { "holdfast/e2e-version": version },
  metrics,
});

/** Whether each pod of ours is scraped now: those that ask for it, and every replica of the room's release. @throws Broken */
async function judgeTargets(room: Room): Promise<number> {
  const { cluster, signal } = room;
  const unseen = async () => {
    const [lists, own, targets] = await Promise.all([
      Promise.all(
        OURS.map((namespace) => cluster.kubectl.json<List<Pod>>(["get", "pods", "-n", namespace], { signal })),
      ),
      room.pods(RELEASE),
      readTargets(cluster, { signal }),
    ]);
    const asking = lists
      .flatMap(({ items }) => items)
      .filter((pod) => isReady(pod) && pod.metadata.annotations?.["prometheus.io/scrape"] === "true");
    const pods = [...asking, ...own];
    const up = new Set(
      targets.filter(({ health }) => health === "up").map(({ namespace, pod }) => `${namespace}/${pod}`),
    );
    const missing = pods
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      .filter((name) => !up.has(name));
    return { missing, count: pods.length };
  };
  const { missing, count } = await until(unseen, {
    holds: (found) => found.missing.length === 0,
    withinSeconds: SEEN_WITHIN_SECONDS,
    everyMs: 1000,
    signal,
  });
  if (missing.length > 0) throw new Broken(`Prometheus does not scrape ${missing.join(", ")}.`);
  return count;
}

/** Every replica that lived while `work` went on, as its pod's watch saw it. */
async function livesDuring(room: Room, work: () => Promise<void>): Promise<Lived[]> {
  const lives = new Map<string, { pod: string; readyAtMs?: number; endingAtMs?: number }>();
  const gaps: string[] = [];
  const watch = room.cluster.kubectl.watch<Pod>(
    ["pods", "-l", `app.kubernetes.io/instance=${RELEASE}`, "--namespace", room.namespace],
    {
      onEvent({ object }) {
        const { name, deletionTimestamp } = object.metadata;
        const life = lives.get(name) ?? { pod: name };
        lives.set(name, life);
        if (isReady(object)) life.readyAtMs ??= Date.now();
        if (deletionTimestamp !== undefined) life.endingAtMs ??= Date.now();
      },
      onGap: ({ lengthMs }) => gaps.push(`for ${lengthMs} ms nothing was told`),
      onEnd: (error) => void (error && gaps.push(error.message)),
    },
  );
  try {
    await work();
  } finally {
    await watch.stop();
  }
  if (gaps.length > 0) throw new TooLittle(`Not every replica was seen all its life: ${gaps.join("; ")}.`);
  return [...lives.values()];
}

/** `look`: after the new replicas are ready, which they were for a moment only until somebody has looked. */
async function judgeRollout(
  room: Room,
  { values, look }: { values: object; look: () => Promise<unknown> },
): Promise<string> {
  const lived = await livesDuring(room, async () => {
    await room.install({ release: RELEASE, values });
    await look();
  });
  if (lived.length < 2 * REPLICAS)
    throw new TooLittle(`${lived.length} replicas were seen, where a rollout has ${2 * REPLICAS}.`);
  const query = encodeURIComponent(`up{namespace="${room.namespace}"}[10m]`);
  const path = `/api/v1/namespaces/monitoring/services/prometheus:http/proxy/api/v1/query?query=${query}`;
  const matrix = JSON.parse(await room.cluster.kubectl.raw(path, { signal: room.signal })) as Matrix;
  return judgeScrapes(lived, { scrapes: readScrapes(matrix), intervalMs: INTERVAL_MS, nowMs: Date.now() });
}

check("scrape", {
  async claim(room) {
    await room.install({ release: RELEASE, values: valuesOf("1") });
    const count = await judgeTargets(room);
    const rollout = await judgeRollout(room, { values: valuesOf("2"), look: () => judgeTargets(room) });
    return `${count} pods of ours are scraped; through a rollout ${rollout}.`;
  },

  async control(room) {
    const silent = (version: string) => valuesOf(version, { podAnnotations: false });
    const look = () => mustBreak(/does not scrape holdfast-e2e-scrape\/stock-/, () => judgeTargets(room));
    await room.install({ release: RELEASE, values: silent("3") });
    const now = await look();
    const rollout = await mustBreak(/^stock-\S+ was never scraped/, () =>
      judgeRollout(room, { values: silent("4"), look }),
    );
    return `${now} In a rollout ${rollout}`;
  },
});
