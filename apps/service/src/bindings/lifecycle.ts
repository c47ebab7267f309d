import { PROBES, type DrainPhase, type Lifecycle, type LifecycleEvent, type LifecycleState } from "@holdfast/lifecycle";
import type { Telemetry } from "@holdfast/telemetry";

const states = Object.keys(PROBES) as LifecycleState[];
const phases: readonly DrainPhase[] = ["lag", "announce", "drain", "close", "flush", "ship"];

/** What a lifecycle tells, as log lines and gauges. */
export function reportLifecycle(
  lifecycle: Pick<Lifecycle, "state" | "on">,
  telemetry: Pick<Telemetry, "log" | "metrics">,
): void {
  const { log } = telemetry;
  const state = telemetry.metrics.gauge("lifecycle_state");
  const phase = telemetry.metrics.gauge("lifecycle_drain_phase");
  const phaseDuration = telemetry.metrics.gauge("lifecycle_drain_phase_duration_seconds");

  let toldToEnd = false;
  // Telemetry's own last line is the last of all: what comes after it is shown, and not said.
  let saying = true;

  function showState(current: LifecycleState): void {
    for (const name of states) state.set({ state: name }, name === current ? 1 : 0);
  }

  function showPhase(current: DrainPhase | undefined): void {
    for (const name of phases) phase.set({ phase: name }, name === current ? 1 : 0);
  }

  function show(event: LifecycleEvent): void {
    if (event.type === "state") showState(event.to);
    if (event.type !== "phase") return;
    showPhase(event.at === "start" ? event.phase : undefined);
    if (event.at === "end") phaseDuration.set({ phase: event.phase }, event.tookMs / 1000);
  }

  function say(event: LifecycleEvent): void {
    switch (event.type) {
      case "state":
        sayState(event);
        return;
      case "listening":
        log.info(
          {
            "event.name": "lifecycle.listening",
            server: event.server,
            "server.address": event.host,
            "server.port": event.port,
          },
          `the ${event.server} port listens on ${event.host}:${event.port}`,
        );
        return;
      case "phase":
        sayPhase(event);
        return;
      case "signal":
        toldToEnd = true;
        log.info({ "event.name": "lifecycle.signal", signal: event.signal, repeated: event.repeated }, event.signal);
        return;
      case "crash":
        toldToEnd = true;
        log.fatal(
          { "event.name": "lifecycle.crash", origin: event.origin, err: event.error },
          `${event.origin}: drains, then exits with code 1`,
        );
        return;
      case "exit":
        log.info(
          { "event.name": "lifecycle.exit", code: event.code, reason: event.reason },
          `exits with code ${event.code}: ${event.reason}`,
        );
        return;
    }
  }

  function sayState({ from, to, reason }: Extract<LifecycleEvent, { type: "state" }>): void {
    const fields = { "event.name": "lifecycle.state", from, to, reason };
    // A port that is taken, start-up work that fails: nobody asked for this end.
    if (from === "starting" && to === "stopped" && !toldToEnd) log.error(fields, `could not start: ${reason}`);
    else log.info(fields, `${to}: ${reason}`);
  }

  function sayPhase(event: Extract<LifecycleEvent, { type: "phase" }>): void {
    const { inFlight, connections } = event;
    const left = { in_flight: inFlight, connections };
    if (event.at === "start") {
      log.info(
        { "event.name": "lifecycle.phase.start", phase: event.phase, deadline_ms: event.deadlineMs, ...left },
        `${event.phase} begins: ${inFlight} in flight on ${connections} connections`,
      );
      if (event.phase === "flush") saying = false;
      return;
    }
    const level = event.problems.length > 0 ? "warn" : "info";
    log[level](
      {
        "event.name": "lifecycle.phase.end",
        phase: event.phase,
        took_ms: event.tookMs,
        outcome: event.outcome,
        problems: event.problems,
        ...left,
      },
      [`${event.phase} ended after ${event.tookMs} ms`, ...event.problems].join("; "),
    );
  }

  lifecycle.on(function report(event) {
    show(event);
    if (saying) say(event);
  });
  showState(lifecycle.state);
  showPhase(undefined);
}
