import { check } from "../check.ts";
import { mustBreak } from "../judgement.ts";
import { QUICK, type Room } from "../room.ts";
import { judgeSpread } from "../spread.ts";

const THREE = { ...QUICK, replicas: 3 };

async function judge(room: Room, release: string): Promise<string> {
  const [pods, nodes] = await Promise.all([room.pods(release), room.workers()]);
  return judgeSpread(pods, { nodes, zones: 3 });
}

check("zones", {
  async claim(room) {
    // As `up` installs it, but for its pace.
    const install = (version: string) =>
      room.install({
        release: "spread",
        profile: "workshop",
        values: { ...THREE, autoscaling: { mode: "none" }, podAnnotations: { "holdfast/e2e-version": version } },
      });
    await install("1");
    const first = await judge(room, "spread");
    // The old pods of a rollout must not decide where the new ones go.
    await install("2");
    return `At first ${first}; after a rollout ${await judge(room, "spread")}.`;
  },

  async control(room) {
    const [node] = await room.workers();
    await room.install({
      release: "together",
      values: {
        ...THREE,
        spread: { zone: "off", host: "off" },
        nodeAffinity: {
          required: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node?.metadata.name] }] },
          ],
        },
      },
    });
    return mustBreak(/pods are on one node/, () => judge(room, "together"));
  },
});
