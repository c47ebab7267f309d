import type { Lifecycle } from "@holdfast/lifecycle";
import type { Shedder } from "@holdfast/resilience";
import type { Telemetry } from "@holdfast/telemetry";

/** What a shedder tells: a counter, and the state of the lifecycle, whose own line says when it begins and ends. */
export function reportShedder(
  shedder: Pick<Shedder, "on">,
  {
    lifecycle,
    telemetry,
  }: { lifecycle: Pick<Lifecycle, "setShedding">; telemetry: Pick<Telemetry, "log" | "metrics"> },
): void {
  const shed = telemetry.metrics.counter("http_server_shed_requests_total");

  shedder.on(function report(event) {
    switch (event.type) {
      case "shed":
        shed.inc({});
        return;
      case "state": {
        const percent = Math.round(event.utilization * 100);
        lifecycle.setShedding(event.shedding, `event loop ${percent} % busy`);
        return;
      }
      case "interval":
        return;
    }
  });
}
