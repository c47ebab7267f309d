import type { Telemetry } from "@holdfast/telemetry";

/** What a reader of the log must know of the configuration: what is unusual about it. */
export function reportConfig(
  config: { hints: readonly string[]; faults: object | undefined },
  { log }: Pick<Telemetry, "log">,
): void {
  for (const hint of config.hints) log.warn({ "event.name": "config.hint" }, hint);
  if (config.faults !== undefined)
    log.warn({ "event.name": "config.faults" }, "faults can be switched on: FAULTS_ENABLED is true");
}
