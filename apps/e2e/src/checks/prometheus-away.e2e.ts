import { ClusterError, platformWorkloads, queryPrometheus } from "@holdfast/cluster";
import { whileAway } from "../away.ts";
import { check } from "../check.ts";
import { startClient, stockBurst, type Client } from "../client-pod.ts";
import { Broken, mustBreak } from "../judgement.ts";
import { STEADY, type Room } from "../room.ts";
import { judgeComplains, judgeScales, readingScaler } from "../scaler-words.ts";
import { judgeSpeed, speedOf } from "../speed.ts";
import { until } from "../until.ts";

const RELEASE = "stock";
const REPLICAS = 2;

const burst = (seconds: number) => stockBurst(RELEASE, { seconds, sampled: false });

const VALUES = {
  ...STEADY,
  role: "stock",
  autoscaling: readingScaler(REPLICAS),
};

/** The HPA asks every 15 s, and needs two scrapes of a window before there is a rate. */
const READS_WITHIN_SECONDS = 90;
const SAYS_WITHIN_SECONDS = 60;

async function install(room: Room): Promise<Client> {
  await room.install({ release: RELEASE, values: VALUES });
  return startClient(room);
}

/** Whether metrics arrive again and the scaler reads them. @throws Broken */
async function judgeRecovered(room: Room, { withinSeconds }: { withinSeconds: number }): Promise<string> {
  const { cluster, signal } = room;
  // It keeps nothing beyond its end, so whatever it has is new.
  const scraped = async () => {
    try {
      return await queryPrometheus(cluster, { query: `up{namespace="${room.namespace}"} == 1`, signal });
    } catch (error) {
      if (error instanceof ClusterError && error.code === "PLATFORM_AWAY") return [];
      throw error;
    }
  };
  const up = await until(scraped, { holds: (found) => found.length >= REPLICAS, withinSeconds, signal });
  if (up.length < REPLICAS)
    throw new Broken(`Prometheus has seen ${up.length} of ${REPLICAS} replicas within ${withinSeconds} s.`);
  return `${up.length} replicas are scraped again and ${await judgeScales(room, { release: RELEASE, withinSeconds: READS_WITHIN_SECONDS })}`;
}

check("prometheus-away", {
  async claim(room) {
    const client = await install(room);
    const before = speedOf(await client.send(burst(5)));
    await judgeScales(room, { release: RELEASE, withinSeconds: READS_WITHIN_SECONDS });
    const [speed, said] = await whileAway(room, platformWorkloads.prometheus, async () => {
      const during = judgeSpeed(await client.send(burst(10)), { before });
      const complaint = await judgeComplains(room, {
        release: RELEASE,
        withinSeconds: SAYS_WITHIN_SECONDS,
        about: /KEDA got no number|has no number to scale on/,
      });
      if (complaint.replicas < REPLICAS) throw new Broken(`${complaint.replicas} of ${REPLICAS} replicas are left.`);
      return [during, complaint.sentence] as const;
    });
    return `${speed}; the scaler says "${said}"; once it is back ${await judgeRecovered(room, { withinSeconds: 40 })}.`;
  },

  async control(room) {
    await install(room);
    return whileAway(room, platformWorkloads.prometheus, () =>
      mustBreak(/^Prometheus has seen 0 of 2 replicas/, () => judgeRecovered(room, { withinSeconds: 5 })),
    );
  },
});
