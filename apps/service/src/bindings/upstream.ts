import type { BreakerState, StaleCache, Upstream } from "@holdfast/resilience";
import type { Telemetry } from "@holdfast/telemetry";

const breakerStates: readonly BreakerState[] = ["closed", "open", "half_open"];

interface Reported {
  upstream: Pick<Upstream, "name" | "state" | "on">;
  cache: Pick<StaleCache<string, unknown>, "on">;
}

/** What an upstream and the memory of its answers tell, as metrics; the breaker also as log lines. */
export function reportUpstream(
  { upstream, cache }: Reported,
  { log, metrics }: Pick<Telemetry, "log" | "metrics">,
): void {
  const { name } = upstream;
  const requests = metrics.counter("http_client_requests_total");
  const attempts = metrics.counter("http_client_attempts_total");
  const breaker = metrics.gauge("circuit_breaker_state");
  const transitions = metrics.counter("circuit_breaker_transitions_total");
  const exhausted = metrics.counter("retry_budget_exhausted_total");
  const fallbacks = metrics.counter("fallback_total");

  function showBreaker(current: BreakerState): void {
    for (const state of breakerStates) breaker.set({ upstream: name, state }, state === current ? 1 : 0);
  }

  upstream.on(function report(event) {
    switch (event.type) {
      case "attempt":
        // Calls that asked nobody would make room for retries that nobody may make.
        if (event.attempt === 1) requests.inc({ upstream: name });
        attempts.inc({ upstream: name, outcome: event.outcome });
        return;
      case "budget-exhausted":
        exhausted.inc({ upstream: name });
        return;
      case "breaker":
        showBreaker(event.to);
        transitions.inc({ upstream: name, state: event.to });
        log.warn(
          { "event.name": "upstream.breaker", upstream: name, from: event.from, to: event.to },
          `breaker of ${name}: ${event.from} -> ${event.to}`,
        );
        return;
      case "retry":
      case "rejected":
      case "call":
        return;
    }
  });

  cache.on(function report(event) {
    if (event.type === "fallback") fallbacks.inc({ upstream: name, kind: event.kind === "none" ? "unknown" : "stale" });
  });

  showBreaker(upstream.state);
}
