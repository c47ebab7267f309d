import type { Environment, VariableName } from "./variables.ts";

/** What two variables must be to each other. */
interface Check {
  of: readonly [VariableName, VariableName];
  /** The mistake and the remedy as a sentence, or `undefined`. */
  mistake: (environment: Environment) => string | undefined;
}

export const checks: readonly Check[] = [
  {
    of: ["DRAIN_SECONDS", "LONGEST_REQUEST_SECONDS"],
    mistake: ({ DRAIN_SECONDS, LONGEST_REQUEST_SECONDS }) =>
      DRAIN_SECONDS < LONGEST_REQUEST_SECONDS
        ? `DRAIN_SECONDS is ${DRAIN_SECONDS}, but LONGEST_REQUEST_SECONDS is ${LONGEST_REQUEST_SECONDS}: a drain would cut requests that are allowed. Set DRAIN_SECONDS to at least ${LONGEST_REQUEST_SECONDS}.`
        : undefined,
  },
  {
    of: ["CRASH_DEADLINE_SECONDS", "CRASH_LAG_SECONDS"],
    mistake: ({ CRASH_DEADLINE_SECONDS, CRASH_LAG_SECONDS }) =>
      CRASH_DEADLINE_SECONDS > 0 && CRASH_DEADLINE_SECONDS <= CRASH_LAG_SECONDS
        ? `CRASH_DEADLINE_SECONDS is ${CRASH_DEADLINE_SECONDS}, which leaves nothing after CRASH_LAG_SECONDS ${CRASH_LAG_SECONDS}. Set it higher, or leave it empty.`
        : undefined,
  },
  {
    of: ["SHED_BELOW", "SHED_ABOVE"],
    mistake: ({ SHED_BELOW, SHED_ABOVE }) =>
      SHED_BELOW >= SHED_ABOVE
        ? `SHED_BELOW is ${SHED_BELOW} and SHED_ABOVE is ${SHED_ABOVE}: shedding would switch on and off at the same load. Set SHED_BELOW below SHED_ABOVE.`
        : undefined,
  },
  {
    of: ["PORT", "ADMIN_PORT"],
    mistake: ({ PORT, ADMIN_PORT }) =>
      PORT !== 0 && PORT === ADMIN_PORT
        ? `PORT and ADMIN_PORT are both ${PORT}: clients must not reach the admin port. Set two different ports.`
        : undefined,
  },
  {
    of: ["HEADERS_TIMEOUT_SECONDS", "REQUEST_TIMEOUT_SECONDS"],
    mistake: ({ HEADERS_TIMEOUT_SECONDS, REQUEST_TIMEOUT_SECONDS }) =>
      HEADERS_TIMEOUT_SECONDS > REQUEST_TIMEOUT_SECONDS
        ? `HEADERS_TIMEOUT_SECONDS is ${HEADERS_TIMEOUT_SECONDS}, but REQUEST_TIMEOUT_SECONDS, which includes it, is ${REQUEST_TIMEOUT_SECONDS}. Set REQUEST_TIMEOUT_SECONDS to at least ${HEADERS_TIMEOUT_SECONDS}.`
        : undefined,
  },
  {
    of: ["STOCK_ATTEMPT_TIMEOUT_MS", "LONGEST_REQUEST_SECONDS"],
    // Without an upstream there are no attempts.
    mistake: ({ STOCK_ATTEMPT_TIMEOUT_MS, LONGEST_REQUEST_SECONDS, STOCK_URL }) =>
      STOCK_URL !== undefined && STOCK_ATTEMPT_TIMEOUT_MS >= LONGEST_REQUEST_SECONDS * 1000
        ? `STOCK_ATTEMPT_TIMEOUT_MS is ${STOCK_ATTEMPT_TIMEOUT_MS}, but a request may take LONGEST_REQUEST_SECONDS ${LONGEST_REQUEST_SECONDS}: one attempt would use it up and no fallback would be answered. Set it below ${LONGEST_REQUEST_SECONDS * 1000}.`
        : undefined,
  },
  {
    of: ["STOCK_IDLE_SECONDS", "KEEP_ALIVE_SECONDS"],
    // The upstream is this same program, so what is set for its sockets is what is set here.
    mistake: ({ STOCK_IDLE_SECONDS, KEEP_ALIVE_SECONDS, STOCK_URL }) =>
      STOCK_URL !== undefined && STOCK_IDLE_SECONDS >= KEEP_ALIVE_SECONDS
        ? `STOCK_IDLE_SECONDS is ${STOCK_IDLE_SECONDS}, but the upstream closes idle sockets after KEEP_ALIVE_SECONDS ${KEEP_ALIVE_SECONDS}: requests would meet sockets that are being closed. Set STOCK_IDLE_SECONDS below ${KEEP_ALIVE_SECONDS}.`
        : undefined,
  },
  {
    of: ["STOCK_HARD_AFTER_FAILURES", "STOCK_URL"],
    mistake: ({ STOCK_HARD_AFTER_FAILURES, STOCK_URL }) =>
      STOCK_HARD_AFTER_FAILURES > 0 && STOCK_URL === undefined
        ? `STOCK_HARD_AFTER_FAILURES is ${STOCK_HARD_AFTER_FAILURES}, but there is no upstream to depend on. Set STOCK_URL, or leave STOCK_HARD_AFTER_FAILURES empty.`
        : undefined,
  },
  {
    of: ["FAULT_SLOW_START_SECONDS", "FAULTS_ENABLED"],
    mistake: ({ FAULT_SLOW_START_SECONDS, FAULTS_ENABLED }) =>
      FAULT_SLOW_START_SECONDS > 0 && !FAULTS_ENABLED
        ? `FAULT_SLOW_START_SECONDS is ${FAULT_SLOW_START_SECONDS}, but faults are off. Set FAULTS_ENABLED to true, or leave FAULT_SLOW_START_SECONDS empty.`
        : undefined,
  },
];
