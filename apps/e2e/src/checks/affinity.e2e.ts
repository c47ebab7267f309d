import { condition, zoneLabel } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Pod } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

const ZONE = "zone-b";

const zoneTerm = (operator: "In" | "NotIn", zone: string) => ({
  required: [{ matchExpressions: [{ key: zoneLabel, operator, values: [zone] }] }],
});

async function place(room: Room, release: string, values: object): Promise<void> {
  const one = { ...QUICK, role: "stock", replicas: 1, pdb: { enabled: false } };
  // What cannot be placed is what is looked for, so nothing waits until it is Ready.
  await room.install({ release, values: { ...one, ...values }, wait: false });
}

/** Waits until the scheduler has decided. @throws Broken when the pod is elsewhere or Pending */
async function judge(room: Room, release: string): Promise<string> {
  const nodes = await room.workers();
  const zones = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[zoneLabel]]));
  return room.waitFor<Pod, string>(["pods", "-l", `app.kubernetes.io/instance=${release}`], {
    until: ([pod]) => {
      const scheduled = pod && condition(pod, "PodScheduled");
      if (scheduled?.status === "False") throw new Broken(`${release} is Pending: ${scheduled.message}`);
      if (scheduled?.status !== "True") return undefined;
      const zone = zones.get(pod?.spec.nodeName ?? "");
      if (zone !== ZONE) throw new Broken(`${release} is in ${zone}, not in ${ZONE}.`);
      return `${release} is in ${zone}`;
    },
    withinSeconds: 30,
    otherwise: () => new TooLittle(`The scheduler has not looked at ${release} within 30 s.`),
  });
}

check("affinity", {
  async claim(room) {
    await place(room, "upstream", { nodeAffinity: zoneTerm("In", ZONE) });
    const upstream = await judge(room, "upstream");
    await place(room, "near", { upstreamAffinity: { mode: "hard", topology: "zone", release: "upstream" } });
    return `By node affinity ${upstream}, by affinity to it ${await judge(room, "near")}.`;
  },

  async control(room) {
    await Promise.all([
      place(room, "avoids", { nodeAffinity: zoneTerm("NotIn", ZONE) }),
      place(room, "nowhere", { nodeAffinity: zoneTerm("In", "zone-z") }),
      place(room, "lonely", { upstreamAffinity: { mode: "hard", topology: "zone", release: "absent" } }),
    ]);
    const reasons = [
      await mustBreak(/avoids is in zone-[ac], not in/, () => judge(room, "avoids")),
      await mustBreak(/nowhere is Pending/, () => judge(room, "nowhere")),
      await mustBreak(/lonely is Pending/, () => judge(room, "lonely")),
    ];
    return reasons.join(" ");
  },
});
