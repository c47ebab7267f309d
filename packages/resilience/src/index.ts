/** What stands between a service and what it depends on: deadline, breaker, retry budget, stale fallback, shedding. */
export { clientGone } from "./client-gone.ts";
export { DEADLINE_HEADER, readDeadline, startDeadline, type Deadline } from "./deadline.ts";
export { isUnavailable, ResilienceError, type ResilienceErrorCode } from "./errors.ts";
export {
  createShedder,
  type Shedder,
  type ShedderEvent,
  type ShedderOptions,
  type ShedMiddleware,
  type ShedMiddlewareOptions,
} from "./shedder.ts";
export {
  createStaleCache,
  type Cached,
  type StaleCache,
  type StaleCacheEvent,
  type StaleCacheOptions,
} from "./stale-cache.ts";
// createUpstream comes from "@holdfast/resilience/upstream", so that a program that asks nobody does not load cockatiel.
export type {
  Attempt,
  AttemptContext,
  AttemptOutcome,
  BreakerState,
  CallOptions,
  CallOutcome,
  Upstream,
  UpstreamEvent,
  UpstreamOptions,
} from "./upstream.ts";
