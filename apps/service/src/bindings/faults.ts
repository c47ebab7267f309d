import type { Telemetry } from "@holdfast/telemetry";

import type { Faults } from "../faults/faults.ts";

/** Which faults work, as a gauge and as log lines: nobody shall look for a bug that was switched on. */
export function reportFaults(faults: Pick<Faults, "on">, { log, metrics }: Pick<Telemetry, "log" | "metrics">): void {
  const active = metrics.gauge("faults_active");

  faults.on(function report({ fault, active: on, reason }) {
    active.set({ fault }, on ? 1 : 0);
    log.warn({ "event.name": "fault", fault, active: on, reason }, `fault ${fault} ${on ? "on" : "off"}: ${reason}`);
  });
}
