import { check } from "../check.ts";
import { startClient, stockBurst } from "../client-pod.ts";
import { Broken, mustBreak } from "../judgement.ts";
import { STEADY, type Room } from "../room.ts";
import { judgeComplains, judgeScales, readingScaler } from "../scaler-words.ts";
import { judgeSpeed, speedOf } from "../speed.ts";

const RELEASE = "stock";
const MIN = 2;

/** KEDA's query is asked every 15 s. */
const SAYS_WITHIN_SECONDS = 60;

const burst = stockBurst(RELEASE, { seconds: 4, sampled: false });

/** `podAnnotations` false: nobody scrapes the pods, so the query gives no number at all. */
const install = (room: Room, { podAnnotations }: { podAnnotations: boolean }) =>
  room.install({
    release: RELEASE,
    values: {
      ...STEADY,
      role: "stock",
      metrics: { podAnnotations },
      autoscaling: readingScaler(MIN),
    },
  });

/** Whether `status` names the scaler that reads nothing, with its query. @throws Broken */
async function judge(room: Room, { withinSeconds }: { withinSeconds: number }): Promise<string> {
  const { sentence, replicas } = await judgeComplains(room, {
    release: RELEASE,
    withinSeconds,
    about: /KEDA got no number for .*http_server_request_duration_seconds/,
  });
  if (replicas < MIN) throw new Broken(`${replicas} of ${MIN} replicas are left.`);
  return `${replicas} replicas stay, and \`status\` says "${sentence}"`;
}

check("scaler-blind", {
  async claim(room) {
    await install(room, { podAnnotations: false });
    const client = await startClient(room);
    const before = speedOf(await client.send(burst));
    const said = await judge(room, { withinSeconds: SAYS_WITHIN_SECONDS });
    return `${said}; ${judgeSpeed(await client.send(burst), { before })}.`;
  },

  async control(room) {
    await install(room, { podAnnotations: true });
    // Blind as long as nobody has scraped the new pods: that is over before it is judged.
    await judgeScales(room, { release: RELEASE, withinSeconds: 90 });
    return mustBreak(/says nothing of it within/, () => judge(room, { withinSeconds: 20 }));
  },
});
