import { check } from "../check.ts";
import { startClient } from "../client-pod.ts";
import { judgeJoined } from "../joined-trace.ts";
import { mustBreak, TooLittle } from "../judgement.ts";
import { QUICK, type Room } from "../room.ts";
import { isContent, storedOf, TRACE_GATEWAY } from "../stored.ts";

/** One could be luck. */
const REQUESTS = 5;

const TRACED = { ...QUICK, replicas: 1, telemetry: { otlp: { endpoint: TRACE_GATEWAY } } };

/** Asks a catalogue for products, which asks its stock each time. @throws Broken where a trace is not whole */
async function judge(
  room: Room,
  { release, withinSeconds }: { release: string; withinSeconds: number },
): Promise<string> {
  const client = await startClient(room);
  const sent = await client.send({
    url: `http://${release}/api/products/walnut-desk`,
    count: REQUESTS,
    perSecond: REQUESTS,
    sampled: true,
  });
  const failed = sent.find(({ status }) => status !== 200);
  if (failed)
    throw new TooLittle(`${release} answered ${failed.status || failed.error}, so there is no trace to look at.`);
  const found: string[] = [];
  for (const request of sent) {
    const stored = await storedOf(room, request, {
      holds: (all) => isContent(() => judgeJoined(request, all)),
      withinSeconds,
    });
    found.push(judgeJoined(request, stored));
  }
  return `of ${sent.length} requests each has its spans of catalogue and stock in one trace, below the client's own, and log lines that lead to them and back (${found[0] ?? ""})`;
}

check("traces-join", {
  async claim(room) {
    await Promise.all([
      room.install({ release: "stock", values: { ...TRACED, role: "stock" } }),
      room.install({ release: "catalogue", values: { ...TRACED, upstream: { url: "http://stock" } } }),
    ]);
    return judge(room, { release: "catalogue", withinSeconds: 20 });
  },

  async control(room) {
    // The spans of the catalogue have come in the same time; what is missing is the stock's.
    await room.install({
      release: "stock",
      values: { ...TRACED, role: "stock", telemetry: { otlp: { endpoint: "" } } },
    });
    return mustBreak(/No span of stock is stored for .*there are catalogue \(server\), catalogue \(client\)/, () =>
      judge(room, { release: "catalogue", withinSeconds: 8 }),
    );
  },
});
