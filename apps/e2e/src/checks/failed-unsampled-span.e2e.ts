import { check } from "../check.ts";
import { startClient } from "../client-pod.ts";
import { judgeLocalSpan } from "../joined-trace.ts";
import { mustBreak, TooLittle } from "../judgement.ts";
import { QUICK, type Room } from "../room.ts";
import { isContent, storedOf, TRACE_GATEWAY } from "../stored.ts";

const SERVICE = "stock";

const VALUES = {
  ...QUICK,
  role: SERVICE,
  replicas: 1,
  faults: { enabled: true, acceptRisk: true },
  telemetry: { otlp: { endpoint: TRACE_GATEWAY } },
};

/** Outlasts the check; the room goes with it. */
const TTL_SECONDS = 300;

/** Sends one request that is not to be sampled. @throws Broken where no span of it is stored */
async function judge(
  room: Room,
  { status, withinSeconds }: { status: number; withinSeconds: number },
): Promise<string> {
  const client = await startClient(room);
  const [request] = await client.send({
    url: `http://${SERVICE}/api/stock/walnut-desk`,
    count: 1,
    perSecond: 1,
    sampled: false,
  });
  if (!request || request.status !== status) {
    throw new TooLittle(`It was to be answered ${status}, and was ${request?.status || request?.error || "not sent"}.`);
  }
  const judged = (stored: Parameters<typeof judgeLocalSpan>[1]) => judgeLocalSpan(request, stored);
  const stored = await storedOf(room, request, {
    holds: (all) => isContent(() => judged({ service: SERVICE, ...all })),
    withinSeconds,
  });
  if (stored.lines.length === 0)
    throw new TooLittle(`No log line of trace ${request.traceId} is stored, so nobody knows whether it came.`);
  return `A request that was answered ${status} and not to be sampled: ${judged({ service: SERVICE, ...stored })}.`;
}

check("failed-unsampled-span", {
  async claim(room) {
    await room.install({ release: SERVICE, values: VALUES });
    await room.fault(SERVICE, { fault: "error-rate", ratio: 1, ttlSeconds: TTL_SECONDS });
    return judge(room, { status: 500, withinSeconds: 20 });
  },

  async control(room) {
    await room.clearFaults(SERVICE);
    // Long enough for a span to come, by the claim's own measure.
    return mustBreak(/No span of stock is stored .*not sampled/, () => judge(room, { status: 200, withinSeconds: 8 }));
  },
});
