import { platformWorkloads } from "@holdfast/cluster";
import { whileAway } from "../away.ts";
import { check } from "../check.ts";
import { startClient, stockBurst, type Client } from "../client-pod.ts";
import { readSaid, type SaidLine } from "../complaints.ts";
import { Broken, mustBreak } from "../judgement.ts";
import { STEADY, type Room } from "../room.ts";
import { judgeSaidOnce } from "../said-once.ts";
import { judgeSpeed, speedOf } from "../speed.ts";
import { spansOf, TRACE_GATEWAY } from "../stored.ts";
import { until } from "../until.ts";

const RELEASE = "stock";
const REPLICAS = 2;

/** Sampled, so that each has a span that cannot be delivered. */
const burst = (seconds: number) => stockBurst(RELEASE, { seconds, sampled: true });

/** An export is given up after 5 s, and said then. */
const SAID_WITHIN_SECONDS = 15;
const SAYS_FAILING = /^Traces are not delivered to /;
const SAYS_AGAIN = /^Traces are delivered to .* again$/;

async function install(room: Room): Promise<Client> {
  const telemetry = { otlp: { endpoint: TRACE_GATEWAY } };
  await room.install({
    release: RELEASE,
    values: { ...STEADY, role: "stock", replicas: REPLICAS, telemetry },
  });
  return startClient(room);
}

/** Enough that each replica gets some. */
const FEW = { ...burst(1), count: 10, perSecond: 20 };

/** Whether spans arrive again: of new requests each time, since what was lost is lost. @throws Broken */
async function judgeRecovered(
  room: Room,
  { client, withinSeconds }: { client: Client; withinSeconds: number },
): Promise<string> {
  const overMs = performance.now() + withinSeconds * 1000;
  do {
    const [request] = await client.send(FEW);
    const spans = await until(() => spansOf(room, request?.traceId ?? ""), {
      holds: (all) => all.length > 0,
      withinSeconds: 4,
      signal: room.signal,
    });
    if (spans.length > 0) return "spans arrive again";
  } while (performance.now() < overMs);
  throw new Broken(`No span arrives within ${withinSeconds} s.`);
}

/** A replica learns that the gateway is back by its next spans. */
async function sayAgain(room: Room, client: Client): Promise<SaidLine[]> {
  await client.send(FEW);
  return (await readSaid(room, RELEASE)).filter(({ message }) => SAYS_AGAIN.test(message));
}

check("collector-away", {
  async claim(room) {
    const client = await install(room);
    const before = speedOf(await client.send(burst(5)));
    const [speed, failing] = await whileAway(room, platformWorkloads.traceGateway, async () => {
      const during = judgeSpeed(await client.send(burst(10)), { before });
      const pods = (await room.pods(RELEASE)).map(({ metadata }) => metadata.name);
      const said = await until(() => readSaid(room, RELEASE), {
        holds: (lines) =>
          pods.every((pod) => lines.some((line) => line.pod === pod && SAYS_FAILING.test(line.message))),
        withinSeconds: SAID_WITHIN_SECONDS,
        signal: room.signal,
      });
      return [during, judgeSaidOnce(said, { pods, about: SAYS_FAILING })] as const;
    });
    const recovered = await judgeRecovered(room, { client, withinSeconds: 40 });
    const again = await until(() => sayAgain(room, client), {
      holds: (lines) => lines.length >= REPLICAS,
      withinSeconds: SAID_WITHIN_SECONDS,
      signal: room.signal,
    });
    if (again.length !== REPLICAS || new Set(again.map(({ pod }) => pod)).size !== REPLICAS)
      throw new Broken(`${REPLICAS} replicas say ${again.length} times that spans are delivered again.`);
    return `${speed}; each of ${REPLICAS} replicas says once "${failing}"; ${recovered}, and each says that once.`;
  },

  async control(room) {
    const client = await install(room);
    return whileAway(room, platformWorkloads.traceGateway, () =>
      mustBreak(/^No span arrives/, () => judgeRecovered(room, { client, withinSeconds: 8 })),
    );
  },
});
