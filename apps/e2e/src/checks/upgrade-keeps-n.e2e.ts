import { ClusterError, condition } from "@holdfast/cluster";
import { check } from "../check.ts";
import { countsDuring } from "../counts.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Hpa } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

/** Neither the chart's `replicas`, nor the scaler's minimum, nor the 1 of a Deployment that names no count. */
const HELD = 4;
const MIN = 2;

const SCALED = {
  minReplicas: MIN,
  maxReplicas: 6,
  // The load that brought it to N is over, but it may not scale in: it holds N and nothing else.
  behavior: { scaleDown: { selectPolicy: "Disabled" } },
};

const valuesOf = (autoscaling: object, version: string): object => ({
  ...QUICK,
  replicas: 3,
  rollout: { ...QUICK.rollout, maxSurge: HELD },
  autoscaling,
  podAnnotations: { "holdfast/e2e-version": version },
});

/** A scaler that has taken over and holds N. */
async function holdingN(room: Room, opts: { release: string; autoscaling: object; hpa: string }): Promise<void> {
  const { release, autoscaling, hpa } = opts;
  await room.install({ release, values: valuesOf(autoscaling, "1") });
  // As load would, without the load.
  await room.kubectl(["scale", `deployment/${release}`, `--replicas=${HELD}`]);
  await room.waitFor<Hpa, true>(["hpa"], {
    until: (all) => {
      const own = all.find(({ metadata }) => metadata.name === hpa);
      const active = own && condition(own, "ScalingActive")?.status === "True";
      return active && own.status?.desiredReplicas === HELD && own.status.currentReplicas === HELD ? true : undefined;
    },
    withinSeconds: 90,
    otherwise: (all) =>
      new TooLittle(
        `The scaler ${hpa} did not come to hold ${HELD}: ${JSON.stringify(all.find(({ metadata }) => metadata.name === hpa)?.status?.conditions ?? "it is not there")}.`,
      ),
  });
}

/** Upgrades and looks at the count all the while. @throws Broken when it was anything but N, or when Helm refused */
async function judge(room: Room, opts: { release: string; autoscaling: object }): Promise<string> {
  const { release, autoscaling } = opts;
  const counts = await countsDuring(room, release, async () => {
    try {
      await room.install({ release, values: valuesOf(autoscaling, "2") });
    } catch (error) {
      const refused = error instanceof ClusterError && /conflict/i.test(error.message);
      if (!refused) throw error;
      throw new Broken(
        `Helm refused the upgrade of ${release}, since somebody else owns the count: ${lastLine(error)}`,
      );
    }
  });
  const other = counts.find((count) => count !== HELD);
  if (other !== undefined) throw new Broken(`The upgrade of ${release} set the count from ${HELD} to ${other}.`);
  return `${release} kept ${HELD} through an upgrade`;
}

function lastLine(error: Error): string {
  return error.message.trim().split("\n").at(-1)?.trim() ?? "";
}

check("upgrade-keeps-n", {
  sideBySide: true,

  async claim(room) {
    const scalers = [
      { release: "keda", hpa: "keda-hpa-keda", autoscaling: { mode: "keda", ...SCALED } },
      { release: "hpa", hpa: "hpa", autoscaling: { mode: "hpa", ...SCALED } },
    ];
    const kept = await Promise.all(
      scalers.map(async (scaler) => {
        await holdingN(room, scaler);
        return judge(room, scaler);
      }),
    );
    return `Held above the minimum of ${MIN} by the scaler: ${kept.join(", ")}.`;
  },

  async control(room) {
    const autoscaling = { mode: "none" };
    await room.install({ release: "owned", values: valuesOf(autoscaling, "1") });
    await room.kubectl(["scale", "deployment/owned", `--replicas=${HELD}`]);
    return mustBreak(/refused the upgrade|set the count/, () => judge(room, { release: "owned", autoscaling }));
  },
});
