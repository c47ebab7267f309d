import { ClusterError, platformWorkloads, type StoredLine } from "@holdfast/cluster";
import { whileAway } from "../away.ts";
import { check } from "../check.ts";
import { startClient, stockBurst, type Client, type Sent } from "../client-pod.ts";
import { complaints, readSaid } from "../complaints.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import { STEADY, type Room } from "../room.ts";
import { judgeSpeed, speedOf } from "../speed.ts";
import { judgeAllStored } from "../all-stored.ts";
import { isContent, linesOf } from "../stored.ts";
import { until } from "../until.ts";

const RELEASE = "stock";

const burst = (seconds: number) => stockBurst(RELEASE, { seconds, sampled: false });

/** The agent asks again every 5 s at the longest, and hands on one batch after the other. */
const ARRIVED_WITHIN_SECONDS = 60;

async function install(room: Room): Promise<Client> {
  await room.install({ release: RELEASE, values: { ...STEADY, role: "stock", replicas: 2 } });
  return startClient(room);
}

/** Whether each of these requests has its line in the store, once. @throws Broken */
async function judgeArrived(
  room: Room,
  { sent, withinSeconds }: { sent: readonly Sent[]; withinSeconds: number },
): Promise<string> {
  const lines = await until(() => requestLines(room), {
    holds: (found) => isContent(() => judgeAllStored(sent, found)),
    withinSeconds,
    signal: room.signal,
  });
  return judgeAllStored(sent, lines);
}

async function requestLines(room: Room): Promise<readonly StoredLine[]> {
  try {
    return await linesOf(room, '_time:10m _msg:="request"');
  } catch (error) {
    if (error instanceof ClusterError && error.code === "PLATFORM_AWAY") return [];
    throw error;
  }
}

/** What the agents say since then about a store that is away. */
async function agentsSay(room: Room, since: Date): Promise<string> {
  const { kubectl } = room.cluster;
  const text = await kubectl.run(
    [
      "logs",
      "-n",
      "telemetry",
      "-l",
      "app.kubernetes.io/name=log-agent",
      "--tail=-1",
      `--since-time=${since.toISOString()}`,
    ],
    { signal: room.signal },
  );
  const line = text.split("\n").find((each) => /victoria-logs/.test(each) && /Exporting failed/.test(each));
  if (line === undefined) throw new Broken("No agent says that the store is away.");
  const { msg, error } = JSON.parse(line) as { msg: string; error: string };
  return `${msg} ${error}`;
}

check("logs-away", {
  async claim(room) {
    const client = await install(room);
    const before = speedOf(await client.send(burst(5)));
    const since = new Date();
    const { sent, speed, said } = await whileAway(room, platformWorkloads.victoriaLogs, async () => {
      const during = await client.send(burst(10));
      const judged = judgeSpeed(during, { before });
      const complaint = complaints(await readSaid(room, RELEASE))[0];
      // The service writes to its stdout, and whoever reads that is not its business.
      if (complaint) throw new Broken(`${complaint.pod} complains: ${complaint.message}`);
      return { sent: during, speed: judged, said: await agentsSay(room, since) };
    });
    return `${speed}, and the service says nothing; an agent says "${said}"; once the store is back ${await judgeArrived(room, { sent, withinSeconds: ARRIVED_WITHIN_SECONDS })}.`;
  },

  async control(room) {
    const client = await install(room);
    return whileAway(room, platformWorkloads.victoriaLogs, async () => {
      const sent = await client.send(burst(2));
      if (sent.some(({ status }) => status !== 200))
        throw new TooLittle("A request failed, so its line proves nothing.");
      return mustBreak(/^Of 100 requests 100 have no stored line/, () =>
        judgeArrived(room, { sent, withinSeconds: 8 }),
      );
    });
  },
});
