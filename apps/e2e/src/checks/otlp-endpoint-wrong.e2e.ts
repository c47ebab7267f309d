import { check } from "../check.ts";
import { startClient, stockBurst } from "../client-pod.ts";
import { readSaid } from "../complaints.ts";
import { judgeAllStored } from "../all-stored.ts";
import { mustBreak } from "../judgement.ts";
import { STEADY, type Room } from "../room.ts";
import { judgeSaidOnce } from "../said-once.ts";
import { judgeSpeed, speedOf } from "../speed.ts";
import { isContent, linesOf, TRACE_GATEWAY } from "../stored.ts";
import { until } from "../until.ts";

const RELEASE = "stock";
/** There is no such Service. */
const NOWHERE = "http://no-such-gateway.monitoring:4318";

/** An export is given up after 5 s, and said then. */
const SAID_WITHIN_SECONDS = 15;

const burst = (seconds: number) => stockBurst(RELEASE, { seconds, sampled: true });

const install = (room: Room, endpoint: string) =>
  room.install({
    release: RELEASE,
    values: { ...STEADY, role: "stock", replicas: 1, telemetry: { otlp: { endpoint } } },
  });

/** Whether the service, sent sampled requests, says once where its spans do not arrive. @throws Broken */
async function judgeSays(room: Room): Promise<string> {
  const said = await until(() => readSaid(room, RELEASE), {
    holds: (lines) => lines.some(({ level, isRequest }) => level === "warn" && !isRequest),
    withinSeconds: SAID_WITHIN_SECONDS,
    signal: room.signal,
  });
  const pods = (await room.pods(RELEASE)).map(({ metadata }) => metadata.name);
  return judgeSaidOnce(said, { pods, about: /^Traces are not delivered to / });
}

check("otlp-endpoint-wrong", {
  async claim(room) {
    // Without an endpoint at first: that is the speed to hold.
    await install(room, "");
    const client = await startClient(room);
    const before = speedOf(await client.send(burst(4)));
    await install(room, NOWHERE);
    // The new replica's first requests are slow wherever its spans go.
    await client.send(burst(2));
    const sent = await client.send(burst(6));
    const speed = judgeSpeed(sent, { before });
    const sentence = await judgeSays(room);
    const lines = await until(() => linesOf(room, '_time:10m _msg:="request"'), {
      holds: (found) => isContent(() => judgeAllStored(sent, found)),
      withinSeconds: 20,
      signal: room.signal,
    });
    return `${speed}; it says once "${sentence}"; ${judgeAllStored(sent, lines)}.`;
  },

  async control(room) {
    await install(room, TRACE_GATEWAY);
    const client = await startClient(room);
    await client.send(burst(2));
    return mustBreak(/does not say what is wrong/, () => judgeSays(room));
  },
});
