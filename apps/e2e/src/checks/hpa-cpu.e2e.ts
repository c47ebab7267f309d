import { condition } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak } from "../judgement.ts";
import type { Hpa } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

/** metrics-server looks every 10 s, as we install it, and needs two looks; the HPA controller asks every 15 s. */
const WITHIN_SECONDS = 90;

async function judge(room: Room, name: string): Promise<string> {
  return room.waitFor<Hpa, string>(["hpa", name], {
    until: ([hpa]) => {
      const cpu = hpa?.status?.currentMetrics?.find(({ resource }) => resource?.name === "cpu");
      const percent = cpu?.resource?.current.averageUtilization;
      if (percent !== undefined) return `It reads ${percent} % of the requested CPU.`;
      const active = hpa && condition(hpa, "ScalingActive");
      // Other reasons pass: at first there are no measurements.
      if (active?.message?.includes("missing request")) throw new Broken(`It reads nothing: ${active.message}.`);
      return undefined;
    },
    withinSeconds: WITHIN_SECONDS,
    otherwise: ([hpa]) =>
      new Broken(
        `It reads nothing within ${WITHIN_SECONDS} s: ${(hpa && condition(hpa, "ScalingActive")?.message) ?? "it has no status"}.`,
      ),
  });
}

check("hpa-cpu", {
  sideBySide: true,

  async claim(room) {
    const autoscaling = { mode: "hpa", minReplicas: 1, maxReplicas: 2, cpu: { targetUtilization: 70 } };
    await room.install({ release: "measured", values: { ...QUICK, role: "stock", autoscaling } });
    return judge(room, "measured");
  },

  async control(room) {
    // The chart itself refuses this, hence an HPA beside it.
    const values = { ...QUICK, role: "stock", replicas: 1, resources: { requests: { cpu: null } } };
    await room.install({ release: "unasked", values });
    await room.apply({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "unasked" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "unasked" },
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
        ],
      },
    });
    return mustBreak(/missing request for cpu/, () => judge(room, "unasked"));
  },
});
